"""The sandbox as a process: listening address, termination, cleanup, and the engine version it requires."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import LIMIT, free_port, wait_until
from sandbox_tests.sandboxes import Sandbox, sandbox_answers, start_sandbox
from sanso_sandbox.engine import contract

FUNCTION = """
    import time

    def handler(event, context):
        if event.get("wait"):
            time.sleep(60)
        return "done"
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A separate folder for the sandbox's temporary files: other tests' sandboxes start and end meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def own_sandbox(tmp_path: Path, temporary: Path) -> Iterator[Sandbox]:
    """A sandbox that a test may terminate."""
    server = start_sandbox(tmp_path / "own", database="embedded")
    yield server
    server.kill()


def descendants(pid: int) -> set[int]:
    """List the ids of all descendants of a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = {pid}
    while below := {child for child, parent in parents.items() if parent in found} - found:
        found |= below
    return found - {pid}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def make_it_busy(account: Account) -> None:
    """Start a function's process, a deployment, and an API call that is held and one that times out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", textwrap.dedent(FUNCTION))
    trusted = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
    role = account.client("iam").create_role(
        RoleName="worker", AssumeRolePolicyDocument=json.dumps({"Statement": [trusted]})
    )["Role"]
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="worker",
        Runtime="python3.12",
        Role=role["Arn"],
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    functions.invoke(FunctionName="worker", Payload=b"{}")
    with contextlib.suppress(Exception):
        account.client("lambda", read_timeout=0.5).invoke(FunctionName="worker", Payload=b'{"wait": true}')
    account.pace(5)
    account.start("under-way", "Resources: {Queue: {Type: AWS::SQS::Queue}}")
    for mode in ("hold_before", "timeout"):
        account.break_api(service="ssm", action="*", mode=mode)
        with contextlib.suppress(Exception):
            account.client("ssm", read_timeout=0.2).describe_parameters()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_leaves_no_process_and_no_file(
    own_sandbox: Sandbox, temporary: Path, number: int
) -> None:
    account = Account(own_sandbox, "123456789012")
    make_it_busy(account)
    assert own_sandbox.process is not None
    below = descendants(own_sandbox.process.pid)
    assert below
    own_sandbox.process.send_signal(number)
    assert own_sandbox.process.wait(LIMIT) == 0
    wait_until(lambda: not any(is_alive(pid) for pid in below), what="the end of its processes")
    assert not (own_sandbox.folder / "data" / "tmp").exists()
    names = [entry.name for entry in temporary.iterdir()]
    assert not [name for name in names if "ministack" in name or "sanso-sandbox" in name]
    for client in account.clients.values():
        client.close()


def test_without_a_folder_of_its_own_it_leaves_nothing_at_all(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sanso_sandbox"],
        env={
            **os.environ,
            "SANSO_SANDBOX_PORT": str(port),
            "SANSO_SANDBOX_TOKEN_FILE": str(tmp_path / "given-token"),
            "TMPDIR": str(tmp_path),
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: sandbox_answers(port, tmp_path / "given-token"), what="the sandbox")
        (tmp_path / "given-token").unlink()
        assert [entry.name.startswith("sanso-sandbox-") for entry in tmp_path.iterdir()] == [True]
        process.terminate()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_ended_while_it_starts_it_leaves_nothing_either(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sanso_sandbox"],
        env={**os.environ, "SANSO_SANDBOX_PORT": str(free_port()), "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        # Not a file: the first that Python writes there is deleted at once (tempfile, gettempdir).
        wait_until(lambda: any(path.is_dir() for path in tmp_path.iterdir()), what="its folder")
        process.terminate()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_it_listens_on_loopback_and_refuses_to_do_otherwise() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "sanso_sandbox"],
        env={**os.environ, "SANSO_SANDBOX_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "only loopback is allowed" in refused.stderr


def test_a_port_that_is_taken_is_told(sandbox: Sandbox) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "sanso_sandbox"],
        env={**os.environ, "SANSO_SANDBOX_PORT": str(sandbox.port)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert f"127.0.0.1:{sandbox.port}" in refused.stderr
    assert sandbox.control("GET", "about")


@pytest.mark.parametrize("pace", ["-1", "nan", "inf", "1001", "fast"])
def test_a_pace_that_is_none_is_told(pace: str) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "sanso_sandbox"],
        env={**os.environ, "SANSO_SANDBOX_PACE": pace},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "SANSO_SANDBOX_PACE" in refused.stderr or repr(pace) in refused.stderr


def test_another_version_of_the_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "1.6.0")
    with pytest.raises(contract.EngineMismatch, match=r"extends MiniStack 1\.5\.33 and 1\.6\.0 is installed"):
        contract.check()


def test_names_of_the_engine_that_are_gone_or_changed_are_all_listed() -> None:
    with pytest.raises(contract.EngineMismatch) as mismatch:
        contract.check({"json": {"gone": None, "loads": "text", "JSONDecoder.gone": "self"}})
    assert "json.gone is missing" in str(mismatch.value)
    assert "json.loads takes (s, cls, " in str(mismatch.value)
    assert "json.JSONDecoder.gone is missing" in str(mismatch.value)


def test_the_installed_engine_is_as_expected() -> None:
    contract.check()


def test_the_contract_has_exactly_the_names_of_the_engine_that_the_source_uses() -> None:
    assert contract.contract() == json.loads(contract.FILE.read_text()), (
        "write it anew: python -m sanso_sandbox.engine.contract"
    )
    names = contract.names()
    assert "_RESOURCE_HANDLERS" in names["ministack.services.cloudformation.provisioners"]
    assert "Worker._spawn" in names["ministack.core.lambda_runtime"]
    assert "_extract_s3_vhost_bucket" in names["ministack.app"]
