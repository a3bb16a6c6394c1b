"""What CloudFormation's role needs for a template set beyond account.yaml, on pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.environments.models.accounts import Account
from deployments.template_sets import template_files
from deployments.template_sets.rules.role_policies import roles_without_boundary
from deployments.template_sets.rules.set_needs import MOST, SetNeeds
from deployments.template_sets.template_files.service_role import ROLE, needs_beyond

_BOUNDARY = "arn:aws:iam::*:policy/sanso-boundary"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePolicy:
    """The policies of a set, and the roles that it creates without the permissions boundary."""

    needs: SetNeeds
    documents: tuple[str, ...]
    without_boundary: tuple[str, ...]
    role: str = ROLE
    most: int = MOST

    @property
    def count(self) -> int:
        """Return the number of actions."""
        return len({action for one in self.needs.statements for action in one.actions})

    @classmethod
    def of(
        cls,
        template_set: template_files.TemplateSet,
        values: Mapping[str, str],
        account: Account | None = None,
    ) -> RolePolicy:
        """Return what a set needs with these values of its parameters, or their defaults.

        While it is unknown whether the account has RolesNeedBoundary=true, the policy demands the boundary
        unless the set has roles without it.
        """
        boundary = {template_set.boundary_parameter: _BOUNDARY} if template_set.boundary_parameter else {}
        side = TemplateSide(
            templates=template_set.contents, root=template_set.root.name, values={**values, **boundary}
        )
        without = tuple(roles_without_boundary(side, _BOUNDARY))
        known = (account.needs_boundary or account.roles_need_boundary) if account else None
        needs = needs_beyond(
            template_set, side.values, needs_boundary=not without if known is None else known
        )
        return cls(needs=needs, documents=tuple(needs.policies()), without_boundary=without)
