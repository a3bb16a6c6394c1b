"""One HTTP request with a limit on its duration and its response's size. No redirects, no proxies."""

import http.client
from dataclasses import dataclass
from urllib.parse import SplitResult

_MAX_RESPONSE = 1_000_000  # bytes


class AwsUnreachable(Exception):
    """AWS did not return what was requested. The message says what, and never contains a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsResponse:
    """The response to a request."""

    status: int
    body: bytes


def send(
    method: str,
    url: SplitResult,
    *,
    headers: dict[str, str],
    body: bytes = b"",
    timeout: float,
    limit: int = _MAX_RESPONSE,
) -> AwsResponse:
    """Send a request and return its response, of which `limit` bytes are read.

    Raises AwsUnreachable without one in `timeout` seconds.
    """
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout)
    try:
        connection.request(method, url.path or "/", body=body or None, headers=headers)
        response = connection.getresponse()
        return AwsResponse(status=response.status, body=response.read(limit))
    except (OSError, http.client.HTTPException) as error:
        raise AwsUnreachable(f"{url.netloc} did not answer: {error}.") from error
    finally:
        connection.close()
