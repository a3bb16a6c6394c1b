"""Parses the reason of a resource's failure, and asserts that it is worded as on AWS."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

from sandbox_tests import explained
from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import given

WORDED = re.compile(
    r'Resource handler returned message: "(?P<text>.*?)'
    r"(?: \(Service: (?P<service>\w+), Status Code: (?P<status>\d+), Request ID: [0-9a-f-]{36}\))?\" "
    r"\(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: (?P<code>\w+)\)",
    re.DOTALL,
)


class Reason(NamedTuple):
    """The message of a resource handler; service is "" and status 0 if the handler itself found the error."""

    text: str
    service: str
    status: int
    code: str


def worded(reason: str) -> Reason:
    """Parse a reason; assert that it is worded as on AWS."""
    found = WORDED.fullmatch(reason)
    assert found, reason
    return Reason(found["text"], found["service"] or "", int(found["status"] or 0), found["code"])


def failures(account: Account, stack: str, logical_id: str, status: str = "CREATE_FAILED") -> list[str]:
    """Return the reasons of a resource's failures in a stack."""
    return [
        str(event["ResourceStatusReason"])
        for event in account.events(stack)
        if event["LogicalResourceId"] == logical_id and event["ResourceStatus"] == status
    ]


def creation_failure(account: Account, template: str, logical_id: str, **values: str) -> Reason:
    """Create a stack that a resource makes fail and roll back; return the resource's reason."""
    stack = account.create(
        f"refused-{logical_id.lower()}",
        textwrap.dedent(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=given(**values),
    )
    assert account.status(stack) == "ROLLBACK_COMPLETE", account.story(stack)
    reasons = failures(account, stack, logical_id)
    assert reasons, account.story(stack)
    kind = next(
        one["ResourceType"] for one in account.events(stack) if one["LogicalResourceId"] == logical_id
    )
    explained.check(kind, reasons[0])
    return worded(reasons[0])
