"""`manage.py sandbox_credentials`, as a script uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import boto3
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portal.settings import default_sandbox_url
from tests.builders import make_account
from tests.services import REPOSITORY, Sandbox, free_port

pytestmark = pytest.mark.django_db


def credentials(*options: str) -> str:
    printed = StringIO()
    call_command("sandbox_credentials", *options, stdout=printed)
    return printed.getvalue()


def test_a_shell_with_the_output_uses_the_account(sandbox: Sandbox, sandbox_account: str) -> None:
    lines = credentials("--account", sandbox_account)
    script = f"""
        {lines}
        {sys.executable} -c 'import boto3; print(boto3.client("sts").get_caller_identity()["Account"])'
        curl -fsS --aws-sigv4 "aws:amz:$AWS_REGION:cloudformation" \
          -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
          "$AWS_ENDPOINT_URL/?Action=ListStacks&Version=2010-05-15" >/dev/null
        curl -fsS -H "Authorization: Bearer $SANDBOX_TOKEN" \
          "$SANDBOX_URL/_sanso/calls?account=$SANDBOX_ACCOUNT"
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SANSO_"))
    }
    done = subprocess.run(
        ["/bin/sh", "-ec", script],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    text, _, calls = done.stdout.partition("\n")
    assert text == sandbox_account, done.stderr
    assert [call["action"] for call in json.loads(calls)["calls"]] == ["GetCallerIdentity", "ListStacks"]


def test_the_output_can_be_json(sandbox: Sandbox, sandbox_account: str) -> None:
    made = json.loads(credentials("--json", "--account", sandbox_account))
    client = boto3.client(
        "sts",
        region_name=made["AWS_REGION"],
        endpoint_url=made["AWS_ENDPOINT_URL"],
        aws_access_key_id=made["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=made["AWS_SECRET_ACCESS_KEY"],
    )
    assert client.get_caller_identity()["Account"] == sandbox_account
    client.close()


def test_the_default_is_the_first_sandbox_account(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="ensure_sandbox_account"):
        credentials()
    make_account("sandbox", is_sandbox=True, sandbox_account_id="343434343434", region="eu-west-1")
    made = json.loads(credentials("--json"))
    assert (made["SANDBOX_ACCOUNT"], made["AWS_REGION"]) == ("343434343434", "eu-west-1")


def test_every_command_finds_the_sandbox_of_the_data_folder_on_any_port(sandbox: Sandbox) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SANSO_SANDBOX_URL"}
    command = [sys.executable, "manage.py", "sandbox_credentials", "--json", "--account", "1" * 12]

    done = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert json.loads(done.stdout or "{}").get("AWS_ENDPOINT_URL") == sandbox.url, done.stderr


def test_the_usual_address_is_the_default_without_a_sandbox(tmp_path: Path) -> None:
    assert default_sandbox_url(tmp_path / "token") == "http://127.0.0.1:4567"


def test_the_error_without_a_sandbox_says_what_to_check(settings: Settings, tmp_path: Path) -> None:
    settings.SANSO_SANDBOX_URL = f"http://127.0.0.1:{free_port()}"
    settings.SANSO_SANDBOX_TOKEN_FILE = str(tmp_path / "token")
    with pytest.raises(CommandError, match=r"issued no key.*SANSO_SANDBOX_URL.*token"):
        credentials("--account", "1" * 12)
