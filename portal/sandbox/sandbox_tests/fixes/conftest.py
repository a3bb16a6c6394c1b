"""An account of MiniStack without the sandbox's extensions, and an account of the sandbox."""

from __future__ import annotations

import secrets
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from sandbox_tests.engine.conftest import REGION, Account, account
from sandbox_tests.processes import LOOPBACK, free_port
from sandbox_tests.sandboxes import Sandbox
from sanso_sandbox.server import response_shapes

__all__ = ["account"]
DONE = "done"


class _MiniStack(Sandbox):
    """MiniStack without extensions. Its accounts are access keys: any number of 12 digits."""

    def credentials(self, account: str) -> dict[str, str]:
        return {"endpoint_url": self.url, "aws_access_key_id": account, "aws_secret_access_key": "any"}


@pytest.fixture(scope="session")
def ministack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    port = free_port()
    folder = tmp_path_factory.mktemp("ministack")

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    server = _MiniStack(
        command=[sys.executable, "-m", "ministack"],
        folder=folder,
        port=port,
        answers=answers,
        environment={
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
            "TMPDIR": str(folder),
        },
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def ministack(ministack_server: Sandbox) -> Iterator[Account]:
    """An account of MiniStack without extensions."""
    account = Account(ministack_server, str(secrets.randbelow(9 * 10**11) + 10**11))
    yield account
    for client in account.clients.values():
        client.close()


def outcome(client: Any, call: str, **parameters: Any) -> str:
    """Send a call; return DONE, or the code of the error."""
    try:
        getattr(client, call)(**parameters)
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return DONE


def unlike_aws(client: Any, call: str, **parameters: Any) -> list[str]:
    """Send a call; return what differs in its response from botocore's shape."""
    found: list[str] = []

    def compare(operation_model: OperationModel, response_dict: dict[str, Any], **_rest: Any) -> None:
        service = operation_model.service_model.service_name
        kind = response_dict["headers"].get("content-type", "")
        found.extend(response_shapes.problems(service, operation_model.name, kind, response_dict["body"]))

    client.meta.events.register_last("before-parse", compare, unique_id="compare")
    try:
        getattr(client, call)(**parameters)
    finally:
        client.meta.events.unregister("before-parse", unique_id="compare")
    return found


def created(account: Account, template: str, **options: Any) -> dict[str, str]:
    """Create a stack with any name, wait until it is complete, and return its outputs."""
    stack = account.create(
        f"stack-{secrets.token_hex(4)}", template, Capabilities=["CAPABILITY_NAMED_IAM"], **options
    )
    assert account.status(stack) == "CREATE_COMPLETE", account.story(stack)
    return account.outputs(stack)
