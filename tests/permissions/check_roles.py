"""Compare the roles of the templates with AWS's data: schemas of handlers, and the authorization reference.

`make check-roles` prints the counts and fails if something is missing; `--write` also writes them to
docs/permissions.md. Nothing here asks the sandbox.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from deployments.aws.permissions import exemptions, reference
from deployments.aws.permissions.arn_patterns import has_wildcard_type
from deployments.aws.permissions.kinds import KINDS
from deployments.template_sets.rules.role_policies import PolicyRole
from tests.permissions import covered
from tests.permissions.handler_needs import (
    TEMPLATES,
    Need,
    dependents,
    needs,
    set_templates,
    used,
)
from tests.permissions.role_policies import ACCOUNT, Template
from tests.services import REPOSITORY

ACCOUNT_TEMPLATE = TEMPLATES / "account.yaml"
BEFORE = REPOSITORY / "tests" / "permissions" / "before" / "account.yaml"
REPORT = REPOSITORY / "docs" / "permissions.md"
SERVICE_ROLE = "CloudFormationRole"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/sanso-cloudformation"
STACK = "AWS::CloudFormation::Stack"
STRICT = {"Scope": "strict"}
# What the schemas do not list, and the service role may do.
BEYOND = {
    "autoscaling:TerminateInstanceInAutoScalingGroup": "a rolling update replaces servers",
    "cloudformation:CreateChangeSet": "nested change sets may be created as the service role",
    "cloudformation:DeleteChangeSet": "nested change sets may be created as the service role",
    "cloudformation:DescribeChangeSet": "nested change sets may be created as the service role",
    "cloudformation:ExecuteChangeSet": "nested change sets may be created as the service role",
    "cloudformation:TagResource": "nested stacks get the tags of the root stack",
    "lambda:InvokeFunction": "custom resources are functions of the set",
}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; white space does not count.
INLINE, MANAGED, ATTACHED = 10_240, 6_144, 10
# The portal's calls that have dependent actions, which it does not need.
PORTAL = {
    "rds:ModifyDBCluster": "the portal changes DeletionProtection only (deployments/aws/rds.py)",
    "rds:ModifyDBInstance": "the portal changes DeletionProtection only (deployments/aws/rds.py)",
    "servicequotas:ListServiceQuotas": "the portal lists quotas of services whose limits it may read",
    "cloudformation:DescribeStacks": "the portal names the stack (deployments/aws/cloudformation.py)",
}


@dataclass(slots=True)
class Result:
    """What one version of account.yaml lacks, by AWS's data."""

    permissions: list[Need] = field(default_factory=list)
    reads: list[Need] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    exempt: list[Need] = field(default_factory=list)
    unknown: list[Need] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    characters: int = 0
    """Of the inline policies of CloudFormation's role, where the partition's name is the longest."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is missing."""
        return not (self.permissions or self.reads or self.types or self.faults)


def check(path: Path, **parameters: str) -> Result:
    """Return what a version of account.yaml lacks with these parameters."""
    roles = Template(path, **parameters).roles()
    service = next(role for role in roles if role.name == SERVICE_ROLE)
    found = of_service_role(service)
    for role in (*roles, *(one for template in set_templates() for one in Template(template).roles())):
        if role.name != SERVICE_ROLE:
            found.types += _of_calls(role)
        found.faults += faults(role)
    for role in Template(path, "aws-us-gov", **parameters).roles():
        found.faults += sizes(role)
        if role.name == SERVICE_ROLE:
            found.characters = sum(map(len, role.inline.values()))
    found.faults += dict.fromkeys(triggered(service))
    found.types += passed(service)
    return found


