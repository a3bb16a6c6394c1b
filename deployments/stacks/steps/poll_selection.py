"""Which stacks a step of a deployment polls, by the state of polling in their rows."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from deployments.cloudformation.dependencies import stack_of
from deployments.cloudformation.polling import PolledStack, TokenBucket, choose, delay
from deployments.cloudformation.schedule import PHASE
from deployments.cloudformation.status import IN_REVIEW, is_final
from deployments.cloudformation.timeline import at_ms
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import timeline
from deployments.stacks.models.durations import Expectation
from deployments.stacks.models.stacks import Stack

AT_ONCE = 0.0


def notify_changed(deployment: Deployment, stack_id: str) -> bool:
    """Record the notification that a stack has changed, so that it is polled next, at once.

    Return whether it is a stack of the deployment. A step in progress is not interrupted; the next one
    follows immediately.
    """
    now = timezone.now()
    stacks = Stack.objects.of(deployment).with_id(stack_id)
    if not stacks.update(hinted_at=now, settled=False):
        return False
    rows = Deployment.objects.active().filter(pk=deployment.pk)
    leases.hasten(rows, now, timedelta(seconds=settings.SANSO_TICK_LEASE))
    return True


class PollSelection:
    """The polls of one step: the stacks of a deployment to poll, and the calls that they take."""

    def __init__(self, deployment: Deployment, now: datetime) -> None:
        self.deployment, self.now = deployment, now.timestamp()
        self.limits = deployment.environment.account.timings.polling
        self._next: dict[str, float] | None = None
        stacks = list(Stack.objects.of(deployment))
        root = next((stack for stack in stacks if not stack.path), None)
        stored = root.polling if root else {}
        row = stored.get("purse")
        bucket = TokenBucket.from_row(row, self.limits) if row else self._full_bucket()
        self.bucket = bucket.at_time(self.now)
        self.root_polled_at = float(stored.get("root_asked_at", 0))
        self.includes_root = root is None or self._is_root_due(root)
        self.chosen = set(choose(self._polled(stacks), self._left(), self.now))
        self.calls = 0

    def _is_root_due(self, root: Stack) -> bool:
        """Return whether to describe the root stack: its outputs are not in its events."""
        at_an_end = not root.changes or root.status == IN_REVIEW or root.settled or is_final(root.status)
        return at_an_end or self.now - self.root_polled_at >= self.limits.root_interval

    def _full_bucket(self) -> TokenBucket:
        expected = Expectation.objects.filter(deployment=self.deployment).first()
        return TokenBucket.for_seconds(expected.seconds if expected else 0.0, self.limits)

    def _left(self) -> TokenBucket:
        return self.bucket.spend(1) if self.includes_root else self.bucket

    def includes(self, stack: Stack) -> bool:
        """Return whether to read a stack's events now: it was chosen, or has never been polled."""
        return stack.path in self.chosen or "asked_at" not in stack.polling

    def state_after(self, stack: Stack, *, new_events: bool) -> dict[str, object]:
        """Return the state of polling of a stack whose events were read."""
        self.calls += 1
        quiet = 0 if new_events else int(stack.polling.get("quiet", 0)) + 1
        return {**stack.polling, "asked_at": self.now, "quiet": quiet}

    def delay(self, *, polled_root: bool) -> float:
        """Store the calls that were made, and return the seconds until the next step."""
        stacks = list(Stack.objects.of(self.deployment))
        root = next((stack for stack in stacks if not stack.path), None)
        bucket = self.bucket.spend(self.calls + (1 if polled_root else 0))
        if root is not None:
            root.polling |= {"purse": bucket.as_row()} | ({"root_asked_at": self.now} if polled_root else {})
            Stack.objects.filter(pk=root.pk).update(polling=root.polling)
        if any(stack.hinted_at for stack in stacks):
            return AT_ONCE
        if root is not None and is_final(root.status):
            return self.limits.trailing_interval if polled_root else self.limits.min_interval
        return delay(self._polled(stacks), bucket, self.now)

    def _polled(self, stacks: list[Stack]) -> list[PolledStack]:
        """Return the stacks to choose from, with the next expected event if one had no event for long."""
        open_ = [stack for stack in stacks if not stack.settled and stack.stack_id]
        is_quiet = any(int(stack.polling.get("quiet", 0)) >= self.limits.quiet_polls for stack in open_)
        expected = self._expected() if is_quiet else {}
        return [
            PolledStack(
                path=stack.path,
                polled_at=stack.polling.get("asked_at"),
                quiet=int(stack.polling.get("quiet", 0)),
                expected=expected.get(stack.path),
                notified=stack.hinted_at is not None,
            )
            for stack in open_
        ]

    def _expected(self) -> dict[str, float]:
        """Return when the next event (an end or a beginning) is expected in each stack. Computed once."""
        if self._next is None:
            self._next = {}
            rows = timeline.load(self.deployment, now=at_ms(1000 * self.now)).lines
            for path, row in rows.items():
                if path.startswith(PHASE) or row.expected is None:
                    continue
                expected = [at / 1000 for at in (row.expected.start, row.expected.end) if at is not None]
                for at in (at for at in expected if at > self.now):
                    for stack in {stack_of(path), path} if row.is_stack else {stack_of(path)}:
                        self._next[stack] = min(at, self._next.get(stack, at))
        return self._next
