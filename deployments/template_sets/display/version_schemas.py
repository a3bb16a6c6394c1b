"""The reference to a version of a template set."""

from __future__ import annotations

from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.template_sets.models.versions import TemplateVersion


class VersionRef(Schema):
    """A version of a template set."""

    id: int = Field(examples=[7])
    set_id: int = Field(examples=[1])
    set_name: str = Field(examples=["shop"])
    number: int = Field(examples=[4])
    label: str = Field(examples=["v1.2"])

    @classmethod
    def of(cls, row: TemplateVersion) -> Self:
        """Return the reference to a row with its source."""
        source = row.source
        return cls(id=row.pk, set_id=source.pk, set_name=source.name, number=row.number, label=row.label)
