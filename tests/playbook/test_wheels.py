"""Wheels in the artifact bucket of a sandbox: stored once, fetched whole or not at all."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sandbox_tests.engine.conftest import REGION, Account
from tests.services import REPOSITORY, Sandbox

WHEELS = {
    "Some_Package-1.2.post1-py3-none-any.whl": b"some",
    "ansible_core-2.19.99-py3-none-any.whl": b"ansible",
    "mysqlclient-2.3.2-cp312-cp312-linux_x86_64.whl": b"built here",
}


class Server:
    """A server's playbook folder with lock files of its own, and the bucket that it reaches."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.folder, self.wheels = account, folder, folder / "wheels"
        shutil.copytree(REPOSITORY / "datelog/aws", folder / "app/datelog/aws")
        (folder / "app/datelog/__init__.py").touch()
        shutil.copy(REPOSITORY / "playbook/wheels.py", folder)
        known = {name: hashlib.sha256(body).hexdigest() for name, body in WHEELS.items()}
        some, ansible, _built = known.values()
        (folder / "ansible.lock").write_text(
            f"# comment\nansible-core==2.19.99 ; implementation_name != 'PyPy' --hash=sha256:{ansible}\n"
        )
        (folder / "app/datelog/requirements.lock").write_text(
            f"mysqlclient==2.3.2 \\\n    --hash=sha256:{'0' * 64}\n"
            f"some.package==1.2.post1 \\\n    --hash=sha256:{'1' * 64} \\\n    --hash=sha256:{some}\n"
        )

    def run(self, action: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run wheels.py as the association's document does."""
        url = f"https://{self.account.bucket}.s3.{REGION}.amazonaws.com/sets/0123abcd/playbook.zip"
        return subprocess.run(
            [sys.executable, str(self.folder / "wheels.py"), action, url, str(folder)],
            env={**self.account.sandbox.variables(self.account.id), "AWS_REGION": REGION},
            capture_output=True,
            text=True,
            check=False,
        )

    def fetch(self) -> subprocess.CompletedProcess[str]:
        return self.run("fetch", self.wheels)

    def keys(self) -> list[str]:
        listed = self.account.client("s3").list_objects_v2(Bucket=self.account.bucket, Prefix="sets/wheels/")
        return [one["Key"] for one in listed.get("Contents", [])]

    def replace(self, body: bytes) -> None:
        """Replace what is stored, as nobody but the bucket's owner can."""
        (key,) = self.keys()
        self.account.client("s3").put_object(Bucket=self.account.bucket, Key=key, Body=body)


def zipped(wheels: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in wheels.items():
            archive.writestr(name, body)
    return buffer.getvalue()


@pytest.fixture
def server(sandbox: Sandbox, sandbox_account: str, tmp_path: Path) -> Server:
    """A server whose bucket has the wheels that another one has stored."""
    account = Account(sandbox, sandbox_account)
    account.publish()
    made = Server(account, tmp_path / "playbook")
    assert made.fetch().returncode == 3, "there are none yet"
    built = tmp_path / "built"
    built.mkdir()
    for name, body in WHEELS.items():
        (built / name).write_bytes(body)
    assert made.run("store", built).returncode == 0
    return made


def test_another_server_gets_the_wheels_that_the_first_one_stored(server: Server) -> None:
    assert server.fetch().returncode == 0
    assert {path.name: path.read_bytes() for path in server.wheels.iterdir()} == WHEELS


def test_wheels_that_are_stored_are_never_replaced_by_a_server(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "some_package-1.2.post1-py3-none-any.whl").write_bytes(b"other")
    assert server.run("store", other).returncode == 0
    assert server.fetch().returncode == 0
    assert (server.wheels / "Some_Package-1.2.post1-py3-none-any.whl").read_bytes() == b"some"


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (zipped(WHEELS)[:-40], "the archive is damaged"),
        (zipped(WHEELS).replace(b"ansible", b"AnSiBle", 1), "the archive is damaged"),
        (zipped(dict(list(WHEELS.items())[1:])), "some.package 1.2.post1 is missing"),
        (zipped(dict(list(WHEELS.items())[:2])), "mysqlclient 2.3.2 is missing"),
        (
            zipped({**WHEELS, "ansible_core-2.19.99-py3-none-any.whl": b"other"}),
            "the hash of ansible_core-2.19.99-py3-none-any.whl is not in the lock files",
        ),
        (b"", "the archive is damaged"),
    ],
    ids=["cut off", "changed bytes", "one is missing", "the built one is missing", "another hash", "empty"],
)
def test_a_server_builds_its_wheels_if_those_in_the_bucket_are_damaged_or_incomplete(
    server: Server, stored: bytes, why: str
) -> None:
    """The playbook builds the wheels after exit code 3."""
    server.replace(stored)

    done = server.fetch()

    assert done.returncode == 3, done.stderr
    assert why in done.stderr
    assert server.keys()[0] in done.stderr  # what to delete
    assert not server.wheels.exists()
    assert not server.wheels.with_name("wheels.unfinished").exists()
