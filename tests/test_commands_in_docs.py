"""Every command in documents is run by a test, or listed here with a reason."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import typer.main

from sanso_cli.__main__ import app
from tests.services import REPOSITORY, Redis, Sandbox
from tests.test_project import tracked

BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s+#\s.*$", re.MULTILINE)
MANAGE = ".venv/bin/python manage.py"
NOT_RUN = {
    r"make (run|run-full)": "tests/portal/test_run.py runs what it calls; it does not end by itself",
    r"make (test|check|fix)": "this test is a part of it",
    r"\.venv/bin/pytest ": "this test is a part of it",
    r"cd portal/sandbox && \S*pytest$": "tests/test_distributions.py runs a part of it",
    r"(systemctl|journalctl) ": "needs systemd",
    r"apt-get ": "installs packages on the machine",
    r"(\.venv/bin/)?pip install ": "downloads packages; .ci/environment installs from the same lock files",
    r"aws ": "needs AWS or its command line",
    r"\.venv/bin/python -m tests\.upgrade\.": "takes half an hour",
    r"[A-Z_]+=\S*$": "a setting; tests/test_docs.py compares it with .env.example",
}
IN_A_CLONE = (r"git clone ", r"python3 -m venv ", r"git pull$", r"git worktree ")
"""Commands that a test runs in this order in a clone of the repository."""
REDIS = r"redis-cli "
ELSEWHERE = {
    "docs/api.md": "tests/api/test_examples.py",
    "docs/first-contact.md": "tests/first_contact/test_against_sandbox.py",
    "portal/sandbox/README.md": "tests/test_distributions.py",
}
"""Documents whose commands another test runs."""
SANDBOX = "docs/sandbox.md"


def commands(text: str) -> list[str]:
    """Return the commands of a block, with continued lines joined, without comments and blank lines."""
    lines = COMMENT.sub("", text.replace("\\\n", " ")).splitlines()
    return [re.sub(r"\s+", " ", line).strip() for line in lines if line.strip()]


def blocks(document: str) -> list[str]:
    """Return the shell blocks of a document."""
    return BLOCK.findall((REPOSITORY / document).read_text())


DOCUMENTS = sorted(str(file.relative_to(REPOSITORY)) for file in tracked("*.md"))
ALL = [
    (document, command)
    for document in DOCUMENTS
    if document not in (*ELSEWHERE, SANDBOX)
    for block in blocks(document)
    for command in commands(block)
]
SANSO = sorted({command for _, command in ALL if command.startswith("sanso ")})
ORDER = ("migrate", "compile_translations", "createsuperuser", "shell", "doctor", "backup", "restore")


def managed() -> list[str]:
    """Return the commands of manage.py, each once, in a working order."""
    found = {re.sub(r"^systemd-run .* (?=\.venv)", "", command) for _, command in ALL if MANAGE in command}

    def place(command: str) -> int:
        name = command.partition(MANAGE)[2].split()[0]
        return ORDER.index(name) if name in ORDER else len(ORDER) - 2

    return sorted(found, key=place)


def test_every_command_is_run_or_listed_with_a_reason() -> None:
    others = [
        f"{document}: {command}"
        for document, command in ALL
        if MANAGE not in command
        and command not in SANSO
        and not any(re.match(pattern, command) for pattern in (*NOT_RUN, *IN_A_CLONE, REDIS))
    ]

    assert others == []
    for pattern in (*NOT_RUN, *IN_A_CLONE, REDIS):
        assert any(re.match(pattern, command) for _, command in ALL), f"nothing matches {pattern}"


def test_the_documents_that_another_test_runs_are_named_in_it() -> None:
    for document, test in ELSEWHERE.items():
        assert document in (REPOSITORY / test).read_text()


@pytest.mark.parametrize("command", SANSO)
def test_the_command_line_takes_the_arguments_of_the_document(command: str) -> None:
    words = shlex.split(command)[1:]
    found: Any = typer.main.get_command(app)
    context = found.make_context("sanso", list(words), resilient_parsing=True)
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
        context = found.make_context(found.name, list(words), parent=context)

    assert not context.args


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a portal with an empty data folder, without the developer's variables."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "backups").mkdir()
    (folder / "audit.json").write_text("[]")  # the export of a portal without records
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    yield kept | {
        "SANSO_DATA_DIR": str(folder / "data"),
        "FOLDER": str(folder),
        "REDIS_URL": os.environ["REDIS_URL"],
        "DJANGO_SUPERUSER_USERNAME": "root",
        "DJANGO_SUPERUSER_PASSWORD": "five green parrots",
        "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    }
    shutil.rmtree(folder, ignore_errors=True)


def here(command: str, folder: str) -> str:
    """Return a command with paths and servers of this machine instead of the document's."""
    backup = next(iter(Path(folder, "backups").iterdir()), Path(folder))
    places = {
        ".venv/bin/python": shlex.quote(sys.executable),
        "audit-20261127-183000.json": f"{folder}/audit.json",
        "/var/backups/sanso-2026-11-27.tar.gz": str(backup),
        "/var/backups": f"{folder}/backups",
        "/var/lib/sanso": f"{folder}/restored",
        "…/orders": "infra_templates",
        "orders-policy.json": f"{folder}/orders-policy.json",
        "mysql://sanso:…@db.internal:3306/sanso": f"sqlite:///{folder}/restored.sqlite3",
        "createsuperuser": "createsuperuser --noinput",
        "manage.py support_bundle": f"manage.py support_bundle --output {folder}/support.zip",
    }
    for given, own in places.items():
        command = command.replace(given, own)
    return command


