"""A sandbox for the article's set: its function runs pip, which installs the driver from a local folder."""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from sandbox_tests.engine.conftest import Account
from tests.services import Sandbox, start_sandbox

SET = Path(__file__).parent
RETIRED = "8.0.mysql_aurora.3.01.0"  # the article's database version, which RDS no longer creates
OFFERED = "8.0.mysql_aurora.3.10.6"


def with_offered_version(folder: Path) -> Path:
    """Copy the article's set into a folder, with a database version that RDS creates."""
    shutil.copytree(SET, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    template = folder / "fa-094-aurora.yaml"
    template.write_text(template.read_text().replace(RETIRED, OFFERED))
    return folder


def pack_wheel(package: str, folder: Path) -> Path:
    """Build a wheel of an installed pure-Python package."""
    distribution = metadata.distribution(package)
    name = package.replace("-", "_").lower()
    info = f"{name}-{distribution.version}.dist-info"
    wheel = folder / f"{name}-{distribution.version}-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(wheel, "w") as archive:
        members = {
            f"{info}/METADATA": (distribution.read_text("METADATA") or "").encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        for file in distribution.files or ():
            if file.suffix == ".py" and file.parts[0] == name:
                members[file.as_posix()] = Path(str(file.locate())).read_bytes()
        for path, body in members.items():
            archive.writestr(path, body)
            digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(body)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return wheel


@pytest.fixture(scope="module", params=["mariadb", "embedded"])
def article_sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """A sandbox with either kind of database, whose functions can install the driver's wheel."""
    folder = tmp_path_factory.mktemp(f"article-{request.param}")
    wheels = folder / "wheels"
    wheels.mkdir()
    pack_wheel("pymysql", wheels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSO_SANDBOX_MACHINES", "records")
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        # The agent lists the bucket before it downloads, and the article's roles do not allow that.
        server = start_sandbox(folder / "sandbox", database=request.param, permissions="report")
    yield server
    server.stop()


@pytest.fixture
def account(article_sandbox: Sandbox) -> Iterator[Account]:
    """An empty account in this sandbox."""
    account = Account(article_sandbox, str(secrets.randbelow(9 * 10**11) + 10**11))
    yield account
    for client in account.clients.values():
        client.close()
    article_sandbox.control("POST", "reset", account=account.id)
