"""A backup as one file: write it, and check every part before restoring any."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from portal.backups import manifest
from portal.backups.manifest import BackupError, BackupManifest

MANIFEST, SIGNATURE, KEY = "manifest.json", "manifest.signature", "secret-key"
CHANGED = "The backup is damaged or was changed: {}."


def write(target: Path, files: Mapping[str, Path]) -> None:
    """Write files to a new archive with mode 0600, in their order. The name exists once it is complete."""
    if target.exists():
        raise BackupError(f"{target} exists already.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as output:
            with tarfile.open(fileobj=output, mode="w:gz", compresslevel=6) as archive:
                for name, path in files.items():
                    archive.add(path, arcname=name, filter=_without_owner)
            output.flush()
            os.fsync(output.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def extract(source: Path, folder: Path, names: frozenset[str]) -> None:
    """Write the files of an archive to a folder. Raise BackupError if it is truncated or has other files."""
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            for member in archive:
                if member.name not in names or not member.isreg():
                    raise BackupError(f"The file is not a backup of Sanso: it has {member.name!r}.")
                archive.extract(member, folder, filter="data")
        with gzip.open(source) as whole:  # up to the checksum at the end, which tarfile does not read
            while whole.read(manifest.BLOCK):
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise BackupError(CHANGED.format("it cannot be read to its end")) from exc
    except OSError as exc:
        raise BackupError(f"{source} cannot be read: {exc.strerror or exc}.") from exc


def check(folder: Path, configured_key: str, *, is_configured: bool) -> BackupManifest:
    """Return the manifest of extracted files after verifying all of them.

    The key is that of the backup, or else the configured one. `is_configured`: SECRET_KEY is set, so it must
    be the same. Raise BackupError.
    """
    if not (folder / MANIFEST).exists() or not (folder / SIGNATURE).exists():
        raise BackupError("The file is not a backup of Sanso: it has no manifest.")
    text = (folder / MANIFEST).read_text()
    found = manifest.read(text)
    has_key = (folder / KEY).exists()
    key = (folder / KEY).read_text().strip() if has_key and not is_configured else configured_key
    if manifest.fingerprint(key) != found.key:
        raise BackupError("The backup was made with another SECRET_KEY: set that one, and try again.")
    if manifest.signature(text, key) != (folder / SIGNATURE).read_text():
        raise BackupError(CHANGED.format("its manifest has another signature"))
    present = {path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURE}
    if present != set(found.files):
        raise BackupError(CHANGED.format(f"{min(present ^ set(found.files))} is missing or was added"))
    for name, expected in found.files.items():
        if manifest.digest(folder / name) != expected:
            raise BackupError(CHANGED.format(f"{name} has other content"))
    return found
