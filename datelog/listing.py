"""The JSON text of a list of times, whole or bit by bit: what json.dumps(times, indent=2) writes. Pure."""

from collections.abc import Iterable, Iterator

_BETWEEN = '",\n  "'
_BETWEEN_BYTES = _BETWEEN.encode()


def joined(times: list[str]) -> bytes:
    """Return what is between the first quote and the last. A time holds nothing that JSON would escape."""
    return _BETWEEN.join(times).encode()


def whole(text: bytes) -> bytes:
    """Return the text of a list that is all there, from its joined times."""
    return b'[\n  "%b"\n]' % text if text else b"[]"


def in_parts(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of a list that comes in chunks of joined times, at least one of which is not empty."""
    before = b'[\n  "'

    def part(text: bytes) -> bytes:
        nonlocal before
        begin, before = before, _BETWEEN_BYTES
        return begin + text

    yield from map(part, filter(None, texts))
    yield b'"\n]'
