"""The JSON text of a list of times, whole or bit by bit: what json.dumps(times, indent=2) writes. Pure."""

from collections.abc import Iterable, Iterator

_BETWEEN = '",\n  "'


def whole(times: list[str]) -> bytes:
    """Return the text of a list that is all there. A time holds nothing that JSON would escape."""
    return f'[\n  "{_BETWEEN.join(times)}"\n]'.encode() if times else b"[]"


def in_parts(first: list[str], others: Iterable[list[str]]) -> Iterator[bytes]:
    """Yield the text of a list that comes in chunks; first is not empty."""
    yield f'[\n  "{_BETWEEN.join(first)}'.encode()
    for times in others:
        if times:
            yield f"{_BETWEEN}{_BETWEEN.join(times)}".encode()
    yield b'"\n]'
