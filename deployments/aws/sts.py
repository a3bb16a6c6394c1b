"""The gateway to STS: the identity of the credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller's account id (12 digits) and ARN, and AWS's time, to the second, if the response has it."""

    account_id: str
    arn: str
    answered_at: datetime | None = None


class STS(Protocol):
    """The calls to STS that the runner makes."""

    def caller_identity(self) -> Identity:
        """Return the identity of the credentials."""
        ...


class STSGateway:
    """STS through boto3; the protocol above documents the methods."""

    def __init__(self, client: STSClient) -> None:
        self._client = client

    def caller_identity(self) -> Identity:
        with calling("sts:GetCallerIdentity"):
            answer = self._client.get_caller_identity()
        date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        at = parsedate_to_datetime(date) if date else None
        return Identity(account_id=answer["Account"], arn=answer["Arn"], answered_at=at)
