"""Which stacks a deployment asks about in a step, by what their rows remember of earlier steps."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from deployments.core.dependencies import stack_of
from deployments.core.polling import (
    MIN_INTERVAL,
    QUIET_POLLS,
    ROOT_INTERVAL,
    PolledStack,
    TokenBucket,
    choose,
    delay,
)
from deployments.core.schedule import PHASE
from deployments.core.status import IN_REVIEW, is_final
from deployments.core.timeline import at_ms
from deployments.models import Deployment, Expectation, Stack, timeline

AT_ONCE = 0.0
TRAILING = 3.0
"""Seconds between two looks for the last events, once the root stack has come to its end."""
IN_THE_SANDBOX = 1.0
"""Seconds between two steps in the sandbox, which costs nothing: all stacks are asked in each."""


def notify_changed(deployment: Deployment, stack_id: str) -> bool:
    """Take the hint that a stack changed: it is read first, at once. Returns whether it is one of ours.

    A step that is under way ends as it would, and the next follows it immediately.
    """
    now = timezone.now()
    stacks = Stack.objects.of(deployment).with_id(stack_id)
    if not stacks.update(hinted_at=now, settled=False):
        return False
    # A due time further ahead than any step asks for is a lease: somebody is at it.
    soon = now + timedelta(seconds=settings.SANSO_TICK_LEASE / 2)
    rows = Deployment.objects.active().filter(pk=deployment.pk)
    rows.filter(due_at__gt=now, due_at__lte=soon).update(due_at=now)
    return True


class PollRound:
    """One step's look at the stacks of a deployment."""

    def __init__(self, deployment: Deployment, now: datetime) -> None:
        self.deployment, self.now = deployment, now.timestamp()
        self.everything = deployment.environment.account.is_sandbox
        self._next: dict[str, float] | None = None
        stacks = list(Stack.objects.of(deployment))
        root = next((stack for stack in stacks if not stack.path), None)
        kept = root.polling if root else {}
        purse = TokenBucket(*kept["purse"]) if "purse" in kept else self._full_purse()
        self.purse = purse.at_time(self.now)
        self.asked_root_at = float(kept.get("root_asked_at", 0))
        self.wants_root = self.everything or root is None or self._is_time_for_the_root(root)
        watched = self._watched(stacks)
        self.chosen = set(choose(watched, self._left(), self.now))
        self.asked = 0

    def _is_time_for_the_root(self, root: Stack) -> bool:
        """Tell whether the root stack itself has to be looked at: its events do not tell its outputs."""
        fresh = not root.changes or root.status == IN_REVIEW
        fresh = fresh or root.settled
        return fresh or is_final(root.status) or self.now - self.asked_root_at >= ROOT_INTERVAL

    def _full_purse(self) -> TokenBucket:
        expected = Expectation.objects.filter(deployment=self.deployment).first()
        return TokenBucket.for_seconds(expected.seconds if expected else 0.0)

    def _left(self) -> TokenBucket:
        return self.purse.spend(1) if self.wants_root else self.purse

    def wants(self, stack: Stack) -> bool:
        """Tell whether to read a stack's events now: those chosen, and those that nobody has read yet."""
        return self.everything or stack.path in self.chosen or "asked_at" not in stack.polling

    def remember(self, stack: Stack, *, news: bool) -> dict[str, object]:
        """Return what a stack's row remembers once its events were read."""
        self.asked += 1
        quiet = 0 if news else int(stack.polling.get("quiet", 0)) + 1
        return {**stack.polling, "asked_at": self.now, "quiet": quiet}

    def delay(self, *, asked_root: bool) -> float:
        """Write down what was spent, and return the seconds to the next step."""
        stacks = list(Stack.objects.of(self.deployment))
        root = next((stack for stack in stacks if not stack.path), None)
        purse = self.purse.spend(self.asked + (1 if asked_root else 0))
        if root is not None:
            root.polling |= {"purse": purse.as_row()} | ({"root_asked_at": self.now} if asked_root else {})
            Stack.objects.filter(pk=root.pk).update(polling=root.polling)
        if any(stack.hinted_at for stack in stacks):
            return AT_ONCE
        if self.everything:
            return IN_THE_SANDBOX
        if root is not None and is_final(root.status):
            return TRAILING if asked_root else MIN_INTERVAL
        return delay(self._watched(stacks), purse, self.now)

    def _watched(self, stacks: list[Stack]) -> list[PolledStack]:
        """Return the stacks to choose from, with what is expected of those that were quiet for long."""
        open_ = [stack for stack in stacks if not stack.settled and stack.stack_id]
        calm = any(int(stack.polling.get("quiet", 0)) >= QUIET_POLLS for stack in open_)
        expected = self._expected() if calm and not self.everything else {}
        return [
            PolledStack(
                path=stack.path,
                asked_at=stack.polling.get("asked_at"),
                quiet=int(stack.polling.get("quiet", 0)),
                expected=expected.get(stack.path),
                hinted=stack.hinted_at is not None,
            )
            for stack in open_
        ]

    def _expected(self) -> dict[str, float]:
        """Return when something is expected next in each stack: an end, or a beginning. Reckoned once."""
        if self._next is None:
            self._next = {}
            lines = timeline.load(self.deployment, now=at_ms(1000 * self.now)).lines
            for path, line in lines.items():
                if path.startswith(PHASE) or line.expected is None:
                    continue
                coming = [at / 1000 for at in (line.expected.start, line.expected.end) if at is not None]
                for at in (at for at in coming if at > self.now):
                    for stack in {stack_of(path), path} if line.is_stack else {stack_of(path)}:
                        self._next[stack] = min(at, self._next.get(stack, at))
        return self._next
