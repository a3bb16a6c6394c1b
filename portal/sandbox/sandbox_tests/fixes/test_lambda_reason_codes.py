"""Functions without a reason for their state have an empty reason code."""

from __future__ import annotations

import io
import zipfile

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created, unlike_aws
from sandbox_tests.resources.test_functions import ROLE

TEMPLATE = f"""
Resources:{ROLE}
Outputs:
  Role: {{Value: !GetAtt Role.Arn}}
"""
NAME = "with-codes"


def test_a_function_has_no_empty_reason_code(ministack: Account, account: Account) -> None:
    assert _faults(ministack)[0] == ("LastUpdateStatusReasonCode has the value '', which is not in the enum")
    assert _faults(account) == []


def _faults(account: Account) -> list[str]:
    client = account.client("lambda")
    return [
        *unlike_aws(
            client,
            "create_function",
            FunctionName=NAME,
            Runtime="python3.13",
            Handler="index.handler",
            Role=created(account, TEMPLATE)["Role"],
            Code={"ZipFile": _package()},
        ),
        *unlike_aws(client, "get_function", FunctionName=NAME),
        *unlike_aws(client, "get_function_configuration", FunctionName=NAME),
        *unlike_aws(client, "list_functions"),
    ]


def _package() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass")
    return packed.getvalue()
