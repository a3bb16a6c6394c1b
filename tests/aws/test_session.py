"""How the gateways get credentials: the environment's own, none, an assumed role, or the sandbox's."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import JSONFileLoader

from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.sandbox import about, issue_key
from deployments.common.errors import AwsAccessError, AwsFailure, AwsRetryable
from tests.services import EXTERNAL_ID, LOOPBACK, Sandbox

REGION = "ap-northeast-1"


@pytest.fixture(autouse=True)
def _fresh_clients() -> None:
    session._connect.cache_clear()


def test_missing_credentials_are_an_access_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)

    with pytest.raises(AwsAccessError) as caught:
        session.connect(AccountRef(region=REGION)).sts.caller_identity()

    assert caught.value.code == "NoCredentialsError"


def test_the_environments_credentials_are_used_for_an_account_without_a_role(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.variables("121212121212").items():
        monkeypatch.setenv(name, value)

    identity = session.connect(AccountRef(region=REGION)).sts.caller_identity()

    assert identity.account_id == "121212121212"


def test_a_role_is_assumed_with_the_external_id(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.variables("131313131313").items():
        monkeypatch.setenv(name, value)
    ref = AccountRef(
        region=REGION, role_arn="arn:aws:iam::131313131313:role/SansoOperator", external_id="e-1"
    )

    identity = session.connect(ref).sts.caller_identity()

    assert ":assumed-role/SansoOperator/sanso" in identity.arn
    calls = sandbox.control("GET", "calls", account="131313131313")
    assert isinstance(calls, dict)
    assert "AssumeRole" in [call["action"] for call in calls["calls"]]


def test_a_role_is_assumed_with_the_time_limits_of_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's default limits allow a minute for each of several attempts: longer than a step may take."""
    monkeypatch.setattr(session, "_CONFIG", session._CONFIG.merge(Config(read_timeout=0.2)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with socket.create_server((LOOPBACK, 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{LOOPBACK}:{silent.getsockname()[1]}")
        ref = AccountRef(region=REGION, role_arn="arn:aws:iam::131313131313:role/Slow")
        begun = time.monotonic()
        with pytest.raises(AwsFailure):
            session.connect(ref).sts.caller_identity()

    assert time.monotonic() - begun < 30


def test_a_role_without_credentials_to_assume_it_is_an_access_error() -> None:
    ref = AccountRef(region=REGION, role_arn="arn:aws:iam::131313131313:role/SansoOperator")

    with pytest.raises(AwsAccessError):
        session.connect(ref).sts.caller_identity()


def in_sandbox(endpoint_url: str, token_file: Path) -> AccountRef:
    return AccountRef(
        region=REGION,
        endpoint_url=endpoint_url,
        sandbox_account="151515151515",
        token_file=str(token_file),
        role_arn="arn:aws:iam::151515151515:role/sanso-portal",
        external_id=EXTERNAL_ID,
    )


def test_the_portal_assumes_its_role_in_the_sandbox_too(sandbox: Sandbox) -> None:
    identity = session.connect(in_sandbox(sandbox.url, sandbox.token_file)).sts.caller_identity()

    assert identity.account_id == "151515151515"
    reported: Any = sandbox.control("GET", "calls", account="151515151515")
    assert {call["caller"] for call in reported["calls"]} == {
        "arn:aws:iam::151515151515:user/sanso",
        "arn:aws:sts::151515151515:assumed-role/sanso-portal/sanso",
    }


@pytest.mark.parametrize("role", ["sanso-portal", "none"])
def test_the_sandbox_has_one_message_for_another_external_id_and_a_missing_role(
    sandbox: Sandbox, role: str
) -> None:
    account = "161616161616"
    key = issue_key(sandbox.url, sandbox.token_file, account, "portal", EXTERNAL_ID)
    user = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=sandbox.url,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
    )

    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole on resource"):
        user.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}",
            RoleSessionName="sanso",
            ExternalId=EXTERNAL_ID[::-1],
        )


def test_a_rejected_sandbox_token_is_an_access_error_that_names_the_setting(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("that of another data folder")

    for token_file in (tmp_path / "token", tmp_path / "none"):
        with pytest.raises(AwsAccessError, match="SANSO_SANDBOX_TOKEN_FILE") as caught:
            session.connect(in_sandbox(sandbox.url, token_file)).sts.caller_identity()
        assert "that of another" not in str(caught.value)


def test_a_sandbox_that_is_down_is_called_again(sandbox: Sandbox, closed_port: int) -> None:
    ref = in_sandbox(f"http://127.0.0.1:{closed_port}", sandbox.token_file)

    with pytest.raises(AwsRetryable):
        session.connect(ref).sts.caller_identity()


def test_botocore_does_not_retry_calls_by_itself() -> None:
    """A retry could come from a worker that has lost its claim."""
    assert session._CONFIG.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]  # stubs lack it


def test_clients_are_created_once_per_account() -> None:
    ref = AccountRef(region=REGION, endpoint_url="http://127.0.0.1:1", sandbox_account="1" * 12)
    assert session.connect(ref) is session.connect(ref)


def test_another_account_does_not_load_the_service_models_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session.connect(AccountRef(region=REGION, sandbox_account="111111111111"))
    read: list[str] = []
    original = JSONFileLoader.load_file

    def load_file(self: JSONFileLoader, file_path: str) -> object:
        read.append(file_path)
        return original(self, file_path)

    monkeypatch.setattr(JSONFileLoader, "load_file", load_file)
    session.connect(AccountRef(region=REGION, sandbox_account="222222222222"))

    assert read == []


def test_the_sandbox_reports_the_time_scale_of_the_account(sandbox: Sandbox, sandbox_account: str) -> None:
    sandbox.control("POST", "pace", {"pace": 0.5}, account=sandbox_account)

    assert about(sandbox.url, sandbox.token_file, sandbox_account)["pace"] == 0.5
    assert about(sandbox.url, sandbox.token_file, "121212121213")["pace"] == 0
