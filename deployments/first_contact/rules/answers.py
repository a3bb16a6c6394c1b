"""What a run found out: one answer for each question, with the outcome of the step and of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from deployments.common.errors import AwsAccessError, AwsNotFound, AwsRetryable, SansoError
from deployments.environments.rules.tags import CONTACT_TAG

TAG = CONTACT_TAG
"""The tag of everything that a run creates; its value is the run's own."""
STACKS = "sanso-contact-"
"""What the names of a run's stacks begin with, before the value of its tag."""
PREFIX = "sanso/first-contact/"
"""What the keys of a run's objects in the artifact bucket begin with, before the value of its tag."""


class Match(StrEnum):
    """How an answer compares with what Sanso expects. Stored in JSON columns."""

    EXPECTED = "expected"
    NOTE = "note"
    DIFFERENT = "different"
    DENIED = "denied"
    NO_ANSWER = "no_answer"


class Expect(StrEnum):
    """What a call is expected to return."""

    VALUE = "a value"
    EMPTY = "nothing"
    MISSING = "not found"
    DENIED = "access denied"


_ORDER = (
    Match.EXPECTED,
    Match.NOTE,
    Match.DIFFERENT,
    Match.DENIED,
    Match.NO_ANSWER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAnswer:
    """The answer to one question. `question` names the call, or describes it; `text` is without secrets."""

    question: str
    outcome: Match
    text: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        return asdict(self) | {"outcome": str(self.outcome)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Read the output of `as_json`."""
        return cls(**kept | {"outcome": Match(kept["outcome"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One thing that the run created and that still exists, or may exist. `billing` is a word of Billing.

    It is not `is_certain` if only a search failed that would have found it.
    """

    type: str
    id: str
    billing: str
    why: str = ""
    is_certain: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        return asdict(self)


def compared(expect: Expect, found: object, error: SansoError | None) -> tuple[Match, str]:
    """Return the outcome of a call, and what was returned or raised in place of what was expected."""
    if error is None:
        got = Expect.EMPTY if _is_empty(found) else Expect.VALUE
        text = "" if got is expect else f"expected {expect}, got {got}"
        return (Match.EXPECTED if got is expect else Match.DIFFERENT), text
    text = str(error)
    if isinstance(error, AwsRetryable):
        return Match.NO_ANSWER, text
    if isinstance(error, AwsAccessError):
        return (Match.EXPECTED if expect is Expect.DENIED else Match.DENIED), text
    is_missing = isinstance(error, AwsNotFound)
    return (Match.EXPECTED if is_missing and expect is Expect.MISSING else Match.DIFFERENT), text


def _is_empty(found: object) -> bool:
    """Return whether a result says that there is nothing: an empty list, or a record of empty values."""
    if isinstance(found, str | list | tuple | dict | set | frozenset):
        return not found
    return found is None or found is False


def worst(answers: Iterable[ContactAnswer]) -> Match:
    """Return the worst outcome of some answers."""
    return max((one.outcome for one in answers), key=_ORDER.index, default=Match.EXPECTED)
