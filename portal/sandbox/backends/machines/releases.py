"""The datelog of a deployed zip, unpacked beside others for the processes that stand in for app servers."""

import compileall
import hashlib
import io
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

APPLICATION = "app/"  # where the playbook's zip has it
_MARK = f"{APPLICATION}datelog/wsgi.py"
_unpacking = threading.Lock()


class Unreadable(Exception):
    """A zip is damaged; the message says how."""


def unpack(downloads: Mapping[str, bytes], folder: Path) -> Path | None:
    """Return a folder with the datelog of the first zip that has one; None without any.

    It is named after the zip's content, so that each is unpacked and compiled once.
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
        # extract() leaves out "..", drives and leading slashes, and makes plain files of links
        archive.extractall(work, [one for one in archive.namelist() if one.startswith(APPLICATION)])
        found = work / APPLICATION
        # once, and not at each server's start
        compileall.compile_dir(found, quiet=2, stripdir=str(found), prependdir=str(target))
        found.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
