"""The details of a resource's change: the property, the values before and after, and the cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """One ResourceChangeDetail. Values are None where CloudFormation has none; AWS may truncate them.

    `recreation` is RequiresRecreation.
    """

    attribute: str
    name: str = ""
    path: str = ""
    before: str | None = None
    after: str | None = None
    recreation: str = ""
    evaluation: str = ""
    source: str = ""
    causing_entity: str = ""
    kind: str = ""
    """AttributeChangeType: Add, Remove, Modify or SyncWithActual."""


def details_of(change: Any) -> tuple[PropertyChange, ...]:
    """Return the details of a ResourceChange of botocore."""
    return tuple(_detail(one) for one in change.get("Details", ()))


def _detail(detail: Any) -> PropertyChange:
    target = detail.get("Target", {})
    return PropertyChange(
        attribute=target.get("Attribute", ""),
        name=target.get("Name", ""),
        path=target.get("Path", ""),
        before=target.get("BeforeValue"),
        after=target.get("AfterValue"),
        recreation=target.get("RequiresRecreation", ""),
        evaluation=detail.get("Evaluation", ""),
        source=detail.get("ChangeSource", ""),
        causing_entity=detail.get("CausingEntity", ""),
        kind=target.get("AttributeChangeType", ""),
    )
