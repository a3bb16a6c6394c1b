"""AWS Signature Version 4 of a request. Pure: the time is a parameter.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import SplitResult

from datelog.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    url: SplitResult,
    body: bytes,
    headers: dict[str, str],
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: datetime,
    method: str = "POST",
) -> dict[str, str]:
    """Return the headers with host, time, token and signature. The URL has no query; `now` is in UTC."""
    moment = f"{now:%Y%m%dT%H%M%SZ}"
    scope = f"{now:%Y%m%d}/{region}/{service}/aws4_request"
    sent = {**headers, "Host": url.netloc, "X-Amz-Date": moment}
    if credentials.session_token:
        sent["X-Amz-Security-Token"] = credentials.session_token

    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = "".join(f"{name}:{canonical[name]}\n" for name in sorted(canonical))
    request = f"{method}\n{url.path or '/'}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"

    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={_mac(key, to_sign).hex()}"
    )
    return sent


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
