"""Recognize secret values that are not stored by keyed digests of their spellings.

A digest has 64 bits, under a random key. A value may begin anywhere, so a few bits of a checksum of the next
characters are compared at each position of a text first. Only the digests and these bits are stored,
encrypted (`deployments.common.models.encryption`). Testing guesses requires that key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from typing import Any
from zlib import crc32

from deployments.common.rules.encodings import SHORT, EncodingShape, encodings_of, word_starts

KEY_BYTES = 16
_DIGEST_BYTES = 8
_MIN_BITS = 4
_WIDTH = 4
"""Bytes of a character in UTF-32, in which every substring is a slice."""


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    """The digest of one spelling, and its shape."""

    digest: bytes
    shape: EncodingShape


@dataclass(slots=True, kw_only=True)
class Fingerprints:
    """Find the spellings of values from their digests."""

    key: bytes
    bits: int
    """Stored bits of the checksum: enough for about one comparison at each position of a text."""
    by_start: dict[int, list[_Fingerprint]] = field(default_factory=lambda: defaultdict(list))
    words: dict[int, dict[bytes, EncodingShape]] = field(default_factory=lambda: defaultdict(dict))
    """Spellings that are whole words, by their length."""

    def find(self, text: str, *, words: bool) -> Iterator[tuple[int, EncodingShape]]:
        """Yield every occurrence of every spelling, including those that overlap."""
        if words and self.words:
            yield from self._find_words(text)
        if self.by_start:
            yield from self._find_anywhere(text)

    def _find_words(self, text: str) -> Iterator[tuple[int, EncodingShape]]:
        for at in word_starts(text):
            for length, known in self.words.items():
                shape = known.get(self._digest(text[at : at + length]))
                if shape:
                    yield at, shape

    def _find_anywhere(self, text: str) -> Iterator[tuple[int, EncodingShape]]:
        mask, starts, width = (1 << self.bits) - 1, self.by_start, _WIDTH * SHORT
        data = _in_utf_32(text)
        for at in range(len(text) - SHORT + 1):
            start = crc32(data[_WIDTH * at : _WIDTH * at + width]) & mask
            if start in starts:
                for known in starts[start]:
                    part = text[at : at + known.shape.length]
                    if self._digest(part) == known.digest:
                        yield at, known.shape

    def _digest(self, text: str) -> bytes:
        encoded = text.encode("utf-8", "surrogatepass")
        return blake2b(encoded, digest_size=_DIGEST_BYTES, key=self.key).digest()

    def _add(self, digest: bytes, start: int, shape: EncodingShape) -> None:
        if shape.is_word:
            self.words[shape.length][digest] = shape
        else:
            self.by_start[start].append(_Fingerprint(digest, shape))

    def as_json(self) -> dict[str, Any]:
        """Return the fingerprints in their stored form."""
        rows = [(one.digest, start, one.shape) for start, listed in self.by_start.items() for one in listed]
        rows += [(digest, 0, shape) for known in self.words.values() for digest, shape in known.items()]
        return {
            "key": self.key.hex(),
            "bits": self.bits,
            "spellings": [[digest.hex(), start, *astuple(shape)] for digest, start, shape in rows],
        }


def _in_utf_32(text: str) -> bytes:
    return text.encode("utf-32-le", "surrogatepass")


def fingerprints_of(values: Iterable[str], key: bytes) -> Fingerprints:
    """Return the fingerprints of all spellings of values, under a random key of KEY_BYTES."""
    shapes: dict[str, EncodingShape] = {}
    for value in values:
        shapes |= encodings_of(value)
    found = Fingerprints(key=key, bits=max(_MIN_BITS, len(shapes).bit_length()))
    mask = (1 << found.bits) - 1
    for text, shape in shapes.items():
        found._add(found._digest(text), crc32(_in_utf_32(text[:SHORT])) & mask, shape)
    return found


def read_fingerprints(stored: Mapping[str, Any]) -> Fingerprints:
    """Return the fingerprints from the output of `as_json`."""
    read = Fingerprints(key=bytes.fromhex(stored["key"]), bits=stored["bits"])
    for digest, start, length, is_word, before, after in stored["spellings"]:
        shape = EncodingShape(length=length, is_word=is_word, before=before, after=after)
        read._add(bytes.fromhex(digest), start, shape)
    return read
