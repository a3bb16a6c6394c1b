"""The server's credentials: from the environment, else from the instance role. Nothing is cached."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from datelog.aws.http import AwsResponse, AwsUnreachable, send

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
_METADATA = "http://169.254.169.254"
_ROLE = "/latest/meta-data/iam/security-credentials/"
_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys that sign a request."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def find_credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Return the keys of the environment, else of the instance role. Raises AwsUnreachable without both."""
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return Credentials(
            access_key=environment["AWS_ACCESS_KEY_ID"],
            secret_key=environment["AWS_SECRET_ACCESS_KEY"],
            session_token=environment.get("AWS_SESSION_TOKEN", ""),
        )
    metadata = _MetadataService(environment)
    role = metadata.get(_ROLE).split("\n")[0]
    try:
        keys = json.loads(metadata.get(_ROLE + role))
        return Credentials(
            access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"], session_token=keys["Token"]
        )
    except (ValueError, KeyError, TypeError):
        raise AwsUnreachable(f"The instance role {role!r} has no usable keys.") from None


def find_region(environment: Mapping[str, str] = os.environ) -> str:
    """Return the region of the environment, else of the instance. Raises AwsUnreachable without both."""
    named = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return named or _MetadataService(environment).get("/latest/meta-data/placement/region")


class _MetadataService:
    """The instance metadata service, version 2: every request carries a token."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._base = urlsplit(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _METADATA)
        self._token = ""

    def get(self, path: str) -> str:
        if not self._token:
            lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
            self._token = self._text(self._request("PUT", "/latest/api/token", lifetime))
        return self._text(self._request("GET", path, {"X-aws-ec2-metadata-token": self._token}))

    def _request(self, method: str, path: str, headers: dict[str, str]) -> AwsResponse:
        return send(method, self._base._replace(path=path), headers=headers, timeout=_TIMEOUT)

    @staticmethod
    def _text(response: AwsResponse) -> str:
        if response.status != 200:
            raise AwsUnreachable(f"The instance metadata service returned {response.status}.")
        return response.body.decode().strip()
