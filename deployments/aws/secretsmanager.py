"""The gateway to Secrets Manager: the age of a secret's value and its rotation, never the value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CURRENT = "AWSCURRENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAge:
    """When the current value of a secret was created, and when it is rotated.

    The times are None if there is no value, and if it has never been, or will not be, rotated.
    """

    arn: str
    name: str
    value_created_at: datetime | None = None
    rotates: bool = False
    rotated_at: datetime | None = None
    rotates_at: datetime | None = None


class SecretsManager(Protocol):
    """The calls to Secrets Manager that the runner makes."""

    def age_of(self, secret_id: str) -> SecretAge:
        """Return the age of a secret, by its name or ARN. Raise AwsNotFound if there is none."""
        ...


class SecretsManagerGateway:
    """Secrets Manager through boto3; the protocol above documents the method."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client

    def age_of(self, secret_id: str) -> SecretAge:
        with calling("secretsmanager:DescribeSecret"):
            found = self._client.describe_secret(SecretId=secret_id)
        # LastChangedDate would not do: it also changes with the tags of the stack. Versions without a label
        # are not listed, so that one page has them all.
        with calling("secretsmanager:ListSecretVersionIds"):
            versions = self._client.list_secret_version_ids(SecretId=secret_id).get("Versions", [])
        current = (row for row in versions if _CURRENT in row.get("VersionStages", []))
        return SecretAge(
            arn=found["ARN"],
            name=found["Name"],
            value_created_at=next((row.get("CreatedDate") for row in current), None),
            rotates=found.get("RotationEnabled", False),
            rotated_at=found.get("LastRotatedDate"),
            rotates_at=found.get("NextRotationDate"),
        )
