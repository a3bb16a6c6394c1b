"""A round of polls of one source: its environments, its time limit, and the results."""

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
from deployments.cloudformation.observed_resources import ObservedResources
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, QuotaExhausted
from deployments.common.rules.redaction import NOTHING, Redactor, combined
from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation

Result = TypeVar("Result")
ROUND_SECONDS = 4.0
"""A round starts no other environment after this many seconds: a step ends in 15 s even if a call stalls."""
MAX_QUOTA_WAIT = 1.0
"""Seconds that a round waits for the API quota; after that, the round ends and frees its thread."""
CALL_MAX_WAIT = 1.0
"""Seconds that a call for an open page may wait for the API quota."""


@dataclass(slots=True)
class ObservedEnvironment:
    """One environment in a round. `done`: it was polled. `saw`: at least one call succeeded."""

    observation: Observation
    environment: Environment
    parts: ObservedResources
    fast: bool
    redact: Redactor = NOTHING
    done: bool = False
    saw: bool = False
    changed: bool = False
    problem: AwsFailure | None = None


@dataclass(slots=True)
class PollRound:
    """The calls of one step. A denied call affects its environment only; a stalled one ends the round."""

    clients: Clients
    now: datetime
    until: float = field(default_factory=lambda: monotonic() + ROUND_SECONDS)

    @property
    def is_over(self) -> bool:
        """Return whether the round's time is up."""
        return monotonic() > self.until

    @contextmanager
    def on_behalf(self, observed: Sequence[ObservedEnvironment]) -> Iterator[None]:
        """Make calls with the highest priority of these environments.

        Secret values of these environments are removed from the results.
        """
        connected = self.clients
        self.clients = redacted(connected, combined(one.redact for one in observed))
        try:
            with quota.priority(watched=any(one.fast for one in observed), max_wait=CALL_MAX_WAIT):
                yield
        finally:
            self.clients = connected

    def call(self, observed: Sequence[ObservedEnvironment], request: Callable[[], Result]) -> Result | None:
        """Return the result of a call; None if the resource does not exist or the call is denied.

        A denied call becomes the problem of these environments. Raise AwsRetryable for stalled and throttled
        calls, and if the API quota is used up for the rest of the round.
        """
        try:
            result = self._within_quota(request)
        except AwsNotFound:
            result = None
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            for one in observed:
                one.problem = one.problem or exc
            return None
        for one in observed:
            one.saw = True
        return result

    def _within_quota(self, request: Callable[[], Result]) -> Result:
        """Make the call as soon as the API quota allows it; a round that did not wait would never end."""
        while True:
            try:
                return request()
            except QuotaExhausted as exc:
                if exc.seconds > MAX_QUOTA_WAIT or monotonic() + exc.seconds > self.until:
                    raise
                sleep(exc.seconds)


class ObservationPoller(Protocol):
    """Polls one kind (`deployments/environments/rules/observers.py`) for the environments of an account."""

    source: str

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Make the calls that return data of many environments."""
        ...

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Make the calls for one environment, and write its rows."""
        ...
