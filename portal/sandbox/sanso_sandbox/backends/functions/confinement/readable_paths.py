"""The paths that a confined process may read: a runtime for programs, but no user's files."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# Not all of /etc, which may contain an operator's own files, such as the portal's settings.
SETTINGS = (
    *("alternatives", "ca-certificates", "crypto-policies", "gai.conf", "host.conf", "hosts", "ld.so.cache"),
    *("ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "pip.conf", "pki"),
    *("protocols", "resolv.conf", "services", "ssl", "timezone"),
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT")
PACKAGES = ("PIP_FIND_LINKS",)


def readable(more: Iterable[str] = ()) -> list[str]:
    """Return the readable paths, the system's first, without those below another one.

    Args:
        more: additional paths, such as the folder with the process's own code.
    """
    wanted = [*SYSTEM, *(f"/etc/{name}" for name in SETTINGS), *_python(), *_named(), *more]
    accepted: list[str] = []
    for path in wanted:
        for place in dict.fromkeys((path, os.path.realpath(path))):
            if os.path.lexists(place) and not any(_is_below(place, other) for other in accepted):
                accepted.append(place)
    return accepted


def _is_below(path: str, other: str) -> bool:
    """Return whether a path equals another one or is below it; targets of links are not below the link."""
    return path == other or (path.startswith(f"{other}/") and not Path(other).is_symlink())


def _python() -> Iterable[str]:
    """Yield the paths of this process's interpreter: programs, library, packages, but not its prefix.

    A prefix can be a user's folder, such as ~/.local.
    """
    program = Path(sys.executable)
    yield str(program)
    while program.is_symlink():
        program = Path(os.path.normpath(program.parent / program.readlink()))
        yield str(program)
    yield str(Path(sys.prefix, "pyvenv.cfg"))
    yield from (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    folder, shared = (sysconfig.get_config_var(name) for name in ("LIBDIR", "INSTSONAME"))
    if folder and shared:
        yield str(Path(folder, shared))


def _named() -> Iterable[str]:
    """Yield the paths of certificates and packages in environment variables."""
    for name in (*CERTIFICATES, *PACKAGES):
        for place in os.environ.get(name, "").split():
            if place.startswith("/") and place != "/":
                yield place.rstrip("/")
