"""The patterns of templates, which are Java's regular expressions, matched in linear time.

CloudFormation matches AllowedPattern with java.util.regex. Patterns come from outside, and a backtracking
engine needs exponential time for some of them; RE2 never does (https://github.com/google/re2/wiki/WhyRE2).
A pattern is translated here, construct by construct
(https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html). What RE2 does not
have, or reads in another way, is not translated: only CloudFormation checks such a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

MAX_PATTERN: Final = 1000
"""Maximum number of characters of a pattern that is checked here."""
MEMORY: Final = 1 << 18
"""Bytes for a compiled pattern and its states: it limits the steps per character as well."""
LAST: Final = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""Characters by their first and last code points, in order."""


def _ranges(*texts: str) -> Ranges:
    return tuple((ord(text[0]), ord(text[-1])) for text in sorted(texts))


def _others(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return all other characters."""
    found, following = [], 0
    for first, last in sorted(ranges):
        if first > following:
            found.append((following, first - 1))
        following = max(following, last + 1)
    return (*found, (following, LAST)) if following <= LAST else tuple(found)


_DIGIT, _LOWER, _UPPER = _ranges("09"), _ranges("az"), _ranges("AZ")
_ALPHA, _SPACE = _ranges("AZ", "az"), _ranges("\t\r", " ")
_ALNUM, _PUNCT = (*_DIGIT, *_ALPHA), _ranges("!/", ":@", "[`", "{~")
_CLASSES: Final = {"d": _DIGIT, "w": _ranges("09", "AZ", "_", "az"), "s": _SPACE}
_POSIX: Final = {
    "Lower": _LOWER,
    "Upper": _UPPER,
    "ASCII": _ranges("\0\x7f"),
    "Alpha": _ALPHA,
    "Digit": _DIGIT,
    "Alnum": _ALNUM,
    "Punct": _PUNCT,
    "Graph": _ranges("!~"),
    "Print": _ranges(" ~"),
    "Blank": _ranges("\t", " "),
    "Cntrl": _ranges("\0\x1f", "\x7f"),
    "XDigit": _ranges("09", "AF", "af"),
    "Space": _SPACE,
}
"""What Java calls the POSIX character classes, which are of ASCII only."""
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_LINE_ENDS: Final = "\n\r\x85\u2028\u2029"
_DOT: Final = _others((ord(one), ord(one)) for one in _LINE_ENDS)


class _NotTranslated(Exception):
    """Raised at what RE2 does not have, or reads in another way."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """`ends_inside`: there is a `$` that is not at an end; Java's is before a final line end as well."""

    regexp: Any
    ends_inside: bool


def is_checked(pattern: str) -> bool:
    """Return whether a pattern is checked here, and not by CloudFormation only."""
    return _compiled(pattern) is not None


def matches(pattern: str, value: str) -> bool | None:
    """Return whether the whole value matches a pattern; None if only CloudFormation can say so."""
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    try:
        found = compiled.regexp.fullmatch(value) is not None
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    if not found and compiled.ends_inside and any(one in value for one in _LINE_ENDS):
        return None
    return found


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Compiled | None:
    if len(pattern) > MAX_PATTERN:
        return None
    options = re2.Options()
    options.max_mem, options.log_errors = MEMORY, False
    try:
        translation = _Translation(pattern)
        return _Compiled(re2.compile(translation.text, options), translation.ends_inside)
    except (_NotTranslated, re2.error):
        return None


class _Translation:
    """Translates a pattern from its beginning to its end: each construct once."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0
        self._depth = 0
        self.ends_inside = False
        parts = []
        while self._left():
            parts.append(self._next())
        if self._depth:
            raise _NotTranslated(pattern)
        self.text = "".join(parts)

    def _left(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        one = self._left()
        if not one:
            raise _NotTranslated(self._pattern)
        self._at += 1
        return one

    def _takes(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _next(self) -> str:
        one = self._take()
        if one == "(":
            return self._group()
        if one == ")":
            self._depth -= 1
            if self._depth < 0:
                raise _NotTranslated(self._pattern)
            return f"){self._quantifier()}"
        if one in "|^":
            return one
        if one == "$":
            is_end = not self._depth and self._left() in ("", "|")
            self.ends_inside = self.ends_inside or not is_end
            return r"\z"
        if one in "*+?{":  # without an atom before it, or after another quantifier
            raise _NotTranslated(self._pattern)
        return f"{self._atom(one)}{self._quantifier()}"

    def _group(self) -> str:
        self._depth += 1
        if self._takes("?:"):
            return "(?:"
        if self._left() in ("?", "*", "+", "{"):  # lookarounds, flags, names; or an error
            raise _NotTranslated(self._pattern)
        return "(?:"

    def _atom(self, one: str) -> str:
        if one == ".":
            return _written(_DOT)
        if one == "[":
            return self._class()
        return _written(self._escaped()) if one == "\\" else _written(_ranges(one))

    def _quantifier(self) -> str:
        found = self._left()
        if found in ("*", "+", "?"):
            self._at += 1
        elif found == "{":
            found = self._count()
        else:
            return ""
        if self._takes("?"):  # as few as possible: the same for a whole value
            return found
        if self._left() in ("*", "+", "?", "{"):  # possessive, or an error
            raise _NotTranslated(self._pattern)
        return found

    def _count(self) -> str:
        text, brace, _rest = self._pattern[self._at :].partition("}")
        least, _comma, most = text[1:].partition(",")
        if not brace or not _is_number(least) or (most and not _is_number(most)):
            raise _NotTranslated(self._pattern)
        self._at += len(text) + 1
        return f"{text}}}"

    def _escaped(self) -> Ranges:
        """Return the characters that an escape stands for, after its backslash."""
        one = self._take()
        if one in _CONTROLS:
            return _ranges(_CONTROLS[one])
        if one.lower() in _CLASSES:
            found = _CLASSES[one.lower()]
            return found if one.islower() else _others(found)
        if one in "pP":
            name, brace, _rest = self._pattern[self._at :].partition("}")
            if not brace or name[1:] not in _POSIX or name[0] != "{":
                raise _NotTranslated(self._pattern)
            self._at += len(name) + 1
            return _POSIX[name[1:]] if one == "p" else _others(_POSIX[name[1:]])
        if one in "xu":
            return self._code_point(2 if one == "x" else 4)
        if one.isalnum():  # such as \Z, \b, \Q, \h, \R, \1
            raise _NotTranslated(self._pattern)
        return _ranges(one)

    def _code_point(self, digits: int) -> Ranges:
        text = self._pattern[self._at : self._at + digits]
        if len(text) != digits or not all(one in "0123456789abcdefABCDEF" for one in text):
            raise _NotTranslated(self._pattern)
        self._at += digits
        found = int(text, 16)
        if 0xD800 <= found <= 0xDFFF:  # half of a surrogate pair
            raise _NotTranslated(self._pattern)
        return ((found, found),)

    def _class(self) -> str:
        """Return a character class, after its bracket. Java's may be nested and intersected."""
        is_negated = self._takes("^")
        found: list[tuple[int, int]] = []
        if self._left() == "]":  # a character in Java, and an error elsewhere
            raise _NotTranslated(self._pattern)
        while not self._takes("]"):
            if self._left() == "[" or self._pattern.startswith("&&", self._at):
                raise _NotTranslated(self._pattern)
            first = self._member()
            if self._left() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("", "]", "["):
                self._at += 1
                last = self._member()
                if not _is_one(first) or not _is_one(last) or first[0][0] > last[0][0]:
                    raise _NotTranslated(self._pattern)
                first = ((first[0][0], last[0][0]),)
            found += first
        return _written(_others(found) if is_negated else tuple(found))

    def _member(self) -> Ranges:
        one = self._take()
        return self._escaped() if one == "\\" else _ranges(one)


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _written(ranges: Ranges) -> str:
    if _is_one(ranges):
        return rf"\x{{{ranges[0][0]:x}}}"
    return "[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges) + "]"
