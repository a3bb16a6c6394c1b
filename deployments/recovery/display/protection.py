"""The observed deletion protection of an environment, and why it failed where it was requested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.action_requests import ActionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedPart:
    """One resource that can be protected. `is_on` is None while it is unknown."""

    name: str
    id: str
    is_on: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionView:
    """The parts, and whether protection was requested and failed; `problem` is why."""

    parts: Sequence[ProtectedPart]
    has_failed: bool = False
    is_retrying: bool = False
    problem: str = ""

    @property
    def label(self) -> str:
        """Return the state of all parts together."""
        states = {part.is_on for part in self.parts}
        if self.has_failed:
            return _("Not protected")
        if None in states:
            return _("Unknown")
        if states == {True}:
            return _("Protected")
        return _("Partly protected") if True in states else _("Not protected")


def protection_view(environment: Environment) -> ProtectionView | None:
    """Return the protection of an environment that has a stack (five queries at most)."""
    if environment.deleted_at or not environment.stack_id:
        return None
    parts = [
        ProtectedPart(
            name=_("Stack (termination protection)"),
            id=environment.stack_name,
            is_on=environment.termination_protection,
        )
    ]
    parts += [
        ProtectedPart(name=_("Database"), id=row.cluster_id, is_on=row.deletion_protection)
        for row in environment.clusters.order_by("cluster_id")
    ]
    parts += [
        ProtectedPart(name=row.tier.upper(), id=row.dns_name or row.arn, is_on=row.deletion_protection)
        for row in environment.load_balancers.order_by("tier")
    ]
    failed = Deployment.objects.of(environment).not_protected().first()
    request = ActionRequest.objects.newest_of(environment).of_kind("protect").first() if failed else None
    return ProtectionView(
        parts=parts,
        has_failed=failed is not None,
        is_retrying=request is not None and request.is_active,
        problem=stored_text(failed.protection_message, "") if failed else "",
    )
