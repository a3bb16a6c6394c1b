"""A round of questions to one source: for whom, until when, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, sleep
from typing import Protocol, TypeVar

from deployments.aws import quota
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.core.health.parts import ObservedParts
from deployments.core.redaction import NOTHING, Redactor, combined
from deployments.errors import AwsFailure, AwsNotFound, AwsRetryable, QuotaExhausted
from deployments.models import Environment, Observation

Answer = TypeVar("Answer")
ROUND_SECONDS = 4.0
"""A round begins no further environment after this long: so with one that stalls a tick ends in 15 s."""
MAX_QUOTA_WAIT = 1.0
"""Seconds for which a round waits for the next call of the budget; for longer it gives its thread back."""
CALL_MAX_WAIT = 1.0
"""Seconds that a call on behalf of someone who looks may wait for its turn in the account's budget."""


@dataclass(slots=True)
class ObservedEnvironment:
    """One environment in a round. `done` when its turn has come, `saw` when anything was learned."""

    observation: Observation
    environment: Environment
    parts: ObservedParts
    fast: bool
    redact: Redactor = NOTHING
    done: bool = False
    saw: bool = False
    changed: bool = False
    problem: AwsFailure | None = None


@dataclass(slots=True)
class PollRound:
    """The calls of one tick. What one environment may not see is its own problem; what stalls ends all."""

    clients: Clients
    now: datetime
    until: float = field(default_factory=lambda: monotonic() + ROUND_SECONDS)

    @property
    def is_over(self) -> bool:
        """Return whether the round's time is up."""
        return monotonic() > self.until

    @contextmanager
    def on_behalf(self, asked: Sequence[ObservedEnvironment]) -> Iterator[None]:
        """Make the calls within as urgent as the most urgent of these environments.

        What they return shows no secret value of any of these.
        """
        connected = self.clients
        self.clients = redacted(connected, combined(one.redact for one in asked))
        try:
            with quota.priority(watched=any(one.fast for one in asked), patience=CALL_MAX_WAIT):
                yield
        finally:
            self.clients = connected

    def ask(self, asked: Sequence[ObservedEnvironment], call: Callable[[], Answer]) -> Answer | None:
        """Return what AWS answers; None when that does not exist or may not be seen.

        A denied call becomes the problem of those who asked. Raises AwsRetry for what stalls or throttles,
        and when the account's budget has no call left in the round's time.
        """
        try:
            answer = self._in_turn(call)
        except AwsNotFound:
            answer = None
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            for one in asked:
                one.problem = one.problem or exc
            return None
        for one in asked:
            one.saw = True
        return answer

    def _in_turn(self, call: Callable[[], Answer]) -> Answer:
        """Make the call when the budget has one: a round that gave up at once would never come to an end."""
        while True:
            try:
                return call()
            except QuotaExhausted as exc:
                if exc.seconds > MAX_QUOTA_WAIT or monotonic() + exc.seconds > self.until:
                    raise
                sleep(exc.seconds)


class SourcePoller(Protocol):
    """Polls one source (`deployments/core/sources.py`) for the environments of an account."""

    source: str

    def together(self, turn: PollRound, asked: Sequence[ObservedEnvironment]) -> None:
        """Ask what the API tells of many environments in one call."""
        ...

    def each(self, turn: PollRound, one: ObservedEnvironment) -> None:
        """Ask what it tells of one at a time, and write all that is known of it now."""
        ...
