"""The sandbox's control API as the portal's work needs it: facts, and keys for an account. No AWS service."""

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

KEYS_LAST = timedelta(hours=1)
"""How long keys are used before they are fetched again: another sandbox may have the address by then."""
# Loopback is never reached through a proxy, whatever the environment says.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def read_token(token_file: str | Path) -> str:
    """Return the token of the control API, empty while there is no file that can be read."""
    try:
        return Path(token_file).read_text().strip()
    except OSError:
        return ""


def about(endpoint_url: str, token_file: str | Path, *, timeout: float = 1) -> dict[str, Any]:
    """Return the facts of /_sanso/about, {} while the sandbox does not answer."""
    try:
        return _call(endpoint_url, token_file, "about", timeout=timeout)
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key that the sandbox issued."""

    id: str
    secret: str = field(repr=False)


def issue_key(endpoint_url: str, token_file: str | Path, account: str, name: str) -> Key:
    """Return the key of a name ("portal" or "script") in an account of twelve digits, always the same.

    Raise OSError if the sandbox does not answer, HTTPError among them when it does not accept the token,
    ValueError and KeyError for an answer that is none.
    """
    query = urlencode({"account": account})
    found = _call(endpoint_url, token_file, f"keys?{query}", body={"name": name}, timeout=5)
    return Key(id=found["access_key_id"], secret=found["secret_access_key"])


def fetch_keys(ref: AccountRef) -> dict[str, Any]:
    """Return the portal's keys for an account of the sandbox, as botocore's refreshable credentials are.

    Raise EndpointConnectionError if the sandbox does not answer, CredentialRetrievalError when it does not
    accept the token.
    """
    # Loaded here: the supervisor and pages use the rest of this module, and need not load botocore.
    from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError

    try:
        key = issue_key(ref.endpoint_url, ref.token_file, ref.sandbox_account, "portal")
    except (urllib.error.HTTPError, ValueError, KeyError) as exc:
        advice = f"SANSO_SANDBOX_TOKEN_FILE must name the token of the sandbox at {ref.endpoint_url}"
        raise CredentialRetrievalError(provider="sandbox", error_msg=f"{exc}; {advice}") from exc
    except OSError as exc:
        raise EndpointConnectionError(endpoint_url=ref.endpoint_url, error=exc) from exc
    expiry = datetime.now(UTC) + KEYS_LAST
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
    """Return an answer of the control API. Raise OSError, HTTPError among them, and ValueError."""
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
