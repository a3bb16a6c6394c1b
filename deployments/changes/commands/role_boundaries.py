"""Refuse template sets with roles that an account does not let CloudFormation create: without boundary."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.account_template import STACK
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.rules.role_policies import roles_without_boundary

MOST = 5
"""Maximum number of roles to name."""


def refuse_without(
    template_set: template_files.TemplateSet,
    account: Account,
    values: Mapping[str, str],
    *,
    field: str = "",
    base: Deployment | None = None,
) -> None:
    """Raise UserFixable if the set creates or widens roles without the boundary that the account demands.

    Args:
        base: the deployment that a change is based on: roles that it has are left out.
    """
    if not account.needs_boundary:
        return
    present = stored_sets.find(base.template_digest) if base else None
    if base and present is None:  # an earlier version of Sanso did not store the set: its roles are unknown
        return
    found = roles_without_boundary(
        _side(template_set, account, values),
        account.boundary,
        _side(present, account, base.parameters) if base and present else None,
    )
    if not found:
        return
    roles = ", ".join(found[:MOST]) + (", …" if len(found) > MOST else "")
    if template_set.boundary_parameter and not account.boundary:
        raise UserFixable("BoundaryNotEntered", Code.BOUNDARY_NOT_ENTERED, field, roles=roles, stack=STACK)
    raise UserFixable("RolesWithoutBoundary", Code.ROLES_WITHOUT_BOUNDARY, field, roles=roles)


def _side(
    template_set: template_files.TemplateSet, account: Account, values: Mapping[str, str]
) -> TemplateSide:
    """Return the templates with the values that their root stack gets, the boundary included."""
    filled = {template_set.boundary_parameter: account.boundary} if account.boundary else {}
    return template_set.side({**values, **filled})
