"""The forms in which a program may print a secret value: as it is, escaped, URL-encoded, in base64 or hex.

Also in upper or lower case, and reversed. `escapes` decodes texts that escape more than is modelled here.
`redaction` searches for them in texts; `fingerprints` stores their digests once the value is deleted.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from deployments.common.rules.escapes import decoded

SHORT = 6
"""Shorter values are only found as whole words: within words they occur by chance."""
MIN_ENCODED = 3
"""Shorter values are not searched for in base64 and hexadecimal: so few letters occur by chance."""

_UNRESERVED_IN_A_COMPONENT = "!~*'()"
_UNRESERVED_IN_A_URI = "!~*'();/?:@&=+$,#"
_LINES = re.compile(r"[^\r\n]+")
_ESCAPED_BYTE = re.compile(r"%[0-9A-F]{2}")
# The last letter of an escaped character (%2F, \n) is not part of the word after it.
_BEGIN = re.compile(r"(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})")
_END = re.compile(r"(?!\w)")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingShape:
    """The properties of a spelling that determine which part of a text is the value.

    `is_word`: it counts only as a whole word. `before` and `after`: the base64 character next to it also
    encodes bits of the value.
    """

    length: int
    is_word: bool = False
    before: bool = False
    after: bool = False

    def span(self, text: str, start: int) -> tuple[int, int] | None:
        """Return the start and end of the value whose spelling begins at `start`.

        Return None if the spelling is a part of a word and must be a whole word.
        """
        end = start + self.length
        if self.is_word and not (_BEGIN.match(text, start) and _END.match(text, end)):
            return None
        if self.before and start and text[start - 1] in _BASE64:
            start -= 1
        if self.after:
            if text[end : end + 1] in _BASE64:
                end += 1
            end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip("="))
        return start, end


def word_starts(text: str) -> Iterator[int]:
    """Yield every position where a whole word may begin."""
    return (found.start() for found in _BEGIN.finditer(text))


def encodings_of(value: str) -> dict[str, EncodingShape]:
    """Return the spellings of a value, and of those of its parts that programs print separately."""
    found: dict[str, EncodingShape] = {}
    for part in _parts(value):
        short = len(part) < SHORT
        for text in (*_escaped(part), *_in_hexadecimal(part), *(() if short else _transformed(part))):
            found.setdefault(text, EncodingShape(length=len(text), is_word=short))
        for text, shape in _whole_in_base64(part) if short else _within_base64(part):
            found.setdefault(text, shape)
    return found


def joined(text: str) -> str:
    """Return a text without its line breaks and indentation, as `base64` and PEM files break lines."""
    return "".join(line.strip(" \t") for line in _LINES.findall(text))


def _parts(value: str) -> Iterator[str]:
    """Yield the value, its lines, and the items of a list.

    A log has one event per line, and functions receive the items of a CommaDelimitedList. Short lines and
    items are left out: a line of JSON may be a single bracket.
    """
    whole = [value, value.strip(), joined(value)]
    lines, items = _LINES.findall(value), value.split(",")
    pieces = [piece.strip() for piece in (*lines, *items) if len(piece.strip()) >= SHORT]
    for part in dict.fromkeys((*whole, *pieces)):
        if part.strip():
            yield part


def _escaped(value: str) -> Iterator[str]:
    yield value
    yield from _in_json(value)
    yield repr(value)[1:-1]  # Python's print(event)
    yield repr(value.encode("utf-8", "replace"))[2:-1]
    yield value.replace("'", "'\\''")  # shell quoting, and the output of `set -x`
    yield value.replace("'", "'\"'\"'")
    yield html.escape(value)
    yield html.escape(value, quote=False)
    for text in _in_urls(value):
        yield text
        yield _ESCAPED_BYTE.sub(lambda found: found[0].lower(), text)


def _in_hexadecimal(value: str) -> Iterator[str]:
    """Yield the bytes in hexadecimal, as `xxd -p` and programming languages print them."""
    if len(value) >= MIN_ENCODED:
        found = value.encode("utf-8", "replace").hex()
        yield found
        yield found.upper()


def _transformed(value: str) -> Iterator[str]:
    """Yield the value in upper and lower case, and reversed. Of short values these occur by chance.

    A value that looks escaped itself is different in a text whose escapes were decoded.
    """
    if (plain := decoded(value)) and len(plain.text) >= SHORT:
        yield plain.text
    yield value.upper()
    yield value.lower()
    yield value[::-1]


def _in_json(value: str) -> Iterator[str]:
    """Yield the content of a JSON string: with and without non-ASCII escaped, and JSON within JSON."""
    for only_ascii in (True, False):
        plain = json.dumps(value, ensure_ascii=only_ascii)[1:-1]
        yield plain
        yield plain.replace("/", "\\/")  # PHP
        yield _as_code_points(plain, "<>&")  # Go
        yield _as_code_points(plain, "<>&='")  # Gson
        yield json.dumps(plain, ensure_ascii=only_ascii)[1:-1]


def _as_code_points(text: str, characters: str) -> str:
    return text.translate({ord(character): f"\\u{ord(character):04x}" for character in characters})


def _in_urls(value: str) -> Iterator[str]:
    encoded = value.encode("utf-8", "replace")
    yield quote(encoded, safe="")
    yield quote(encoded)
    yield quote_plus(encoded)
    yield quote(encoded, safe=_UNRESERVED_IN_A_COMPONENT)
    yield quote(encoded, safe=_UNRESERVED_IN_A_URI)
    yield quote(quote(encoded, safe=""), safe="")


def _texts_to_encode(value: str) -> list[bytes]:
    """Return the texts that may be encoded as base64: the value itself, or as a part of JSON."""
    texts = (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    return [text.encode("utf-8", "replace") for text in dict.fromkeys(texts)]


def _in_alphabets(encoded: str) -> Iterator[str]:
    """Yield a base64 text in the standard and the URL-safe alphabet, and escaped in URLs and JSON."""
    yield encoded
    yield encoded.translate({ord("+"): "-", ord("/"): "_"})
    yield quote(encoded, safe="")
    yield quote(encoded, safe="").replace("%2B", "%2b").replace("%2F", "%2f")
    yield encoded.replace("/", "\\/")


def _whole_in_base64(value: str) -> Iterator[tuple[str, EncodingShape]]:
    if len(value) < MIN_ENCODED:
        return
    for encoded in _texts_to_encode(value):
        for text in _in_alphabets(base64.b64encode(encoded).decode().rstrip("=")):
            yield text, EncodingShape(length=len(text), is_word=True)


def _within_base64(value: str) -> Iterator[tuple[str, EncodingShape]]:
    """Yield the value in base64 within a longer text, at each of its three alignments.

    A character encodes six bits: the first and the last may have bits of the value and of its neighbors.
    """
    for plain in _texts_to_encode(value):
        for ahead in range(3):
            encoded = base64.b64encode(bytes(ahead) + plain).decode()
            first = -(-8 * ahead // 6)
            full, rest = divmod(8 * (ahead + len(plain)), 6)
            for text in _in_alphabets(encoded[first:full]):
                yield text, EncodingShape(length=len(text), before=ahead > 0, after=rest > 0)
