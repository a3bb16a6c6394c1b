"""What CloudFormation's role lacks for a template set, as the account.yaml of this version grants it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.template_sets.rules import set_needs
from deployments.template_sets.rules.role_policies import PolicyRole, Template
from deployments.template_sets.rules.set_needs import SetNeeds
from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.template_set import TemplateSet

ACCOUNT_TEMPLATE: Final = Path(__file__).parents[3] / "infra_templates" / "account.yaml"
ROLE: Final = "sanso-cloudformation"


def needs_beyond(
    template_set: TemplateSet, values: Mapping[str, str], *, account: str = "*", needs_boundary: bool = True
) -> SetNeeds:
    """Return what the role lacks for a set with these values of its parameters, or their defaults.

    Args:
        account: the number of the AWS account; "*" for any.
        needs_boundary: whether the account has RolesNeedBoundary=true.
    """
    side = TemplateSide(templates=template_set.contents, root=template_set.root.name, values=values)
    return set_needs.beyond(side, _role(account, needs_boundary), account=account)


@cache
def _role(account: str, needs_boundary: bool) -> PolicyRole:
    template = Template(
        yaml_files.read(ACCOUNT_TEMPLATE),
        **{"AWS::AccountId": account, "RolesNeedBoundary": str(needs_boundary).lower()},
    )
    return next(one for one in template.roles() if one.name == "CloudFormationRole")
