"""The answers of a log of one deployment, for the calls that the same deployment makes when it is replayed.

A log leaves out an answer that is like the one before. So a poll gets the next different answer: what a
replay shows is the order of answers, not their times.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients, clients_of
from tests.aws.call_log_files import Call, answered


@dataclass
class _Question:
    """The recorded answers to one call with the same parameters, in their order; `given` were returned."""

    leaves: Counter[str]
    answers: list[tuple[int, Call]] = field(default_factory=list)
    given: int = 0


class NotRecorded(AssertionError):
    """Raised for a call of which the log has no answer."""


class RecordedAnswers:
    """Connects to an account that gives the recorded answers."""

    def __init__(self, calls: Sequence[Call], region: str) -> None:
        self.region = region
        self.called: Counter[str] = Counter()
        self._questions: dict[tuple[str, str], list[_Question]] = defaultdict(list)
        self._at = 0
        for number, call in enumerate(calls):
            leaves = Counter(_leaves(call["parameters"]))
            questions = self._questions[call["service"], call["operation"]]
            known = next((one for one in questions if one.leaves == leaves), None)
            if known is None:
                known = _Question(leaves)
                questions.append(known)
            if call["status"]:
                known.answers.append((number, call))

    def __call__(self, _ref: AccountRef) -> Clients:
        session = boto3.Session("x", "x", region_name=self.region)
        session.events.register("provide-client-params", _keep_parameters)
        session.events.register("before-call", self._answer)
        config = Config(retries={"total_max_attempts": 1})
        return clients_of(functools.partial(session.client, config=config), self.region)

    def _answer(self, model: Any, context: dict[str, Any], **_rest: Any) -> Any:
        service, operation = model.service_model.endpoint_prefix, model.name
        self.called[operation] += 1
        return answered(self.next(service, operation, context.get("asked", {})), model)

    def next(self, service: str, operation: str, parameters: Any) -> Call:
        """Return the answer to a call: that to the recorded call whose parameters are most alike.

        It is the latest one that was there when AWS gave the answers before, if there is a new one.
        """
        leaves = Counter(_leaves(parameters))
        questions = [one for one in self._questions[service, operation] if one.answers]
        if not questions:
            raise NotRecorded(f"{service}:{operation} {parameters}")
        found = max(questions, key=lambda one: (one.leaves & leaves).total() - (one.leaves - leaves).total())
        known = sum(number <= self._at for number, _call in found.answers)
        found.given = min(max(known, found.given + 1), len(found.answers))
        number, call = found.answers[found.given - 1]
        self._at = max(self._at, number)
        return call


def _keep_parameters(params: Any, context: dict[str, Any], **_rest: Any) -> None:
    context["asked"] = params


def _leaves(value: Any, place: str = "") -> Iterator[str]:
    """Yield each value with its place, as text."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one, place)
    else:
        yield f"{place}={value}"
