"""The view models of the page: the sandbox's state, together with the portal's environments and templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from deployments.access.models.permissions import Person, visible_environments
from deployments.common.errors import UserFixable
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import Association
from deployments.template_sets import template_files
from portal.sandbox_console import labels
from portal.sandbox_console.control_plane import Cluster, Machine, Member, SandboxState
from portal.sandbox_console.forms import FORMS, FaultForm

GROUP_TAG = "aws:autoscaling:groupName"
ACTIONS = (
    *("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks", "DescribeStackEvents"),
    *("ListStackResources", "DeleteStack", "DescribeAutoScalingGroups", "DescribeTargetHealth"),
    *("DescribeAssociationExecutions", "StartAssociationsOnce", "DescribeDBClusters", "PutObject"),
)
"""The calls that the portal makes most, as suggestions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """The button of one action."""

    action: str
    label: Promise | str
    warning: Promise | str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """An instance with its actions."""

    fact: Machine
    tier: str
    badge: SafeString
    buttons: Sequence[Button]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """An instance of a database."""

    fact: Member
    badge: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """A database with its actions."""

    fact: Cluster
    environment: Environment | None
    members: Sequence[MemberRow]
    buttons: Sequence[Button]


def lists(account: Account, state: SandboxState, user: Person) -> dict[str, Any]:
    """Return the context of the parts of the page that are refreshed."""
    environments = list(visible_environments(user).live().in_account(account.pk))
    return {
        "state": state,
        "pace_words": labels.pace(state.pace),
        "machines": _machines(state, environments),
        "clusters": [_cluster(one, state, environments) for one in state.clusters],
        "resources": [(one, labels.OPERATIONS.get(one.operation, one.operation)) for one in state.resources],
        "associations": [(one, labels.where(one)) for one in state.associations],
        "api": [(one, labels.MODES.get(one.mode, one.mode)) for one in state.api],
    }


def forms_context(account: Account, state: SandboxState | None, bound: FaultForm | None) -> dict[str, Any]:
    """Return the context of the forms, with the submitted one, and their suggestions."""
    forms = {kind.form_name: kind() for kind in FORMS}
    forms["pace"].initial["pace"] = f"{state.pace:g}" if state else ""
    if bound is not None:
        forms[bound.form_name] = bound
    return {
        "forms": forms,
        "is_refused": bound is not None,
        "logical_ids": _logical_ids(),
        "association_names": Association.objects.names_in(account),
        "api_actions": ACTIONS,
    }


def _machines(
    state: SandboxState, environments: Sequence[Environment]
) -> list[tuple[Environment | None, list[MachineRow]]]:
    """Return the instances of each environment; those without one come last."""
    found: dict[Environment | None, list[MachineRow]] = {}
    for machine in state.machines:
        owner = owner_of(machine.tags.get(GROUP_TAG, ""), environments)
        found.setdefault(owner, []).append(
            MachineRow(
                fact=machine,
                tier=labels.tier(machine),
                badge=labels.machine_badge(machine),
                buttons=[
                    _button(labels.MACHINES, action)
                    for action in labels.machine_actions(machine, state.machine_actions)
                ],
            )
        )
    for rows in found.values():
        rows.sort(key=lambda row: (row.fact.service != "httpd", row.tier, row.fact.instance))
    return sorted(found.items(), key=lambda pair: (pair[0] is None, pair[0].name if pair[0] else ""))


def _cluster(cluster: Cluster, state: SandboxState, environments: Sequence[Environment]) -> ClusterRow:
    possible = labels.database_actions(
        cluster.members, state.database_actions, embedded=state.database_kind == "embedded"
    )
    return ClusterRow(
        fact=cluster,
        environment=owner_of(cluster.name, environments),
        members=[MemberRow(fact=one, badge=labels.member_badge(one)) for one in cluster.members],
        buttons=[_button(labels.DATABASES, action) for action in possible],
    )


def owner_of(name: str, environments: Sequence[Environment]) -> Environment | None:
    """Return the environment whose stacks created a resource: its name begins with the root stack's.

    The longest name wins: sanso-shop-2 is not sanso-shop.
    """
    owners = [one for one in environments if name.lower().startswith(f"{one.stack_name.lower()}-")]
    return max(owners, key=lambda one: len(one.stack_name), default=None)


def _button(known: Mapping[str, labels.ActionLabel], action: str) -> Button:
    found = labels.action_label(known, action)
    return Button(action=action, label=found.label, warning=found.warning)


def _logical_ids() -> list[str]:
    """Return the logical ids of the template set; none while it cannot be read."""
    try:
        template_set = template_files.load(settings.SANSO_TEMPLATE_SET)
    except UserFixable:
        return []
    found = [content.get("Resources") for content in template_set.contents.values()]
    return sorted({str(name) for resources in found if isinstance(resources, dict) for name in resources})
