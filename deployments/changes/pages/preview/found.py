"""What a preview says about values and templates that were changed outside of Sanso."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployments.cloudformation.drift import FoundState, FoundValue


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideNote:
    """The values that the change replaces and keeps, and the templates that it replaces.

    `is_unreadable`: the templates in AWS cannot be compared; `is_same`: nothing that can be compared differs.
    """

    undone: Sequence[FoundValue]
    kept: Sequence[FoundValue]
    templates: Sequence[str]
    is_unreadable: bool
    is_same: bool

    @property
    def number(self) -> int:
        """Return how many of the changes are overwritten."""
        return len(self.undone) + len(self.templates)

    @property
    def total(self) -> int:
        """Return how many changes were found."""
        return self.number + len(self.kept)


def outside_note(found: FoundState) -> OutsideNote | None:
    """Return the note; None if nothing was changed outside of Sanso."""
    values = [one for one in found.values if one.is_outside]
    if not (values or found.is_outside):
        return None
    is_unreadable = found.is_outside and found.template_digest is None
    return OutsideNote(
        undone=[one for one in values if one.is_undone],
        kept=[one for one in values if not one.is_undone],
        templates=found.undone,
        is_unreadable=is_unreadable,
        is_same=not (values or is_unreadable or found.template_digest),
    )
