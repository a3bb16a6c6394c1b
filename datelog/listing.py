"""The JSON text of a list of times, whole or bit by bit: what json.dumps(times, indent=2) writes. Pure."""

from collections.abc import Iterable, Iterator

_BETWEEN = '",\n  "'


def whole(times: list[str]) -> bytes:
    """Return the text of a list that is all there. A time holds nothing that JSON would escape."""
    return f'[\n  "{_BETWEEN.join(times)}"\n]'.encode() if times else b"[]"


def in_parts(chunks: Iterable[list[str]]) -> Iterator[bytes]:
    """Yield the text of a list that comes in chunks, at least one of which is not empty."""
    before = '[\n  "'

    def part(times: list[str]) -> bytes:
        nonlocal before
        text = f"{before}{_BETWEEN.join(times)}"
        before = _BETWEEN
        return text.encode()

    yield from map(part, filter(None, chunks))
    yield b'"\n]'
