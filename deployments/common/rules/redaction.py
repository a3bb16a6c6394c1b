"""Remove secret values from texts, in all their spellings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deployments.common.rules.encodings import EncodingShape, encodings_of
from deployments.common.rules.escapes import decoded

MARK = "****"
"""Replaces a value, as CloudFormation does with NoEcho parameters."""
CACHED, MAX_CACHED_LENGTH = 1024, 2000
"""Number and maximum length of the texts that a redactor caches: many events have the same reason or id."""
_LINES = re.compile(r"[^\r\n]+")

Span = tuple[int, int]


class Finder(Protocol):
    """A finder of secret values in a text."""

    def find(self, text: str, *, words: bool) -> Iterator[tuple[int, EncodingShape]]:
        """Yield (position, shape) of every spelling; whole words only if `words`."""
        ...


class Values:
    """Find the spellings of known values."""

    def __init__(self, values: Iterable[str]) -> None:
        self.spellings: dict[str, EncodingShape] = {}
        for value in values:
            self.spellings |= encodings_of(value)

    def find(self, text: str, *, words: bool) -> Iterator[tuple[int, EncodingShape]]:
        """Yield every occurrence of every spelling, including those that overlap."""
        for spelling, shape in self.spellings.items():
            if shape.is_word and not words:
                continue
            at = text.find(spelling)
            while at >= 0:
                yield at, shape
                at = text.find(spelling, at + 1)


class Everything:
    """Treat every text as a secret: used if secrets exist but cannot be read."""

    def find(self, text: str, *, words: bool) -> Iterator[tuple[int, EncodingShape]]:
        """Yield the whole text."""
        yield 0, EncodingShape(length=len(text))


class Redactor:
    """Remove all that its finders find. Without finders it is falsy and changes nothing."""

    def __init__(self, finders: Iterable[Finder] = ()) -> None:
        self.finders = tuple(finders)
        self._cache: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.finders)

    def __call__(self, text: str) -> str:
        """Return the text with every secret value replaced by `****`."""
        if not (self.finders and text):
            return text
        if len(text) > MAX_CACHED_LENGTH:
            return self._redacted(text)
        if text not in self._cache and len(self._cache) < CACHED:
            self._cache[text] = self._redacted(text)
        return self._cache.get(text) or self._redacted(text)

    def _redacted(self, text: str) -> str:
        spans = [span for view in _views(text) for span in self._spans(view)]
        return _without(text, spans) if spans else text

    def _spans(self, view: _View) -> Iterator[Span]:
        for finder in self.finders:
            for start, shape in finder.find(view.text, words=not view.is_joined):
                span = shape.span(view.text, start)
                if span:
                    yield view.original(span)


NOTHING = Redactor()
"""Removes nothing: no secrets are known."""


def combined(redactors: Iterable[Redactor]) -> Redactor:
    """Return a redactor that removes everything that any of these removes."""
    return Redactor(finder for redactor in redactors for finder in redactor.finders)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A searchable form of a text. `offsets` are (offset here, offset in the original) of each piece.

    `widths` are the lengths of characters that are escaped in the original, by their offset here.
    """

    text: str
    is_joined: bool = False
    offsets: Sequence[Span] = ((0, 0),)
    widths: Mapping[int, int] = field(default_factory=dict)

    def original(self, span: Span) -> Span:
        """Return the position of a part of this text in the original text."""
        last = span[1] - 1
        return self._original(span[0]), self._original(last) + self.widths.get(last, 1)

    def _original(self, at: int) -> int:
        here, there = self.offsets[bisect_right(self.offsets, at, key=lambda pair: pair[0]) - 1]
        return there + at - here


def _views(text: str) -> Iterator[_View]:
    """Yield the text unchanged, without escapes, and with its lines joined.

    `base64` prints lines of 76 characters.
    """
    yield _View(text=text)
    if plain := decoded(text):
        yield _View(text=plain.text, offsets=plain.offsets, widths=plain.widths)
    if "\n" not in text and "\r" not in text:
        return
    offsets: list[Span] = []
    pieces: list[str] = []
    length = 0
    for found in _LINES.finditer(text):
        piece = found[0].lstrip(" \t")
        offsets.append((length, found.end() - len(piece)))
        pieces.append(piece.rstrip(" \t"))
        length += len(pieces[-1])
    yield _View(text="".join(pieces), is_joined=True, offsets=offsets)


def _without(text: str, spans: Iterable[Span]) -> str:
    """Return the text with the spans replaced; adjacent spans are replaced by one mark."""
    kept: list[str] = []
    done = -1
    for start, end in sorted(spans):
        if start > done:
            kept += [text[max(done, 0) : start], MARK]
        done = max(done, end)
    return "".join((*kept, text[max(done, 0) :]))
