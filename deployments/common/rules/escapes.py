"""Decoding of the escapes in a text: whatever a program has escaped, also if it is only a part of a value.

One level of percent-encoding, backslash escapes and HTML's character references, which may be mixed.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

_ESCAPE = re.compile(
    r"(?P<bytes>(?:%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2})+)"
    r"|(?P<units>(?:\\u[0-9A-Fa-f]{4})+)"
    r"|(?P<code>\\u\{[0-9A-Fa-f]{1,6}\}|\\U[0-9A-Fa-f]{8})"
    r"|(?P<html>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)"
    r"|\\(?P<char>[\\/\"'`$!&;<>()|{}\[\]*?#~=%^:@+, -])"
)
"""The backslash also escapes every character that is special to a shell. `%25` is decoded like the others."""
_DIGITS = re.compile(r"[0-9A-Fa-f]{2}")


@dataclass(slots=True)
class Decoded:
    """A text without its escapes. `offsets` are (offset here, offset in the original) of each piece.

    `widths` are the lengths that escaped characters have in the original, by their offset here.
    """

    text: str = ""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    widths: dict[int, int] = field(default_factory=dict)


def decoded(text: str) -> Decoded | None:
    """Return a text with its escapes decoded; None if it has none."""
    found, pieces, length, done = Decoded(), list[str](), 0, 0
    for escape in _ESCAPE.finditer(text):
        plain = text[done : escape.start()]
        if plain:
            found.offsets.append((length, done))
            pieces.append(plain)
            length += len(plain)
        at = escape.start()
        for character, width in _characters(escape):
            found.offsets.append((length, at))
            found.widths[length] = width
            pieces.append(character)
            length, at = length + len(character), at + width
        done = escape.end()
    if not done:
        return None
    found.offsets.append((length, done))
    found.text = "".join([*pieces, text[done:]])
    return found


def _characters(escape: re.Match[str]) -> list[tuple[str, int]]:
    """Return the characters of an escape, each with the length that it has there."""
    whole = escape[0]
    if escape["bytes"]:
        return _of_bytes(whole)
    if escape["units"]:
        return _of_units(whole)
    if escape["code"]:
        number = int(whole.strip("\\uU{}"), 16)
        return [(chr(number) if number <= 0x10FFFF else "\ufffd", len(whole))]
    return [(html.unescape(whole) if escape["html"] else escape["char"], len(whole))]


def _of_bytes(whole: str) -> list[tuple[str, int]]:
    """Decode `%C3%A9` and `\\xc3\\xa9` as UTF-8, and bytes that are not UTF-8 as single characters."""
    widths = [3 if one.startswith("%") else 4 for one in re.findall(r"%|\\x", whole)]
    raw = bytes(int(one, 16) for one in _DIGITS.findall(re.sub(r"%|\\x", " ", whole)))
    found, at = [], 0
    for character in raw.decode("utf-8", "surrogateescape"):
        size = len(character.encode("utf-8", "surrogateescape"))
        is_byte = "\udc80" <= character <= "\udcff"
        found.append((chr(raw[at]) if is_byte else character, sum(widths[at : at + size])))
        at += size
    return found


def _of_units(whole: str) -> list[tuple[str, int]]:
    """Decode `\\u00e9`, and two of them for characters outside the Basic Multilingual Plane."""
    units = b"".join(int(one, 16).to_bytes(2, "big") for one in whole.split("\\u")[1:])
    text = units.decode("utf-16-be", "surrogatepass")
    return [(character, 12 if ord(character) > 0xFFFF else 6) for character in text]
