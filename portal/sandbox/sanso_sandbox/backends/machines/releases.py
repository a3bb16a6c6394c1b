"""The datelog of a deployed zip, unpacked for the processes that substitute app servers."""

import compileall
import hashlib
import io
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

APPLICATION = "app/"  # its folder in the playbook's zip
_MARK = f"{APPLICATION}datelog/wsgi.py"
_unpacking = threading.Lock()


class Unreadable(Exception):
    """A zip is damaged; the message is the reason."""


def unpack(downloads: Mapping[str, bytes], folder: Path) -> Path | None:
    """Return a folder with the datelog of the first zip that contains one; None without any.

    Its name depends on the zip's content, so that each zip is unpacked and compiled once.
    """
    for name, body in downloads.items():
        if not name.endswith(".zip"):
            continue
        target = folder / hashlib.sha256(body).hexdigest()[:16]
        try:
            with _unpacking, zipfile.ZipFile(io.BytesIO(body)) as archive:
                if _MARK not in archive.namelist():
                    continue
                if not target.exists():
                    _unpack(archive, target)
        except (OSError, zipfile.BadZipFile) as damaged:
            raise Unreadable(f"{name}: {damaged}") from damaged
        return target
    return None


def _unpack(archive: zipfile.ZipFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        # extract() removes "..", drives and leading slashes, and writes links as plain files
        archive.extractall(work, [one for one in archive.namelist() if one.startswith(APPLICATION)])
        found = work / APPLICATION
        # once, instead of at each server's start
        compileall.compile_dir(found, quiet=2, stripdir=str(found), prependdir=str(target))
        found.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
