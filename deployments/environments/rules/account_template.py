"""The stack of infra_templates/account.yaml: its revision, and whether its roles demand the boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STACK: Final = "sanso-account"
"""The name that docs/production.md gives the stack; its role may describe it."""
REVISION: Final = 12
"""The revision that this version needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTemplate:
    """What a deployed stack says of the roles; None where it says nothing."""

    revision: int | None = None
    needs_boundary: bool | None = None


def deployed(outputs: Mapping[str, str], parameters: Mapping[str, str]) -> AccountTemplate:
    """Return what a stack says of the roles of its account.

    Templates from before revisions count as 1. A stack with Roles=exist has no roles: the stack of another
    region has them.
    """
    if parameters.get("Roles") == "exist":
        return AccountTemplate()
    needs = parameters.get("RolesNeedBoundary")
    return AccountTemplate(
        revision=revision_of(outputs), needs_boundary=None if needs is None else needs == "true"
    )


def revision_of(outputs: Mapping[str, str]) -> int:
    """Return the revision in the stack's outputs; templates from before revisions count as 1."""
    found = outputs.get("Revision", "")
    return int(found) if found.isdecimal() else 1
