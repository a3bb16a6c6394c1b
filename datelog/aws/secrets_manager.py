"""Reads one secret by its name or ARN from Secrets Manager."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from datelog.aws.credentials import find_credentials, find_region
from datelog.aws.http import Answer, AwsUnreachable, ask
from datelog.aws.signature import signed_headers

_TIMEOUT = 2.0
_PAUSES = (0.2, 0.6)  # seconds before the second and the third try


def read_secret(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret's current string. Raises AwsUnreachable when three tries did not bring it."""
    for pause in _PAUSES:
        try:
            answer = _get_secret_value(name, environment)
        except AwsUnreachable:
            time.sleep(pause)
            continue
        if not _passes(answer):
            return _secret_string(name, answer)
        time.sleep(pause)
    return _secret_string(name, _get_secret_value(name, environment))


def _get_secret_value(name: str, environment: Mapping[str, str]) -> Answer:
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
    return ask("POST", url, headers=headers, body=body, timeout=_TIMEOUT)


def _endpoint(region: str, environment: Mapping[str, str]) -> SplitResult:
    """Return the service's address; the same variables as the SDKs' override it."""
    named = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environment.get("AWS_ENDPOINT_URL")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = urlsplit(named or f"https://secretsmanager.{region}.{domain}")
    return url._replace(path=url.path or "/", query="", fragment="")


def _passes(answer: Answer) -> bool:
    """Tell whether the refusal is one that goes away: throttling, or a fault of the service."""
    return answer.status >= 500 or (answer.status == 400 and b"Throttling" in answer.body)


def _secret_string(name: str, answer: Answer) -> str:
    try:
        fields = json.loads(answer.body)
        if answer.status == 200:
            return str(fields["SecretString"])
        code = str(fields.get("__type", "")).rpartition("#")[2]
    except (ValueError, KeyError, AttributeError):
        code = ""
    raise AwsUnreachable(f"Secrets Manager did not give {name!r}: {answer.status} {code}".rstrip() + ".")
