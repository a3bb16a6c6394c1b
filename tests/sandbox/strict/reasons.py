"""The reason of a resource's failure, taken apart as AWS words it."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

from deployments.core.causes.catalogue import recognize
from tests.sandbox.engine.conftest import Account
from tests.sandbox.resources.conftest import given

WORDED = re.compile(
    r'Resource handler returned message: "(?P<text>.*?)'
    r"(?: \(Service: (?P<service>\w+), Status Code: (?P<status>\d+), Request ID: [0-9a-f-]{36}\))?\" "
    r"\(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: (?P<code>\w+)\)",
    re.DOTALL,
)


class Reason(NamedTuple):
    """What a handler said; service is "" and status 0 where CloudFormation's own handler said it."""

    text: str
    service: str
    status: int
    code: str


def worded(reason: str) -> Reason:
    """Take a reason apart, which must be worded as AWS does."""
    found = WORDED.fullmatch(reason)
    assert found, reason
    return Reason(found["text"], found["service"] or "", int(found["status"] or 0), found["code"])


def failures(account: Account, stack: str, logical_id: str, status: str = "CREATE_FAILED") -> list[str]:
    """List the reasons for which a resource of a stack failed."""
    return [
        str(event["ResourceStatusReason"])
        for event in account.events(stack)
        if event["LogicalResourceId"] == logical_id and event["ResourceStatus"] == status
    ]


def creation_failure(account: Account, template: str, logical_id: str, **values: str) -> Reason:
    """Create a stack that must fail by a resource and be rolled back; returns the resource's reason."""
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
    assert recognize(kind, reasons[0]), f"The page does not explain: {reasons[0]}"
    return worded(reasons[0])
