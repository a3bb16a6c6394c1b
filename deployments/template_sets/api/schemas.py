"""Template sets, their versions and fetches as the API returns them; never their credentials."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from deployments.access.api.keyset import Page
from deployments.access.api.schemas import Body
from deployments.common.texts import stored_text
from deployments.template_sets.display.version_diff import VersionChanges
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import (
    ACTIVE,
    DEPRECATED,
    WITHDRAWN,
    TemplateRef,
    TemplateVersion,
)
from deployments.template_sets.rules.local_diff import FileChange
from deployments.template_sets.rules.version_diff import FileDiff, SetDiff


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


class SetPage(Page[SetOut]):
    """A page of template sets, the newest first."""


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
    authored_at: datetime | None = Field(description="The date of its commit; null without one.")
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
            authored_at=row.authored_at,
            status=row.status,
            status_reason=row.status_reason,
            fetched_at=row.fetched_at,
        )


class VersionPage(Page[VersionOut]):
    """A page of versions, the newest first; `after` is a number."""


class FileChangeOut(Schema):
    """A file that differs between two versions."""

    name: str = Field(examples=["root.yaml"])
    artifact: str = Field(description="The zip that has it, empty for templates and the manifest.")
    change: FileChange
    added: int = Field(description="The lines that were added; 0 if they are not compared.", examples=[2])
    removed: int = Field(examples=[1])

    @classmethod
    def of(cls, one: FileDiff, artifact: str = "") -> Self:
        """Return a file that differs."""
        return cls(name=one.name, artifact=artifact, change=one.change, added=one.added, removed=one.removed)


class ParameterChangeOut(Schema):
    """A parameter that differs between two versions."""

    name: str = Field(examples=["Size"])
    change: FileChange
    needs_value: bool = Field(description="Whether it is new and has no default.")


class VersionChangesOut(Schema):
    """What a version changes."""

    against: int | None = Field(description="The version that it is compared with; null for the first one.")
    files: list[FileChangeOut]
    parameters: list[ParameterChangeOut]
    problem: str = Field(description="Why the two cannot be compared.")

    @classmethod
    def of(cls, found: VersionChanges) -> Self:
        """Return the changes."""
        diff = found.diff.diff if found.diff else SetDiff()
        files = [FileChangeOut.of(one) for one in diff.files]
        files += [FileChangeOut.of(one, zipped.key) for zipped in diff.artifacts for one in zipped.files]
        return cls(
            against=found.against.pk if found.against else None,
            files=files,
            parameters=[
                ParameterChangeOut(name=one.name, change=one.change, needs_value=one.needs_value)
                for one in diff.parameters
            ],
            problem=found.why_not,
        )


class FetchOut(Schema):
    """A look at a source for new versions; it deploys nothing."""

    id: int = Field(examples=[9])
    state: str = Field(examples=["queued"])
    created_at: datetime
    set_id: int | None = Field(default=None, examples=[1])
    trigger: str = Field(default="", description="What requested it.", examples=["upload"])
    ended_at: datetime | None = None
    added: int = Field(default=0, description="How many new versions it found.", examples=[1])
    problem: str = Field(default="", description="Why it failed.")

    @classmethod
    def of(cls, row: TemplateFetch) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            state=row.state,
            created_at=row.created_at,
            set_id=row.source_id,
            trigger=row.trigger,
            ended_at=row.ended_at,
            added=row.added,
            problem=stored_text(row.error_sentence),
        )


class FetchPage(Page[FetchOut]):
    """A page of fetches, the newest first."""


class VersionStatus(StrEnum):
    """What may be done with a version."""

    ACTIVE = ACTIVE
    DEPRECATED = DEPRECATED
    WITHDRAWN = WITHDRAWN


class StatusBody(Body):
    """The new status of a version."""

    status: VersionStatus
    reason: str = Field(default="", max_length=200, description="Required unless it becomes active.")


class SetKind(StrEnum):
    """Where a template set comes from."""

    GIT = "git"
    FOLDER = "folder"
    ARCHIVE = "archive"


class SetBody(Body):
    """A template set. What is left out has its default; credentials that are left out stay."""

    name: str = Field(max_length=60, examples=["shop"])
    kind: SetKind = SetKind.GIT
    url: str = Field(default="", max_length=500, examples=["https://git.example.com/shop.git"])
    path: str = Field(default="", max_length=255, description="Where the templates are in it.")
    refs: str = Field(default="main v*", max_length=255, description="Patterns of branches and tags.")
    fetch_minutes: StrictInt = Field(default=60, ge=0, le=10_080, description="0: only on request.")
    username: str = Field(default="", max_length=100)
    token: str = Field(default="", max_length=500, description="For https; stored encrypted.")
    ssh_key: str = Field(default="", max_length=10_000, description="For ssh; stored encrypted.")
    host_key: str = Field(default="", max_length=5_000, description="Of the server, for ssh.")
    forget_credentials: StrictBool = Field(default=False, description="Delete the stored credentials.")

    def values(self) -> dict[str, Any]:
        """Return the values of the page's form."""
        return self.model_dump(mode="json") | {"forget": self.forget_credentials}


class WebhookBody(Body):
    """Whether a Git server may request fetches."""

    enabled: StrictBool


class WebhookOut(Schema):
    """The webhook of a template set."""

    enabled: bool
    address: str = Field(examples=["https://sanso.example.com/template-sets/1/push"])
    secret: str = Field(description="It is returned once, and empty in a repeated response.")


class RefOut(Schema):
    """A branch or tag, and the version that it points at."""

    id: int = Field(examples=[6])
    name: str = Field(examples=["refs/tags/v1.2"])
    is_tag: bool
    version: int = Field(description="The key of the version.", examples=[7])
    moved_from: int | None = Field(description="The version at which a tag pointed before.")
    moved_at: datetime | None
    confirmed_at: datetime | None = Field(description="When somebody confirmed that the tag moved.")

    @classmethod
    def of(cls, row: TemplateRef) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            name=row.name,
            is_tag=row.is_tag,
            version=row.version_id,
            moved_from=row.moved_from_id,
            moved_at=row.moved_at,
            confirmed_at=row.confirmed_at,
        )


class RefPage(Page[RefOut]):
    """A page of branches and tags, the newest first."""
