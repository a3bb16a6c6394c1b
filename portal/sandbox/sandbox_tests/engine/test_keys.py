"""The sandbox's keys: how they are issued, who can read them, and that another data folder's are invalid."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.processes import free_port
from sandbox_tests.sandboxes import Sandbox, start_sandbox
from sanso_sandbox.engine.access_keys import NAMES, Keyring


def test_a_keyring_knows_what_it_issued_and_nothing_else() -> None:
    ours, theirs = Keyring("a" * 43), Keyring("b" * 43)
    issued = [ours.issue(account, name) for account in ("000000000000", "999999999999") for name in NAMES]
    assert [ours.find(key.id) for key in issued] == issued
    assert len({key.id for key in issued} | {key.secret for key in issued}) == 2 * len(issued)
    assert [theirs.find(key.id) for key in issued] == [None] * len(issued)
    assert [(len(key.id), len(key.secret)) for key in issued] == [(20, 40)] * len(issued)


@pytest.mark.parametrize(
    "name",
    ["", "test", "123456789012", "AKIA", "AKIA" + "A" * 16, "AKIA" + "7" * 16, "ASIA" + "B" * 16, "é" * 20],
)
def test_a_made_up_key_id_is_nobodys(name: str) -> None:
    assert Keyring("a" * 43).find(name) is None


def test_a_key_says_nothing_about_its_secret() -> None:
    key = Keyring("a" * 43).issue("000000000000", "script")
    assert key.secret not in repr(key)


def test_sts_reads_the_account_from_a_key_as_from_awss_own(account: Account) -> None:
    key, _secret = account.sandbox.key(account.id)
    assert account.client("sts").get_access_key_info(AccessKeyId=key)["Account"] == account.id


def test_a_key_acts_in_its_account(account: Account) -> None:
    identity = account.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (account.id, f"arn:aws:iam::{account.id}:root")


def test_the_event_log_has_the_caller(account: Account) -> None:
    account.client("sts").get_caller_identity()
    reported: Any = account.sandbox.control("GET", "calls", account=account.id)
    assert [call["caller"] for call in reported["calls"]] == ["script"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with its own data folder."""
    server = start_sandbox(tmp_path_factory.mktemp("other"), database="embedded", machines="records")
    yield server
    server.stop()


def who(sandbox: Sandbox, credentials: dict[str, str]) -> str:
    client = boto3.client("sts", region_name=REGION, **credentials | {"endpoint_url": sandbox.url})  # type: ignore[call-overload]
    try:
        return str(client.get_caller_identity()["Account"])
    finally:
        client.close()


def test_a_key_outlives_a_restart_of_its_sandbox(other: Sandbox) -> None:
    credentials = other.credentials("123412341234")
    other.kill()
    other.start()
    assert who(other, credentials) == "123412341234"
    assert other.credentials("123412341234") == credentials


def test_another_data_folders_keys_and_token_are_worth_nothing(other: Sandbox, sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        who(sandbox, other.credentials("123412341234"))
    assert other.token_file.read_text() != sandbox.token_file.read_text()


def test_the_token_is_its_owners_alone_to_read(other: Sandbox) -> None:
    assert stat.S_IMODE(other.token_file.stat().st_mode) == 0o600


def test_a_file_without_a_secret_is_told_and_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    refused = subprocess.run(
        [sys.executable, "-m", "sanso_sandbox"],
        env={
            **os.environ,
            "SANSO_SANDBOX_TOKEN_FILE": str(tmp_path / "token"),
            "SANSO_SANDBOX_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "token holds no secret: remove it" in refused.stderr


def test_the_token_is_in_no_process_environment(other: Sandbox) -> None:
    assert other.process is not None
    environment = Path(f"/proc/{other.process.pid}/environ").read_bytes()
    assert other.token_file.read_bytes() not in environment


@pytest.mark.parametrize("body", [{"name": "cloudformation"}, {"name": "somebody"}, {"name": ["portal"]}])
def test_only_the_portal_and_scripts_get_keys(sandbox: Sandbox, body: object) -> None:
    with pytest.raises(OSError, match="400"):
        sandbox.control("POST", "keys", body, account="123412341234")


def test_a_key_is_for_one_account(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="400"):
        sandbox.control("POST", "keys", {})
