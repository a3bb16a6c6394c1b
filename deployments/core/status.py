"""What a CloudFormation status means: whether it is final, and the status that pages display for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DisplayStatus(StrEnum):
    """The statuses that pages display, each with a glyph, a label and a color."""

    PENDING = "pending"
    WAITING = "waiting"
    PROGRESS = "progress"
    SETTLING = "settling"
    DONE = "done"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Status:
    """The meaning of a status. `final`: CloudFormation does not change it by itself."""

    display: DisplayStatus
    final: bool


_P, _F = DisplayStatus.PROGRESS, DisplayStatus.FAILED
_WORDS: dict[str, Status] = {
    "": Status(DisplayStatus.PENDING, False),
    "REVIEW_IN_PROGRESS": Status(DisplayStatus.PENDING, False),
    "CREATE_IN_PROGRESS": Status(_P, False),
    "CREATE_COMPLETE": Status(DisplayStatus.DONE, True),
    "CREATE_FAILED": Status(_F, True),
    "UPDATE_IN_PROGRESS": Status(_P, False),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Status(DisplayStatus.SETTLING, False),
    "UPDATE_COMPLETE": Status(DisplayStatus.DONE, True),
    "UPDATE_FAILED": Status(_F, True),
    "DELETE_IN_PROGRESS": Status(_P, False),
    "DELETE_COMPLETE": Status(DisplayStatus.DELETED, True),
    "DELETE_FAILED": Status(_F, True),
    "DELETE_SKIPPED": Status(DisplayStatus.DONE, True),
    "ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "ROLLBACK_FAILED": Status(_F, True),
    "UPDATE_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "UPDATE_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "UPDATE_ROLLBACK_FAILED": Status(_F, True),
    "IMPORT_IN_PROGRESS": Status(_P, False),
    "IMPORT_COMPLETE": Status(DisplayStatus.DONE, True),
    "IMPORT_FAILED": Status(_F, True),
    "IMPORT_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "IMPORT_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "IMPORT_ROLLBACK_FAILED": Status(_F, True),
    "EXPORT_IN_PROGRESS": Status(_P, False),
    "EXPORT_COMPLETE": Status(DisplayStatus.DONE, True),
    "EXPORT_FAILED": Status(_F, True),
    "EXPORT_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "EXPORT_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "EXPORT_ROLLBACK_FAILED": Status(_F, True),
}
CANCELLED_REASONS = (
    "Resource creation cancelled",
    "Resource update cancelled",
    "Resource deletion cancelled",
)


def reduce_word(word: str) -> Status:
    """Return the meaning of a StackStatus or ResourceStatus word.

    Raises ValueError when the word is unknown: a test walks botocore's enums, so that a new word of
    CloudFormation's turns the tests red, while pages go through `display_status` and stay up.
    """
    try:
        return _WORDS[word]
    except KeyError:
        raise ValueError(f"unknown CloudFormation status {word!r}") from None


def statuses_of(display: DisplayStatus) -> frozenset[str]:
    """Return the CloudFormation statuses that are displayed as this status, whatever the reason."""
    return frozenset(word for word, status in _WORDS.items() if word and status.display is display)


def is_final(word: str) -> bool:
    """Tell whether a word is final; an unknown word is final unless it says IN_PROGRESS."""
    known = _WORDS.get(word)
    return known.final if known else "IN_PROGRESS" not in word


def is_failed(word: str) -> bool:
    """Tell whether a resource or stack with this word has failed."""
    return word.endswith("_FAILED")


def is_cancelled(word: str, reason: str) -> bool:
    """Tell whether a failed resource is collateral: cancelled since a sibling failed first."""
    return is_failed(word) and reason.startswith(CANCELLED_REASONS)


def display_status(word: str, reason: str = "") -> DisplayStatus:
    """Return the status to display; an unknown status is displayed as in progress or done."""
    if is_cancelled(word, reason):
        return DisplayStatus.CANCELLED
    known = _WORDS.get(word)
    if known:
        return known.display
    return DisplayStatus.PROGRESS if "IN_PROGRESS" in word else DisplayStatus.DONE