def of_service_role(service: PolicyRole, only: str = "*") -> Result:
    """Return what CloudFormation's role lacks for the handlers of the bundled set.

    Args:
        only: a pattern of the permissions to check.
    """
    found = Result()
    for need in needs():
        if not fnmatchcase(need.permission, only):
            continue
        if any(one.names(need.permission) for one in service.allowed):
            found.types += [f"{need.resource_type} {one}" for one in _types(service, need)]
        elif need.is_read:
            found.reads.append(need)
        else:
            _sort(need, found).append(need)
    for need in dependents():
        if fnmatchcase(need.permission, only) and not any(
            one.names(need.permission) for one in service.allowed
        ):
            if need.exemption:
                found.exempt.append(need)
            else:
                found.types.append(f"{need.resource_type} {need.permission} (dependent)")
    return found


def _sort(need: Need, found: Result) -> list[Need]:
    if not need.is_known:
        return found.unknown
    return found.exempt if need.exemption else found.permissions


def _types(role: PolicyRole, need: Need) -> Iterator[str]:
    own = frozenset({KINDS[need.resource_type]})
    actions = reference.members(need.permission) if "*" in need.permission else [need.permission]
    for action in actions:
        yield from covered.missing(role, action, own)


def _of_calls(role: PolicyRole) -> Iterator[str]:
    """Yield the resource types and dependent actions that a role lacks for the actions that it may call."""
    for action in sorted({action for one in role.allowed for action in one.actions}):
        row = reference.find(action)
        if row is None:
            continue
        yield from (f"{role.name} {one}" for one in covered.missing(role, action))
        if role.name == "PortalRole" and action not in PORTAL:
            for dependent in row.dependent:
                if not any(one.names(dependent) for one in role.allowed):
                    yield f"{role.name} {action}: {dependent} (dependent)"


def faults(role: PolicyRole) -> Iterator[str]:
    """Yield what a role's policies say in vain: unknown actions, wildcard types, unknown condition keys."""
    for one in role.statements:
        for action in one.actions:
            if one.effect == "Allow" and not reference.members(action) and not reference.is_read(action):
                yield f"{role.name}: {action} is unknown"
            for key in one.keys:
                if one.effect == "Allow" and not _has_key(action, key):
                    yield f"{role.name}: {action} has no condition key {key}"
        for pattern in one.resources:
            if has_wildcard_type(pattern):
                yield f"{role.name}: {pattern} has a wildcard in place of the resource type"


def _has_key(action: str, key: str) -> bool:
    row = reference.find(action)
    if row is None or key.lower() in _GLOBAL:
        return True
    known = {one.partition("/")[0].lower() for one in row.keys}
    return key.partition("/")[0].lower() in known


_GLOBAL = {"aws:sourceaccount", "aws:securetransport", "kms:viaservice"}


def sizes(role: PolicyRole) -> Iterator[str]:
    """Yield the policies of a role that are too large, with the longest partition name."""
    if (inline := sum(map(len, role.inline.values()))) > INLINE:
        yield f"{role.name}: inline policies have {inline:,} characters, more than {INLINE:,}"
    for name, text in role.managed.items():
        if len(text) > MANAGED:
            yield f"{name} has {len(text):,} characters, more than {MANAGED:,}"
    if len(role.managed) > ATTACHED:
        yield f"{role.name} has {len(role.managed)} managed policies, more than {ATTACHED}"


def triggered(service: PolicyRole) -> Iterator[str]:
    """Yield the exempt actions that a resource of the bundled set triggers and the role does not grant."""
    for one in exemptions.TABLE:
        for properties in used().get(one.resource_type, ()):
            # Of a cluster's member, this property is the cluster's.
            for action in one.actions if one.is_triggered(properties) else ():
                if not any(granted.names(action) for granted in service.allowed):
                    yield f"{one.resource_type} triggers {action}"


def passed(service: PolicyRole) -> Iterator[str]:
    """Yield the resources of the set that CloudFormation's role cannot be passed to: nested stacks."""
    if STACK in used() and not covered.passes(service, ROLE_ARN, "cloudformation.amazonaws.com"):
        yield f"{STACK} iam:PassRole: {ROLE_ARN} to cloudformation.amazonaws.com"


