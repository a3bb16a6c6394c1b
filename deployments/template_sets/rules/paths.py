"""Paths of files from outside: validation, and resolution relative to a set."""

from __future__ import annotations

import posixpath
import unicodedata

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

MAX_NAME = 255
"""Maximum bytes of a file name: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""
MAX_PATH = 1000
MAX_DEPTH = 20
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control and formatting characters, lone surrogates, line and paragraph separators."""
_GIT = (".git", "git~1")
"""Names that Git itself rejects: https://github.com/git/git/blob/master/fsck.h (hasDotgit)"""


def printable(text: str) -> str:
    """Return a name from outside for a message: without invisible characters, and not too long."""
    shown = "".join(c if unicodedata.category(c) not in _INVISIBLE else f"\\x{ord(c):02x}" for c in text)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"


class Paths:
    """The paths of a source. Each is checked when it is added, also against earlier ones."""

    def __init__(self) -> None:
        self._spellings: dict[str, str] = {"": ""}
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, path: str) -> None:
        """Accept the path of a file, with `/` between its parts and relative to the source.

        Raise UserFixable if it could leave the source, would be a different file on another system, or cannot
        coexist with a path that was added.
        """
        check(path)
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            part = "/".join(parts[:count])
            if self._spellings.setdefault(part.casefold(), part) != part:
                other = self._spellings[part.casefold()]
                raise refused(Code.SOURCE_NAMES_COLLIDE, path=part, other=printable(other))
            if part in self._files:
                raise refused(Code.SOURCE_NAMES_COLLIDE, path=path, other=printable(part))
        if path in self._folders:
            raise refused(Code.SOURCE_NAMES_COLLIDE, path=path, other=printable(f"{path}/"))
        self._files.add(path)
        self._folders.update("/".join(parts[:count]) for count in range(1, len(parts)))


def check(path: str) -> None:
    """Raise UserFixable if a path is not accepted."""
    parts = path.split("/")
    if len(parts) > MAX_DEPTH or len(path) > MAX_PATH or not all(_is_accepted(part) for part in parts):
        raise refused(Code.SOURCE_NAME_NOT_ALLOWED, path=path)


def _is_accepted(part: str) -> bool:
    return (
        part not in ("", ".", "..")
        and part.casefold().rstrip(". ") not in _GIT
        and "\\" not in part
        and not any(unicodedata.category(c) in _INVISIBLE for c in part)
        and unicodedata.is_normalized("NFC", part)
        and len(part.encode()) <= MAX_NAME
    )


def beside(folder: str, reference: str) -> str:
    """Return the path that a file in a folder refers to; "" for the source's own folder.

    Raise UserFixable if it is outside of the source.
    """
    path = posixpath.normpath(posixpath.join(folder, reference))
    if path.startswith(("/", "../")) or path == "..":
        raise refused(Code.SOURCE_OUTSIDE, path=reference)
    return "" if path == "." else path


def refused(code: Code, *, path: str | None = None, **params: object) -> UserFixable:
    """Return the error for a path of a source."""
    named = {} if path is None else {"path": printable(path)}
    return UserFixable("SourceRefused", code, "", **named, **params)
