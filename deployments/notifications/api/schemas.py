"""Notification targets and deliveries as the API returns and takes them; never addresses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from deployments.access.api.keyset import MAX_KEY, Page
from deployments.access.api.schemas import AccountRef, Body, EnvironmentRef
from deployments.common.texts import stored_text
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.pages.forms import EVERY
from deployments.notifications.rules.topics import CHOSEN


class TargetKind(StrEnum):
    """How messages are sent."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    SERVICE = "service"


class Language(StrEnum):
    """The language of the texts in messages."""

    ENGLISH = "en"
    JAPANESE = "ja"


class TargetOut(Schema):
    """Where notifications go."""

    id: int = Field(examples=[2])
    name: str = Field(examples=["Chat"])
    kind: str = Field(examples=["webhook"])
    hint: str = Field(description="What may be displayed of its address.", examples=["hooks.example.com"])
    is_shared: bool
    topics: list[str] = Field(examples=[["deployment.failed"]])
    account: AccountRef | None = Field(description="Only about this account.")
    environment: EnvironmentRef | None = Field(description="Only about this environment.")
    label: str = Field(
        description="Only about environments with this label, key=value; empty if it is about others.",
        examples=["team=payments"],
    )
    language: str = Field(examples=["en"])
    enabled: bool
    disabled_reason: str = Field(description="Why Sanso disabled it, in the request's language.")
    created_at: datetime

    @classmethod
    def of(cls, row: NotificationTarget) -> TargetOut:
        """Return a row."""
        return TargetOut(**_values(row))


class TargetWithSecret(TargetOut):
    """A target, and the secret that signs its messages."""

    secret: str = Field(
        description="Of a new webhook or secret. It is returned once, and empty in a repeated response."
    )

    @classmethod
    def with_secret(cls, row: NotificationTarget, secret: str) -> Self:
        """Return a row with its secret."""
        return cls(**_values(row), secret=secret)


def _values(row: NotificationTarget) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "kind": row.kind,
        "hint": row.hint,
        "is_shared": row.is_shared,
        "topics": row.topics,
        "account": AccountRef.of(row.account) if row.account else None,
        "environment": EnvironmentRef.of(row.environment) if row.environment else None,
        "label": row.label,
        "language": row.language,
        "enabled": row.enabled,
        "disabled_reason": stored_text(row.disabled_reason),
        "created_at": row.created_at,
    }


class TargetPage(Page[TargetOut]):
    """A page of targets, the newest first."""


class DeliveryOut(Schema):
    """A message to a target."""

    id: int = Field(examples=[40])
    message_id: str = Field(description="The same in each attempt.")
    topic: str = Field(examples=["deployment.failed"])
    state: str = Field(examples=["sent"])
    environment: EnvironmentRef | None
    attempts: int
    status: int | None = Field(description="Of the response to the last attempt.", examples=[200])
    milliseconds: int | None
    error: str = Field(description="Why the last attempt failed, in the request's language.")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Delivery) -> Self:
        """Return a row."""
        return cls(
            id=row.pk,
            message_id=str(row.message_id),
            topic=row.topic,
            state=row.state,
            environment=EnvironmentRef.of(row.environment) if row.environment else None,
            attempts=row.attempts,
            status=row.status,
            milliseconds=row.milliseconds,
            error=stored_text(row.error_sentence),
            created_at=row.created_at,
            ended_at=row.ended_at,
        )


class DeliveryPage(Page[DeliveryOut]):
    """A page of messages, the newest first."""


class TargetBody(Body):
    """A target: about an account, an environment or a label, or about all that its owner sees."""

    name: str = Field(max_length=60, examples=["Chat"])
    address: str = Field(
        default="",
        max_length=1000,
        description="Stored encrypted, never returned. Of one's own emails empty.",
        examples=["https://hooks.example.com/sanso"],
    )
    topics: list[Annotated[str, Field(max_length=60)]] = Field(
        min_length=1,
        max_length=50,
        description=f"Of {', '.join(CHOSEN)}.",
        examples=[["deployment.failed"]],
    )
    account: StrictInt | None = Field(default=None, ge=1, le=MAX_KEY)
    environment: StrictInt | None = Field(default=None, ge=1, le=MAX_KEY)
    label: str = Field(
        default="",
        max_length=110,
        description="About environments with this label, key=value; one of them has it already.",
        examples=["team=payments"],
    )
    language: Language = Language.ENGLISH

    def values(self) -> dict[str, Any]:
        """Return the values of the page's form."""
        about = {"account": self.account, "environment": self.environment, "label": self.label}
        named = ", ".join(f"{kind}:{value}" for kind, value in about.items() if value)
        return self.model_dump(mode="json") | {"environments": named or EVERY}


class NewTargetBody(TargetBody):
    """A new target."""

    kind: TargetKind = TargetKind.WEBHOOK
    shared: StrictBool = Field(default=False, description="Everybody sees it, and it stays.")


class SwitchBody(Body):
    """Whether a target is switched on."""

    enabled: StrictBool
