"""The roles of account.yaml for one account: with its number, partition, bucket and service role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from deployments.accounts.rules.simulations import Simulation, simulations
from deployments.aws.regions import partition
from deployments.template_sets.rules.role_policies import PolicyRole, Template

PORTAL: Final = "portal"
SERVICE: Final = "service"
_NAMES: Final = {PORTAL: "PortalRole", SERVICE: "CloudFormationRole"}
_BUCKETS: Final = "sanso-artifacts-*"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesOf:
    """What distinguishes the roles of an account from the template's.

    `portal_role` and `service_role` are the ARNs of the roles, `bucket` names the artifact bucket; ""
    is the template's. `parameters` are those of the deployed stack, where they are known.
    """

    account: str
    region: str
    portal_role: str = ""
    service_role: str = ""
    bucket: str = ""
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRole:
    """A role as this version needs it, and the calls that cover it."""

    granted: PolicyRole
    simulations: tuple[Simulation, ...]


def expected(template: Mapping[str, Any], kind: str, about: RolesOf) -> ExpectedRole:
    """Return what this version needs of a role of an account.

    Args:
        template: the content of account.yaml.
        kind: PORTAL or SERVICE.
    """
    strict = {"Scope": "strict", "RolesNeedBoundary": "true"}
    chosen = {name: value for name, value in (about.parameters or {}).items() if name in strict}
    return ExpectedRole(
        granted=_role(template, kind, about, chosen),
        simulations=simulations(
            _role(template, kind, about, strict), region=about.region, account=about.account
        ),
    )


def _role(
    template: Mapping[str, Any], kind: str, about: RolesOf, parameters: Mapping[str, str]
) -> PolicyRole:
    values = {"AWS::AccountId": about.account, "AWS::Region": about.region, **parameters}
    roles = Template(template, partition(about.region), **values).roles()
    found = next(one for one in roles if one.name == _NAMES[kind])
    own = f"arn:{partition(about.region)}:iam::{about.account}:role/sanso-"
    given = {f"{own}portal": about.portal_role, f"{own}cloudformation": about.service_role}
    renamed = {old: new for old, new in given.items() if new}
    if about.bucket and not about.bucket.startswith(_BUCKETS.rstrip("*")):
        renamed[_BUCKETS] = about.bucket
    return replace(
        found,
        statements=tuple(
            replace(one, resources=tuple(_renamed(arn, renamed) for arn in one.resources))
            if one.effect == "Allow"
            else one
            for one in found.statements
        ),
    )


def _renamed(arn: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        arn = arn.replace(old, new)
    return arn
