"""One HTTP request, with a limit on its time and its answer's size. No redirects, no proxies."""

import http.client
from dataclasses import dataclass
from urllib.parse import SplitResult

_LARGEST_ANSWER = 1_000_000


class AwsUnreachable(Exception):
    """AWS did not give what was asked for; the message says what, and never holds a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def ask(
    method: str, url: SplitResult, *, headers: dict[str, str], body: bytes = b"", timeout: float
) -> Answer:
    """Send one request and read its answer. Raises AwsUnreachable when none comes within the timeout."""
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout)
    try:
        connection.request(method, url.path or "/", body=body or None, headers=headers)
        response = connection.getresponse()
        return Answer(status=response.status, body=response.read(_LARGEST_ANSWER))
    except (OSError, http.client.HTTPException) as error:
        raise AwsUnreachable(f"{url.netloc} did not answer: {error}.") from error
    finally:
        connection.close()