def counts(result: Result) -> list[tuple[str, int]]:
    """Return the rows of the report."""
    return [
        ("permissions of handlers that are not granted, without an exemption", len(result.permissions)),
        ("reads of handlers that are not granted", len(result.reads)),
        ("required resource types and dependent actions that are not covered", len(result.types)),
        ("other faults of policies", len(result.faults)),
        ("permissions that are not granted, with an exemption", len(result.exempt)),
        ("permissions that the reference does not know", len(result.unknown)),
        (f"characters of inline policies, of {INLINE:,}", result.characters),
    ]


def checked() -> tuple[Result, Result, Result]:
    """Return the results of the version before, and of this one with Scope=standard and Scope=strict."""
    return check(BEFORE), check(ACCOUNT_TEMPLATE), check(ACCOUNT_TEMPLATE, **STRICT)


def section(before: Result, now: Result, strict: Result) -> str:
    """Return the part of docs/permissions.md about AWS's data."""
    date = json.loads(reference.FILE.read_text())
    lines = [
        "## By AWS data",
        "",
        f"Written by `make check-roles`. It compares the roles with {len(needs())} permissions that the",
        f"schemas of the {len(used())} resource types in the bundled set list for their handlers (cfn-lint's",
        "copy), and with the Service Authorization Reference:",
        f"{date['source']}, extracted on {date['extracted']}.",
        "",
        "| | 1da0a0cb | `Scope=standard` | `Scope=strict` |",
        "|---|--:|--:|--:|",
        *(f"| {' | '.join(row)} |" for row in rows(before, now, strict)),
        "",
        "`Scope=strict` limits what has no name to the tag `sanso:environment`, and the administrator's",
        "secrets to the tags of RDS ([production.md](production.md#roles-on-aws)).",
        "",
        "Reads are granted without an exemption. Writes with one are needed as soon as a resource has one of",
        "the properties, and the sandbox demands them by the same list:",
        "",
        "| type | property | actions | source |",
        "|---|---|---|---|",
        *(
            f"| {one.resource_type.removeprefix('AWS::')} "
            f"| {', '.join(f'`{name}`' for name in one.properties) or 'none'} "
            f"| {', '.join(f'`{action}`' for action in one.actions)} | {linked(one.source)} |"
            for one in exemptions.TABLE
        ),
        "",
        "The reference does not know these writes, which are not granted: "
        + ", ".join(sorted({f"`{need.permission}`" for need in now.unknown}))
        + ".",
        "",
        "Beyond the schemas, `sanso-cloudformation` may use:",
        "",
        *(f"- `{action}`: {why}" for action, why in sorted(BEYOND.items())),
        "",
        "",
    ]
    return "\n".join(lines)


def rows(*results: Result) -> Iterator[list[str]]:
    """Yield the rows of the table: a name, and its count in each result."""
    for row in zip(*map(counts, results), strict=True):
        yield [row[0][0], *(f"{count:,}" for _name, count in row)]


def linked(source: str) -> str:
    """Return a source as a link, with its remark."""
    address, _space, remark = source.partition(" ")
    return f"[page]({address})" + (f" {remark}" if remark else "")


def main(arguments: list[str]) -> int:
    """Print the counts of before and now, and what is missing; return the exit code."""
    before, now, strict = checked()
    out = sys.stdout.write
    out(f"{len(needs())} permissions of the handlers of {len(used())} types\n")
    out("  1da0a0cb standard   strict\n")
    for name, *found in rows(before, now, strict):
        out(f"{' '.join(f'{one:>8}' for one in found)}  {name}\n")
    for result in (now, strict):
        for need in (*result.permissions, *result.reads):
            out(f"not granted: {need.permission} of {need.resource_type}\n")
        for text in (*result.types, *result.faults):
            out(f"{text}\n")
    if "--write" in arguments:
        page = REPORT.read_text()
        REPORT.write_text(page.replace(section_of(page), section(before, now, strict)))
    return 0 if now.is_clean and strict.is_clean else 1


def section_of(page: str) -> str:
    """Return the section about AWS's data in docs/permissions.md."""
    start = page.index("## By AWS data")
    return page[start : page.index("\n## ", start) + 1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
