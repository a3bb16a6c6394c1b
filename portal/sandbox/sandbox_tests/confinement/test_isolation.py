"""A confined process reaches nothing of the user who started it, in each mode that this machine supports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests import unprivileged
from sandbox_tests.confinement import attack
from sandbox_tests.processes import LIMIT, PROJECT
from sanso_sandbox.backends.functions.confinement import kernel
from sanso_sandbox.backends.functions.confinement.workspace import USERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's means are Linux's")

SECRETS = ("secret-key", "sanso.sqlite3", "sandbox/token")
SLEEP = "import time; time.sleep(600)"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
IS_SCOPED = kernel.landlock_version() >= 6  # confined programs cannot signal others since Linux 6.12


@dataclass
class Person:
    """A user who runs a portal: a home folder with secrets, and a process with a secret in its memory."""

    prefix: list[str]
    home: Path
    process: subprocess.Popen[bytes]
    secret: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    def goals(self) -> dict[str, Any]:
        """Return the attempts for attack.py."""
        secrets = [self.data / name for name in SECRETS]
        return {
            "files": [str(path) for path in [*secrets, self.home / "notes"]],
            "folders": [str(self.data), str(self.home)],
            "processes": [self.process.pid],
            "reversed secret": self.secret[::-1],
        }

    def attacked(self, **mode: bool) -> dict[str, Any]:
        """Return the successful attempts of a hostile program that this user's sandbox confined."""
        rooms = self.data / "sandbox" / "tmp"
        return self.run("-m", "sandbox_tests.confinement.run_confined", json.dumps(mode), str(rooms))

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run Python with the goals of the attack as this user, and return the JSON that it printed."""
        command = [*self.prefix, sys.executable, *arguments, json.dumps(self.goals())]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@contextlib.contextmanager
def person(prefix: list[str], user: int) -> Iterator[Person]:
    with tempfile.TemporaryDirectory(prefix="sanso-person-") as folder:
        home, secret = Path(folder), uuid.uuid4().hex  # other processes that run this file create users too
        data = home / "data"
        (data / "sandbox" / "tmp").mkdir(parents=True)
        for name in SECRETS:
            (data / name).write_text(secret)
        for path in [data, *data.rglob("*")]:
            path.chmod(0o700 if path.is_dir() else 0o600)
        home.chmod(0o755)
        (home / "notes").touch(mode=0o644)  # readable by every user of the machine
        for path in [home, *home.rglob("*")]:
            os.chown(path, user, user)
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", SLEEP],
            env=os.environ | {"SECRET_KEY": secret},
            start_new_session=True,
        )
        try:
            yield Person(prefix, home, process, secret)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def nobody() -> Iterator[Person]:
    if problem := unprivileged.why_not():
        pytest.skip(problem)
    with person(unprivileged.as_nobody(), unprivileged.user()) as found:
        yield found


@pytest.fixture(scope="module")
def root() -> Iterator[Person]:
    with person(unprivileged.reachable(), 0) as found:
        yield found


def test_the_attack_succeeds_where_nothing_confines_it() -> None:
    """Assert that the attempts succeed without confinement; otherwise the tests below would prove nothing."""
    if problem := unprivileged.why_not():
        pytest.skip(problem)
    with person(unprivileged.as_nobody(), unprivileged.user()) as victim:
        result, goals = victim.run(attack.__file__), victim.goals()

        assert result["read"] == goals["files"]
        assert result["listed"] == result["written"] == goals["folders"]
        assert result["seen"] == result["traced"] == result["signalled"] == goals["processes"]
        victim.process.wait(LIMIT)


def assert_nothing_was_achieved(result: dict[str, Any], *, signals: bool = False) -> None:
    for goal in ("read", "listed", "written", "memory", "seen", "traced"):
        assert result[goal] == [], goal
    if not signals:
        assert result["signalled"] == []
    assert not result["secret in environment"]
    assert result["descriptors"] == 3
    assert result["limits"] == {"CORE": 0, "NOFILE": 1024}
    assert result["status"]["NoNewPrivs"] == "1"
    assert int(result["status"]["CapEff"], 16) == int(result["status"]["CapPrm"], 16) == 0


def test_in_namespaces_a_user_without_rights_gives_nothing_away(nobody: Person) -> None:
    result = nobody.attacked(namespaces=True, own_user=False)

    assert_nothing_was_achieved(result)
    assert not result["became root"]


@pytest.mark.skipif(not kernel.landlock_version(), reason="takes Landlock")
def test_with_landlock_alone_a_user_without_rights_gives_nothing_away(nobody: Person) -> None:
    result = nobody.attacked(namespaces=False, own_user=False)

    assert_nothing_was_achieved(result, signals=not IS_SCOPED)
    assert not result["became root"]


@ROOT_ONLY
@pytest.mark.parametrize("namespaces", [True, False])
def test_root_gives_it_a_user_of_its_own_and_nothing_away(root: Person, namespaces: bool) -> None:
    result = root.attacked(namespaces=namespaces, own_user=True)

    assert_nothing_was_achieved(result)
    assert not result["became root"]
    (user,) = set(result["status"]["Uid"].split())
    assert int(user) in USERS
    assert result["status"]["Groups"] == ""


@ROOT_ONLY
@pytest.mark.skipif(not IS_SCOPED, reason="takes Landlock of Linux 6.12")
def test_root_without_another_user_is_root_without_power(root: Person) -> None:
    """If the interpreter is in /root, as in many containers, no other user can run it."""
    assert_nothing_was_achieved(root.attacked(namespaces=False, own_user=False))
