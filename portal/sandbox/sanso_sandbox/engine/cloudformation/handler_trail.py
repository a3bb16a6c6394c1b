"""What CloudTrail has of the calls of CloudFormation's handlers: creations, deletions, and rejected calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ministack.core.responses import get_account_id, get_region

from sanso_sandbox.aws_permissions import reference
from sanso_sandbox.engine import authorization, trail
from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.engine.cloudformation.store import Record
from sanso_sandbox.engine.trail import TrailEvent

_SERVICE: Final = "cloudformation.amazonaws.com"
_DOMAINS: Final = {"cloudwatch": "monitoring"}


@contextmanager
def rejections(resource: Record) -> Iterator[None]:
    """Record the call that a handler may not make for a resource."""
    try:
        yield
    except Denied as denied:
        code = "Client.UnauthorizedOperation" if denied.action.startswith("ec2:") else "AccessDenied"
        names = str(resource["PhysicalResourceId"] or ""), denied.resource
        _record(denied.action, names, code, str(denied))
        raise


def carried_out(action: str, physical_id: str) -> None:
    """Record a handler's call about a resource; nothing if the action is "", that is unknown."""
    if action:
        _record(action, (physical_id,), "", "")


def _record(permission: str, names: tuple[str, ...], code: str, message: str) -> None:
    service, _colon, action = permission.partition(":")
    principal, account = authorization.acting(), get_account_id()
    trail.record(
        TrailEvent(
            principal=principal.arn if principal else f"arn:aws:iam::{account}:root",
            service=_DOMAINS.get(service, service),
            action=action,
            region=get_region(),
            account=account,
            names=tuple(name for name in names if name and name != "*"),
            code=code,
            message=message,
            invoked_by=_SERVICE,
            is_read=reference.is_read(permission),
        )
    )
