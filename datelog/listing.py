"""The JSON of a list of times, whole or streamed: identical to json.dumps(times, indent=2). Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.functional import cached_property

_SEPARATOR = '",\n  "'
_SEPARATOR_BYTES = _SEPARATOR.encode()


def join_times(times: list[str]) -> bytes:
    """Return the JSON between the first and the last quote. A time has no characters that JSON escapes."""
    return _SEPARATOR.join(times).encode()


def join_chunks(chunks: Iterable[bytes]) -> bytes:
    """Return chunks of joined times as one; empty chunks are skipped."""
    return _SEPARATOR_BYTES.join(filter(None, chunks))


@dataclass(frozen=True)
class ListBody:
    """A complete list, from its joined times. All requests that share it share body and ETag."""

    joined: bytes

    @cached_property
    def body(self) -> bytes:
        """The JSON."""
        return b'[\n  "%b"\n]' % self.joined if self.joined else b"[]"

    @cached_property
    def etag(self) -> str:
        """The strong ETag of the body."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'


def stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the JSON of a list from chunks of joined times, at least one of which is not empty."""
    separator = b'[\n  "'

    def with_separator(chunk: bytes) -> bytes:
        nonlocal separator
        before, separator = separator, _SEPARATOR_BYTES
        return before + chunk

    yield from map(with_separator, filter(None, chunks))
    yield b'"\n]'
