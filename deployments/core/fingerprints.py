"""Recognizing secret values that are not kept: by keyed digests of their spellings.

A digest has 64 bits, under a random key. A value may begin anywhere, so each position of a text is first
compared by a few bits of a checksum of its next characters; the digests and these bits are all that is
stored. They are encrypted at rest (`deployments.models.sealed`). Only someone who has that key can test
guesses, and a value that cannot be guessed stays unknown even then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from typing import Any
from zlib import crc32

from deployments.core.spellings import SHORT, Shape, spellings, word_starts

KEY_BYTES = 16
_DIGEST_BYTES = 8
_LEAST_BITS = 4
_WIDTH = 4
"""Bytes of a character in UTF-32, in which every place of a text is a slice."""


@dataclass(frozen=True, slots=True)
class _Print:
    """The digest of one spelling, and its shape."""

    digest: bytes
    shape: Shape


@dataclass(slots=True, kw_only=True)
class Fingerprints:
    """Finds the spellings of values of which only digests are known."""

    key: bytes
    bits: int
    """Bits of the checksum that are kept: enough for about one comparison at each place of a text."""
    by_start: dict[int, list[_Print]] = field(default_factory=lambda: defaultdict(list))
    words: dict[int, dict[bytes, Shape]] = field(default_factory=lambda: defaultdict(dict))
    """Spellings that are whole words, by their length."""

    def find(self, text: str, *, words: bool) -> Iterator[tuple[int, Shape]]:
        """Yield every place of every spelling, those that overlap too."""
        if words and self.words:
            yield from self._find_words(text)
        if self.by_start:
            yield from self._find_anywhere(text)

    def _find_words(self, text: str) -> Iterator[tuple[int, Shape]]:
        for at in word_starts(text):
            for length, known in self.words.items():
                shape = known.get(self._digest(text[at : at + length]))
                if shape:
                    yield at, shape

    def _find_anywhere(self, text: str) -> Iterator[tuple[int, Shape]]:
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

    def _add(self, digest: bytes, start: int, shape: Shape) -> None:
        if shape.is_word:
            self.words[shape.length][digest] = shape
        else:
            self.by_start[start].append(_Print(digest, shape))

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of them."""
        rows = [
            (print_.digest, start, print_.shape) for start, kept in self.by_start.items() for print_ in kept
        ]
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
    shapes: dict[str, Shape] = {}
    for value in values:
        shapes |= spellings(value)
    made = Fingerprints(key=key, bits=max(_LEAST_BITS, len(shapes).bit_length()))
    mask = (1 << made.bits) - 1
    for text, shape in shapes.items():
        made._add(made._digest(text), crc32(_in_utf_32(text[:SHORT])) & mask, shape)
    return made


def read_fingerprints(kept: Mapping[str, Any]) -> Fingerprints:
    """Return the fingerprints that `as_json` wrote."""
    read = Fingerprints(key=bytes.fromhex(kept["key"]), bits=kept["bits"])
    for digest, start, length, is_word, before, after in kept["spellings"]:
        shape = Shape(length=length, is_word=is_word, before=before, after=after)
        read._add(bytes.fromhex(digest), start, shape)
    return read
