"""The lines of an output that name its error: of a Python program with its file and line, or the last ones.

A traceback ends with the error; the file and line of its cause are above it, and markers (^) between them:
https://docs.python.org/3/tutorial/errors.html. A web server's log goes on with its requests after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(r"^(?:.*\]: )?(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Configured|Exit)(?:: .*)?)$")
_MARKER = re.compile(r"^[\s~^]*\^[\s~^]*$")
_REQUEST = re.compile(r'"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS) \S+ HTTP/|^\[pid: \d+\|app: ')
"""A line of an access log in the common format, or of uWSGI."""
_LIBRARIES = ("/site-packages/", "/lib/python3")
LONGEST = 100
"""Maximum number of lines between the first frame and the error."""


def ending(lines: Sequence[str], number: int) -> list[str]:
    """Return up to `number` lines that end with the error, without markers and requests of visitors."""
    kept = [line for line in lines if not _MARKER.match(line)]
    for at in range(len(kept) - 1, -1, -1):
        found = _ERROR.match(kept[at].rstrip())
        if found and (where := _cause(kept[max(0, at - LONGEST) : at])):
            return [*kept[max(0, at - number + 1) : at], f"{found['error']} ({where})"]
    others = [line for line in kept if not _REQUEST.search(line)]
    return (others or kept)[-number:]


def _cause(above: Sequence[str]) -> str:
    """Return the file and line of the innermost frame in the program itself; "" without a traceback."""
    frames = [found for line in above if (found := _FRAME.search(line)) and not found["file"].startswith("<")]
    own = [one for one in frames if not any(part in one["file"] for part in _LIBRARIES)]
    if not frames:
        return ""
    found = (own or frames)[-1]
    return f"{found['file']}, line {found['line']}"
