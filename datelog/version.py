"""The version that is running, and its header on every response: which server has which release.

It is the beginning of the digest of datelog's files, as `playbook/tasks/release.yml` computes it.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER: Final = "X-Datelog-Version"
LENGTH: Final = 16
_FOLDER: Final = Path(__file__).resolve().parent  # not through a link that a release switches
_VERSION: Final = re.compile(f"[0-9a-f]{{{LENGTH}}}")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@cache
def current_version() -> str:
    """Return the version of the code that this process was started with."""
    return read_version(_FOLDER)


def read_version(folder: Path) -> str:
    """Return what the playbook wrote beside datelog's folder, else the digest of its files."""
    try:
        written = folder.with_name("version").read_text().strip()
    except (OSError, UnicodeDecodeError):
        written = ""
    return written if _VERSION.fullmatch(written) else compute_version(folder)


def compute_version(folder: Path) -> str:
    """Return the digest of a folder named datelog: of what sha256sum prints, in the order of bytes."""
    paths = {f"datelog/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*")}
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n"
        for name, path in sorted(paths.items(), key=lambda item: item[0].encode())
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:LENGTH]


class VersionHeader:
    """Middleware that puts the version on every response, also of errors."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._version = current_version()  # at the start: the folder may be gone later

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response to the request with its header."""
        response = self._get_response(request)
        response.headers[HEADER] = self._version
        return response
