"""The gateway to Certificate Manager: whether a certificate can be used, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deployments.aws.error_mapping import calling

ISSUED = "ISSUED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate. Its status is the API's value; `ends_at` is None until it is issued."""

    status: str
    ends_at: datetime | None = None


class ACM(Protocol):
    """The call to Certificate Manager that the runner makes."""

    def certificate(self, arn: str) -> Certificate:
        """Return a certificate. Raise AwsNotFound if the account has none with this ARN in the region."""
        ...


class ACMGateway:
    """Certificate Manager through boto3; the protocol above documents the method."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def certificate(self, arn: str) -> Certificate:
        with calling("acm:DescribeCertificate"):
            found = self._client.describe_certificate(CertificateArn=arn)["Certificate"]
        return Certificate(status=found.get("Status", ""), ends_at=found.get("NotAfter"))