def run(command: str, machine: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a document in the repository, with what this machine has in the place of its names."""
    return as_it_is(here(command, machine["FOLDER"]), machine, **environment)


def as_it_is(command: str, machine: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository with a shell."""
    return subprocess.run(
        ["/bin/bash", "-ec", command],
        cwd=REPOSITORY,
        env=machine | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_of_manage_py_work_on_a_fresh_machine(machine: dict[str, str]) -> None:
    findings = ("doctor",)  # it reports missing processes
    failed = []
    for command in managed():
        done = run(command, machine)
        is_report = command.endswith(findings) and "processes" in done.stdout
        if done.returncode and not is_report:
            failed.append(f"{command}: {done.stdout[-300:]}{done.stderr[-600:]}")

    assert failed == []


def matching(pattern: str) -> list[str]:
    """Return the commands of all documents that begin like this, each once."""
    return list(dict.fromkeys(command for _, command in ALL if re.match(pattern, command)))


def test_the_commands_of_an_installation_work_in_a_clone(machine: dict[str, str], tmp_path: Path) -> None:
    server, installed, temporary = tmp_path / "server.git", tmp_path / "opt" / "sanso", tmp_path / "tmp"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(REPOSITORY), str(server)], check=True)
    for arguments in (  # a checkout may have no branch, and a developer's Git may sign tags
        ("update-ref", "refs/heads/main", "HEAD"),
        ("symbolic-ref", "HEAD", "refs/heads/main"),
        ("update-ref", "refs/tags/v0.2.0", "HEAD"),
    ):
        subprocess.run(["git", *arguments], cwd=server, check=True, capture_output=True)
    (tmp_path / "opt").mkdir()
    temporary.mkdir()
    lines = "\n".join(command for pattern in IN_A_CLONE for command in matching(pattern))
    places = {
        "<this repository>": server,
        "/opt/sanso": installed,
        "/tmp": temporary,
        "python3 ": f"{sys.executable} ",
    }
    # In one pass: the places of this machine lie in its own /tmp.
    lines = re.sub("|".join(map(re.escape, places)), lambda found: str(places[found.group()]), lines)

    done = as_it_is(lines, machine)

    assert done.returncode == 0, done.stderr
    assert (installed / ".venv" / "bin" / "pip").exists()
    assert (installed / "manage.py").exists()
    assert (temporary / "release" / "manage.py").exists()
    assert (temporary / "later" / "manage.py").exists()


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="the embedded Redis has no client")
def test_the_command_that_ends_the_waits_of_logins_works(
    machine: dict[str, str], redis_server: Redis
) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.mset({"sanso:login:name:ana": 5, "sanso:other": 1})
    (command,) = matching(REDIS)

    assert run(command, machine, REDIS_URL=redis_server.url).returncode == 0

    assert client.keys("sanso:login:*") == []
    assert client.getdel("sanso:other") == b"1"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_sandbox_work(machine: dict[str, str], sandbox: Sandbox) -> None:
    own = sandbox.portal_settings
    run(f"{MANAGE} migrate", machine)
    assert run(f"{MANAGE} ensure_sandbox_account", machine, **own).returncode == 0
    for block in blocks(SANDBOX):
        lines = [line for line in commands(block) if not line.startswith("aws ")]
        done = run("\n".join(lines), machine, **own)
        assert done.returncode == 0, done.stderr
        errors = [found["error"] for found in answers(done.stdout) if "error" in found]
        # The instance and the cluster in the document do not exist.
        assert all("i-0123456789abcdef0" in error or "NAME" in error for error in errors), errors


def answers(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in an output."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        found, end = decoder.raw_decode(text, at)
        if isinstance(found, dict):
            yield found
        at = text.find("{", end)
