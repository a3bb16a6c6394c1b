"""Export audit records, and record who exported them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.rules.roles import Right

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def export_audit(*, user: User, filters: Mapping[str, str], kind: str) -> None:
    """Record that records that match the filters are exported as a file of this format."""
    request = CommandRequest(user=user, action="export_audit", permission=Right.VIEW_AUDIT, name=kind)
    request.details = dict(filters)
    with requesting(request):
        pass
