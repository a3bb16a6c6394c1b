"""What a step of a first contact works with: it asks AWS, and every call and answer is stored at once."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from deployments.aws import call_capture, session
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.call_logs.rules import log_file
from deployments.call_logs.shared.keep import CallLog, entries_of
from deployments.common.errors import AwsAccessError, AwsRetryable, QuotaExhausted, SansoError
from deployments.common.rules.aws_error_codes import CREDENTIALS
from deployments.first_contact.models import BY_CANCEL, ContactRun, ContactRunQuerySet, ContactStep
from deployments.first_contact.rules.answers import ContactAnswer, Expect, Match, compared
from deployments.first_contact.shared.call_log import redactor_of
from deployments.first_contact.shared.runs import lease

log = logging.getLogger(__name__)
T = TypeVar("T")

REPEATED_FOR = 20.0
"""Seconds for which a call of a step is repeated that AWS does not answer; the clean-up repeats longer."""
MAX_TEXT = 2000
"""Characters of an answer that are stored."""
POLL = 5.0
"""Seconds between two polls of a stack on AWS."""


class StepStopped(Exception):
    """Raised when a step cannot go on; its answers say why, and the next step follows."""


class TakenOver(Exception):
    """Raised when another process works on the run."""


class Canceled(Exception):
    """Raised in a step when the run was canceled."""


class Contact:
    """One run in this process: its account's gateways, and the step in which it is.

    `echo` gets each line that a person may follow. `keep_on` is called before each call and between polls;
    what it raises ends the process's work on the run.
    """

    step: ContactStep

    def __init__(
        self, run: ContactRun, echo: Callable[[str], None], keep_on: Callable[[], None] = lambda: None
    ) -> None:
        self.run, self.account, self.echo, self._keep_on = run, run.account, echo, keep_on
        self.ref: AccountRef = self.account.ref()
        self._clients: Clients | None = None
        self.repeated_for = REPEATED_FOR
        self.can_be_canceled = True
        self._secrets: list[str] = []
        self._forget()

    def _forget(self) -> None:
        """Begin to redact anew, since there are other secrets."""
        self._redact = redactor_of(self.run, self._secrets)
        self._log = CallLog(self._redact.secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Remove these values from everything that is stored from now on."""
        self._secrets += [one for one in secrets if one]
        self._forget()

    def check(self, question: str, call: Callable[[Clients], T], expect: Expect = Expect.VALUE) -> T | None:
        """Make a call, and store its answer. Return the result, None if AWS returned an error."""
        found, error, seconds = self._called(call, expect)
        outcome, text = compared(expect, found, error)
        self._answer(ContactAnswer(question=question, outcome=outcome, text=text, seconds=seconds))
        return found

    def need(self, question: str, call: Callable[[Clients], T]) -> T:
        """Make a call without which the step cannot go on, and store its answer. Raise StepStopped."""
        found, error, seconds = self._called(call, Expect.VALUE)
        outcome, text = compared(Expect.VALUE, found, error)
        if error is None:
            outcome, text = Match.EXPECTED, ""
        self._answer(ContactAnswer(question=question, outcome=outcome, text=text, seconds=seconds))
        if error is not None:
            raise StepStopped(question) from error
        return found  # type: ignore[return-value]  # without an error, the result of the call

    def order(self, question: str, call: Callable[[Clients], None]) -> SansoError | None:
        """Make a call that returns nothing, and store its answer. Return its error."""
        _found, error, seconds = self._called(call, Expect.EMPTY)
        outcome, text = compared(Expect.EMPTY, None, error)
        self._answer(ContactAnswer(question=question, outcome=outcome, text=text, seconds=seconds))
        return error

    def quietly(self, call: Callable[[Clients], T]) -> tuple[T | None, SansoError | None]:
        """Make a call and log it without an answer, such as a poll. Return its result, or its error."""
        found, error, _seconds = self._called(call, Expect.VALUE)
        return found, error

    def note(self, question: str, text: str, outcome: Match = Match.NOTE) -> None:
        """Store what was found out otherwise than by the result of one call."""
        self._answer(ContactAnswer(question=question, outcome=outcome, text=text))

    def pause(self, seconds: float = POLL) -> None:
        """Wait for these seconds, less where AWS is simulated and faster. Raise TakenOver or Canceled."""
        self._keep_run()
        time.sleep(max(0.2, seconds * min(1.0, self.account.timings.scale)))

    def _called(
        self, call: Callable[[Clients], T], expect: Expect
    ) -> tuple[T | None, SansoError | None, float]:
        """Return the result or the error of a call, which is repeated while AWS does not answer."""
        self._keep_run()
        began, pause, is_renewed = time.monotonic(), 1.0, False
        while True:
            try:
                with call_capture.collecting() as collected:
                    try:
                        if self._clients is None:
                            self._clients = session.connect(self.ref)
                        found = call(self._clients)
                    finally:
                        self._write(collected)
                return found, None, time.monotonic() - began
            except QuotaExhausted as exc:
                error: SansoError = exc
                pause = exc.seconds
            except AwsRetryable as exc:
                error = exc
            except AwsAccessError as exc:
                error = exc
                if exc.code in CREDENTIALS and expect is not Expect.DENIED and not is_renewed:
                    self._clients, is_renewed, pause = session.connect_anew(self.ref), True, 0.0
                else:
                    return None, error, time.monotonic() - began
            except SansoError as exc:
                return None, exc, time.monotonic() - began
            if time.monotonic() - began + pause > self.repeated_for:
                return None, error, time.monotonic() - began
            self._keep_run()
            time.sleep(pause)
            pause = min(10.0, max(1.0, pause * 2))

    def without_secrets(self, text: str) -> str:
        """Return the beginning of a text without secrets, as it is stored."""
        return self._redact.without_secrets(text)[:MAX_TEXT]

    def _answer(self, answer: ContactAnswer) -> None:
        if not self._own_row().exists():
            raise TakenOver(self.run.tag)
        answer = replace(answer, text=self.without_secrets(answer.text), seconds=round(answer.seconds, 2))
        step = self.step
        step.answers = [*step.answers, answer.as_json()]
        step.save(update_fields=["answers"])
        mark = {Match.EXPECTED: "ok", Match.NOTE: "--"}.get(answer.outcome, "!!")
        self.echo(f"  {mark} {answer.question}{': ' if answer.text else ''}{answer.text}")

    def _write(self, collected: call_capture.CollectedCalls) -> None:
        """Append calls to the step's log; a log never stops a step."""
        step = self.step
        if not collected.calls or len(step.calls) >= settings.SANSO_CALL_LOG_BYTES:
            return
        try:
            found = entries_of(f"first contact {self.run.tag}", self._log, self._redact, collected)
            lines = "".join(f"{log_file.line(values)}\n" for _call, values in found)
        except Exception:
            log.exception("first contact %s: calls to AWS were not logged", self.run.tag)
            return
        if lines:
            step.calls = bytes(step.calls) + zlib.compress(lines.encode("utf-8", "replace"))
            step.save(update_fields=["calls"])

    def _keep_run(self) -> None:
        """Store that this process works on the run. Raise TakenOver if another one does, or Canceled."""
        self._keep_on()
        now = timezone.now()
        rows = self._own_row()
        if not rows.update(seen_at=now, due_at=now + lease()):
            raise TakenOver(self.run.tag)
        if self.can_be_canceled and rows.filter(stopped_by=BY_CANCEL).exists():
            raise Canceled(self.run.tag)

    def _own_row(self) -> ContactRunQuerySet:
        """Return the row of the run while this process works on it."""
        return ContactRun.objects.filter(pk=self.run.pk, version=self.run.version)
