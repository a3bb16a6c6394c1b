"""The one step by which anything is requested: the permission, the transaction, and the audit record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deployments.errors import Message, UserFixable
from deployments.message_codes import Code
from deployments.models import AuditRecord, Deployment, Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DEPLOY = "deployments.add_deployment"
"""Django's own permission: environments can be created."""
CHANGE = "deployments.change_environment"
DELETE = "deployments.add_deployment"
"""The permission of who may deploy: it includes to delete."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request under way. What is set here until its end is in its audit record."""

    user: User
    action: str
    permission: str
    reason: str = ""
    environment: Environment | None = None
    deployment: Deployment | None = None
    name: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def record(self, refusal: Message | None = None) -> None:
        """Add the audit record."""
        environment = self.environment
        AuditRecord.objects.create(
            user=self.user,
            action=self.action,
            permission=self.permission,
            outcome="refused" if refusal else "requested",
            reason=self.reason,
            refusal=refusal.as_json() if refusal else {},
            name=environment.name if environment else self.name,
            environment=environment,
            deployment=self.deployment,
            details=self.details,
        )


@contextmanager
def requesting(request: Request) -> Iterator[Request]:
    """Run the body in a transaction with the audit record of what it requests.

    A refusal (UserFixable, or PermissionDenied without the permission) undoes the body, and is recorded.
    """
    try:
        if not request.user.has_perm(request.permission):
            raise PermissionDenied(f"the permission {request.permission} is missing")
        with transaction.atomic():
            yield request
            request.record()
    except PermissionDenied:
        request.record(Message(Code.PERMISSION_MISSING, {"permission": request.permission}))
        raise
    except UserFixable as refusal:
        request.deployment = None  # its row is undone, or it is another one's
        request.record(refusal.message)
        raise
