"""Reads one secret by its name or ARN from Secrets Manager."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from datelog.aws.credentials import find_credentials, find_region
from datelog.aws.http import AwsResponse, AwsUnreachable, send
from datelog.aws.signature import signed_headers

_TIMEOUT = 2.0
_RETRY_DELAYS = (0.2, 0.6)  # seconds before the second and the third attempt


def read_secret(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the current value of a secret. Raises AwsUnreachable after three failed attempts."""
    for delay in _RETRY_DELAYS:
        try:
            response = _get_secret_value(name, environment)
        except AwsUnreachable:
            time.sleep(delay)
            continue
        if not _is_transient(response):
            return _secret_string(name, response)
        time.sleep(delay)
    return _secret_string(name, _get_secret_value(name, environment))


def _get_secret_value(name: str, environment: Mapping[str, str]) -> AwsResponse:
    region = find_region(environment)
    url = _endpoint(region, environment)
    body = json.dumps({"SecretId": name}).encode()
    headers = signed_headers(
        url,
        body,
        {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"},
        credentials=find_credentials(environment),
        region=region,
        service="secretsmanager",
        now=datetime.now(UTC),
    )
    return send("POST", url, headers=headers, body=body, timeout=_TIMEOUT)


def _endpoint(region: str, environment: Mapping[str, str]) -> SplitResult:
    """Return the address of the service; the same variables override it as for the SDKs."""
    named = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environment.get("AWS_ENDPOINT_URL")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = urlsplit(named or f"https://secretsmanager.{region}.{domain}")
    return url._replace(path=url.path or "/", query="", fragment="")


def _is_transient(response: AwsResponse) -> bool:
    """Return whether another attempt may succeed: throttling, or an error of the service."""
    return response.status >= 500 or (response.status == 400 and b"Throttling" in response.body)


def _secret_string(name: str, response: AwsResponse) -> str:
    try:
        fields = json.loads(response.body)
        if response.status == 200:
            return str(fields["SecretString"])
        code = str(fields.get("__type", "")).rpartition("#")[2]
    except (ValueError, KeyError, AttributeError):
        code = ""
    raise AwsUnreachable(f"Secrets Manager did not return {name!r}: {response.status} {code}".rstrip() + ".")
