"""The part of the sandbox's control API that the portal uses: facts, and keys for an account."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deployments.aws.account_ref import AccountRef

KEY_LIFETIME = timedelta(hours=1)
"""Keys are fetched again after this time: another sandbox may have the address by then."""
# Loopback is never accessed through a proxy, also if the environment configures one.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def read_token(token_file: str | Path) -> str:
    """Return the token of the control API; "" if the file cannot be read."""
    try:
        return Path(token_file).read_text().strip()
    except OSError:
        return ""


def about(
    endpoint_url: str, token_file: str | Path, account: str = "", *, timeout: float = 1
) -> dict[str, Any]:
    """Return the facts of /_sanso/about; {} if the sandbox does not respond.

    An account may have a time scale of its own.
    """
    query = f"?{urlencode({'account': account})}" if account else ""
    try:
        return _call(endpoint_url, token_file, f"about{query}", timeout=timeout)
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key that the sandbox issued."""

    id: str
    secret: str = field(repr=False)


def issue_key(
    endpoint_url: str, token_file: str | Path, account: str, name: str, external_id: str = ""
) -> Key:
    """Return the key of a name ("portal" or "script") in an account of twelve digits, always the same one.

    For "portal" the sandbox prepares the account as infra_templates/account.yaml describes, with this
    external id.

    Raise OSError if the sandbox does not respond, HTTPError (an OSError) if it rejects the token, ValueError
    or KeyError for an invalid response.
    """
    query = urlencode({"account": account})
    body = {"name": name} | ({"external_id": external_id} if external_id else {})
    found = _call(endpoint_url, token_file, f"keys?{query}", body=body, timeout=5)
    return Key(id=found["access_key_id"], secret=found["secret_access_key"])


def fetch_keys(ref: AccountRef) -> dict[str, Any]:
    """Return the portal's keys for an account of the sandbox, as botocore's refreshable credentials.

    Raise EndpointConnectionError if the sandbox does not respond, CredentialRetrievalError if it rejects the
    token.
    """
    # Imported here: the supervisor and pages use the rest of this module without botocore.
    from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError

    try:
        key = issue_key(ref.endpoint_url, ref.token_file, ref.sandbox_account, "portal", ref.external_id)
    except (urllib.error.HTTPError, ValueError, KeyError) as exc:
        advice = f"SANSO_SANDBOX_TOKEN_FILE must name the token of the sandbox at {ref.endpoint_url}"
        raise CredentialRetrievalError(provider="sandbox", error_msg=f"{exc}; {advice}") from exc
    except OSError as exc:
        raise EndpointConnectionError(endpoint_url=ref.endpoint_url, error=exc) from exc
    expiry = datetime.now(UTC) + KEY_LIFETIME
    return {
        "access_key": key.id,
        "secret_key": key.secret,
        "token": None,
        "expiry_time": expiry.isoformat(),
    }


def _call(
    endpoint_url: str,
    token_file: str | Path,
    path: str,
    *,
    timeout: float,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a response of the control API. Raise OSError (HTTPError is one) and ValueError."""
    request = urllib.request.Request(  # noqa: S310  # the address is our setting
        f"{endpoint_url}/_sanso/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {read_token(token_file)}"},
    )
    with _opener.open(request, timeout=timeout) as response:
        found = json.load(response)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found
