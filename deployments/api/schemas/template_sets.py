"""Template sets, their versions and fetches as the API returns them; never their credentials."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.api.schemas.bodies import Body
from deployments.api.schemas.common import Next
from deployments.models import TemplateFetch, TemplateSource, TemplateVersion
from deployments.models.template_version import ACTIVE, DEPRECATED, WITHDRAWN
from deployments.wording import stored_text


class SetOut(Schema):
    """A template set."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["shop"])
    kind: str = Field(examples=["git"])
    url: str = Field(examples=["https://git.example.com/shop.git"])
    path: str
    refs: str = Field(description="Patterns of branches and tags.", examples=["main v*"])
    is_bundled: bool
    fetch_minutes: int
    fetched_at: datetime | None
    problem: str = Field(description="Why the last fetch failed.")

    @classmethod
    def of(cls, row: TemplateSource) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            name=row.name,
            kind=row.kind,
            url=row.url,
            path=row.path,
            refs=row.refs,
            is_bundled=row.is_bundled,
            fetch_minutes=row.fetch_minutes,
            fetched_at=row.fetched_at,
            problem=stored_text(row.error_sentence),
        )


class SetPage(Schema):
    """A page of template sets, the newest first."""

    items: list[SetOut]
    next: str | None = Next


class VersionOut(Schema):
    """A version of a template set; its files are kept."""

    id: int = Field(examples=[7])
    set_id: int = Field(examples=[1])
    number: int = Field(examples=[4])
    label: str = Field(examples=["v1.2"])
    commit: str
    digest: str
    refs: list[str] = Field(examples=[["refs/tags/v1.2"]])
    message: str
    author: str
    status: str = Field(examples=["active"])
    status_reason: str
    fetched_at: datetime

    @classmethod
    def of(cls, row: TemplateVersion) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            set_id=row.source_id,
            number=row.number,
            label=row.label,
            commit=row.commit,
            digest=row.digest,
            refs=[str(name) for name in row.ref_names],
            message=row.message,
            author=row.author,
            status=row.status,
            status_reason=row.status_reason,
            fetched_at=row.fetched_at,
        )


class VersionPage(Schema):
    """A page of versions, the newest first; `after` is a number."""

    items: list[VersionOut]
    next: str | None = Next


class FetchOut(Schema):
    """A look at a source for new versions; it deploys nothing."""

    id: int = Field(examples=[9])
    state: str = Field(examples=["queued"])
    created_at: datetime

    @classmethod
    def of(cls, row: TemplateFetch) -> Self:
        """Return a row."""
        return cls(id=row.pk, state=row.state, created_at=row.created_at)


class VersionStatus(StrEnum):
    """What may be done with a version."""

    ACTIVE = ACTIVE
    DEPRECATED = DEPRECATED
    WITHDRAWN = WITHDRAWN


class StatusBody(Body):
    """The new status of a version."""

    status: VersionStatus
    reason: str = Field(default="", max_length=200, description="Required unless it becomes active.")
