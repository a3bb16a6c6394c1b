"""The JSON text of a list of times, whole or bit by bit: what json.dumps(times, indent=2) writes. Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.functional import cached_property

_BETWEEN = '",\n  "'
_BETWEEN_BYTES = _BETWEEN.encode()


def joined(times: list[str]) -> bytes:
    """Return what is between the first quote and the last. A time holds nothing that JSON would escape."""
    return _BETWEEN.join(times).encode()


def together(texts: Iterable[bytes]) -> bytes:
    """Join what is joined already; what is empty is no part of a list."""
    return _BETWEEN_BYTES.join(filter(None, texts))


@dataclass(frozen=True)
class Text:
    """A list that is all there, from its joined times; what is made of it is made once for who share it."""

    joined: bytes

    @cached_property
    def whole(self) -> bytes:
        """The whole text."""
        return b'[\n  "%b"\n]' % self.joined if self.joined else b"[]"

    @cached_property
    def etag(self) -> str:
        """The text's entity tag."""
        return f'"{hashlib.blake2b(self.whole, digest_size=12).hexdigest()}"'


def in_parts(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of a list that comes in chunks of joined times, at least one of which is not empty."""
    before = b'[\n  "'

    def part(text: bytes) -> bytes:
        nonlocal before
        begin, before = before, _BETWEEN_BYTES
        return begin + text

    yield from map(part, filter(None, texts))
    yield b'"\n]'
