"""A fixture's database after the upgrade: written once for the same code, and copied for each file of tests.

The migrations take half a minute on MariaDB, and several files only read what they have written.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection

from portal.backups import engines
from tests import prepared
from tests.services import REPOSITORY
from tests.upgrade import dump, load

CODE = ("deployments", "portal", "tests/upgrade")
"""Folders of the code that the result depends on: a migration may import any of the portal's."""


def fill(fixture: Path) -> None:
    """Fill the empty default database with what the fixture's database is after the upgrade."""
    folder = prepared.prepared(f"upgraded-{connection.vendor}", _parts(fixture), _writer(fixture))
    engines.load(folder / fixture.stem)


def _parts(fixture: Path) -> Iterator[str]:
    code = (path for folder in CODE for path in (REPOSITORY / folder).rglob("*.py"))
    for path in (fixture, REPOSITORY / "requirements-test.lock", *sorted(code)):
        yield f"{path.relative_to(REPOSITORY)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _writer(fixture: Path) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        name = f"upgraded_{secrets.token_hex(4)}"
        with tempfile.TemporaryDirectory() as own, load.fresh_database(name, Path(own)):
            load.load_release(dump.read(fixture))
            load.upgrade()
            engines.export(folder / fixture.stem)

    return write
