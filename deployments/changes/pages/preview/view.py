"""The view model of a preview: its state, hazards, requirements, and the tree of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils import timezone

from deployments.access.models.permissions import can
from deployments.access.pages.who_can_grant import who_can_grant
from deployments.access.rules.roles import Right
from deployments.access.texts.commands import permission_needed
from deployments.changes.display.approvals import required_text
from deployments.changes.display.databases import previewed_deletion, switched_to
from deployments.changes.display.previews import cause_of_rejection, discard_stages, is_retriable, retry_url
from deployments.changes.models.approvals import ApplyConditions, apply_conditions
from deployments.changes.models.assessments import assessment_of, find_set, planned_stacks
from deployments.changes.models.snapshot_choices import databases_at_risk, is_advised
from deployments.changes.pages import schedule
from deployments.changes.pages.forms.create import ON_FAILURE
from deployments.changes.pages.preview import rows, texts
from deployments.changes.pages.preview.cards import assessment_card, hidden_stacks, outside_note, release_card
from deployments.changes.pages.preview.inputs import local_diff, parameter_rows
from deployments.changes.rules.assessment import ChangeAssessment
from deployments.changes.rules.databases_at_risk import DatabaseAtRisk
from deployments.cloudformation.change_summary import (
    hazards,
    keep_refusal,
    may_change,
    may_lose_data,
    surely_changed,
)
from deployments.cloudformation.changes import ChangedResource, Changes
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.server_associations import CATCHING, CAUGHT
from deployments.cloudformation.stuck_resources import unreconciled
from deployments.cloudformation.validation import WARNING
from deployments.common.errors import Message
from deployments.common.texts import message_text
from deployments.environments.models.deployments import SNAPSHOT_FIRST, Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.display.event_texts import event
from deployments.stacks.display.phases import preview_phases
from deployments.stacks.models.events import Event
from deployments.template_sets.display.version import version_change

COMPUTING = (State.PREFLIGHT, State.ARTIFACTS, State.CHANGE_SET)


def context(
    deployment: Deployment,
    user: User | AnonymousUser | AbstractBaseUser,
    query: Mapping[str, str],
    sent: Mapping[str, str],
) -> dict[str, Any]:
    """Return the context of the page.

    `query` is that of its tree, sent by a browser without scripts; `sent` is a rejected form.
    """
    conditions = apply_conditions(deployment.environment)
    changes = Changes.from_json(deployment.changes)
    root = deployment.environment.stack_name
    state = State(deployment.state)
    lost = hazards(changes)
    place = position_of(deployment)
    template_set = find_set(deployment)
    stacks = planned_stacks(deployment, template_set)
    unchanged = rows.unchanged(changes, root)
    not_kept = keep_refusal(changes, is_express=deployment.is_express)
    release = deployment.release
    found = assessment_of(deployment, stacks)
    diff = local_diff(deployment, template_set)
    return {
        "deployment": deployment,
        "is_computing": state in COMPUTING,
        "is_open": deployment.is_open_change and not deployment.cancel_code,
        "is_ready": state is State.PREVIEW and not deployment.cancel_code,
        "is_queued": state is State.QUEUED,
        "place": place,
        "held": message_text(hold.message) if state is State.QUEUED and (hold := conditions.hold) else "",
        "is_approval_required": conditions.policy is not None,
        "required": required_text(conditions.policy) if conditions.policy else "",
        "diff": diff,
        "outside": outside_note(deployment.found),
        "parameters": parameter_rows(diff, changes),
        "sentence": texts.counts_by_effect(found.counts),
        "assessment": assessment_card(deployment, found, timezone.now()),
        "hazards": [_hazard(one, deployment.changes.get("facts") or {}) for one in lost],
        "needs_name": may_lose_data(changes),
        "slot": switched_to(deployment),
        "deletion": previewed_deletion(deployment),
        "caught": [event(one) for one in Event.objects.of(deployment).with_code(CAUGHT, CATCHING)],
        "warnings": [event(one) for one in validation_warnings(deployment)],
        "hidden_stacks": hidden_stacks(changes, stacks),
        "root_only_reason": changes.root_only_reason,
        **_skipped(deployment, changes),
        "blocked": _blocked(deployment, user, changes, conditions),
        "keep_choices": [] if deployment.is_retry else _keep_choices(deployment, sent, not_kept is None),
        "may_go_back": deployment.is_release_by_server,
        "goes_back": "go_back" in sent if sent else bool(deployment.options.get("go_back")),
        "at_risk": databases_at_risk(deployment),
        "saves_first": _saves_first(deployment, sent),
        "is_saving": state is State.SNAPSHOT,
        "not_kept": message_text(not_kept) if not_kept and not deployment.is_retry else "",
        "release": release_card(release, found.tiers),
        "summary": {"phases": preview_phases(deployment)},
        "unchanged": unchanged,
        "unchanged_number": sum(len(one.names) for one in unchanged),
        "prediction": deployment.prediction,
        "digest": deployment.preview_digest[:8],
        "discard_stages": discard_stages(deployment),
        "edit_set": _edit_set(deployment),
        "retry_url": _retry_url(deployment),
        "version": version_change(deployment),
        "marker": _marker(deployment, place, conditions),
        **schedule.schedule_context(deployment, sent, conditions),
        **tree_context(deployment, changes, found, stacks, query),
    }


def validation_warnings(deployment: Deployment) -> list[Event]:
    """Return what CloudFormation's validation warns about in the current change set."""
    rows = Event.objects.of(deployment).with_code(WARNING)
    return [one for one in rows if one.values.get("revision") == deployment.revision]


def _skipped(deployment: Deployment, changes: Changes) -> dict[str, Any]:
    """Return the skipped resources that the change leaves, and those of which that is not certain."""
    found = unreconciled(deployment.environment.skipped_resources, surely_changed(changes))
    unsure = [one for one in found if may_change(changes, one.key)]
    return {"skipped": [one for one in found if one not in unsure], "skipped_unsure": unsure}


def _retry_url(deployment: Deployment) -> str:
    """Return the address of the form with the values of a change that failed; "" for another."""
    return retry_url(deployment, cause_of_rejection(deployment)) if is_retriable(deployment) else ""


def _edit_set(deployment: Deployment) -> str:
    """Return the version that the form keeps when the values of this change are edited."""
    if deployment.base and deployment.base.template_digest == deployment.template_digest:
        return "deployed"
    return str(deployment.template_version_id or "current")


def tree_context(
    deployment: Deployment,
    changes: Changes,
    found: ChangeAssessment,
    stacks: Mapping[str, TemplateStack],
    query: Mapping[str, str],
) -> dict[str, Any]:
    """Return the tree of changes for a query: `effect`, `q` and `stack` as in the page's address.

    With `rows` = all, every stack is open. `stacks` are those of the template set.
    """
    shown = rows.TreeQuery(
        effect=query.get("effect", ""),
        text=query.get("q", ""),
        opened=query.get("stack", ""),
        all_open=query.get("rows") == "all",
    )
    root = deployment.environment.stack_name
    return {
        "stacks": rows.tree(changes, root, found, stacks, shown, deployment.replaced),
        "deployment": deployment,
        "effects": rows.effect_choices(found.counts),
        "effect": shown.effect,
        "total": len(rows.shown(changes)),
        "query": shown.text,
    }


def marker(deployment: Deployment) -> str:
    """Return a text that changes whenever the content of the page changes."""
    return _marker(deployment, position_of(deployment), apply_conditions(deployment.environment))


def _marker(deployment: Deployment, place: QueuePosition | None, conditions: ApplyConditions) -> str:
    state = f"{deployment.state}-{deployment.revision}-{deployment.cancel_code}"
    state += "-approval" if conditions.policy else ""
    if deployment.is_open_change and (hold := conditions.hold):
        state = f"{state}-{hold.marker}"
    return f"{state}-{place.marker}" if place else state


def _keep_choices(deployment: Deployment, sent: Mapping[str, str], can_keep: bool) -> list[dict[str, Any]]:
    """Return the choices for a failure; a refused form keeps the one that was `sent`."""
    keeps = sent.get("on_failure") == "keep" if sent else deployment.keep_on_failure
    chosen = "keep" if keeps and can_keep else "roll_back"
    return [
        {"value": value, "label": label, "is_chosen": value == chosen, "is_possible": can_keep}
        for value, label in ON_FAILURE
        if value == "roll_back" or can_keep
    ]


def _saves_first(deployment: Deployment, sent: Mapping[str, str]) -> bool:
    """Return whether snapshots are taken first: as chosen. Until then, what is advised."""
    if sent:
        return "snapshot_first" in sent
    is_open = deployment.state == State.PREVIEW
    return is_advised(deployment) if is_open else SNAPSHOT_FIRST in deployment.options


def _hazard(resource: ChangedResource, facts: Mapping[str, object]) -> dict[str, Any]:
    causes = [one for one in resource.properties if one.recreation != "Never" and not one.likely_same]
    return {
        "title": texts.hazard_title(resource),
        "policy": texts.policy(resource),
        "path": resource.path,
        "facts": DatabaseAtRisk.from_json(facts.get(resource.path)),
        "because": texts.chain(causes[-1].because) if causes else (),
    }


def _blocked(
    deployment: Deployment,
    user: User | AnonymousUser | AbstractBaseUser,
    changes: Changes,
    conditions: ApplyConditions,
) -> str:
    """Return why the change cannot be applied now; "" if it can."""
    environment, missing = deployment.environment, ""
    if not can(user, Right.CHANGE, environment):
        missing = permission_needed(Right.CHANGE)
    elif deployment.releases_to_servers and not can(user, Right.RELEASE, environment):
        missing = permission_needed(Right.RELEASE)
    if missing:
        return f"{missing} {who_can_grant(environment)}"
    operation = Operation.RETRY if deployment.is_retry else Operation.CHANGE
    why = refusal(deployment.environment.stack_status, operation)
    if deployment.is_retry and not why:
        why = keep_refusal(changes, is_retry=True)
    why = why or _held(conditions)
    return message_text(why) if why else ""


def _held(conditions: ApplyConditions) -> Message | None:
    """Return what holds a change back: a lock, or a freeze after which it cannot be scheduled.

    A change that needs approval is approved first and then waits.
    """
    if conditions.lock or conditions.policy:
        return conditions.lock.message if conditions.lock else None
    freeze = conditions.freeze
    return freeze.message if freeze and not schedule.can_wait_for(freeze) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePosition:
    """`position` is 1 for the first in the queue; `blocker` is the deployment that it waits for."""

    position: int
    blocker: Deployment

    @property
    def marker(self) -> str:
        """Return a text that changes with the position and the blocker."""
        return f"{self.position}-{self.blocker.pk}"


def position_of(deployment: Deployment) -> QueuePosition | None:
    """Return the position of a queued change; None if nothing blocks it. No query if it is not queued."""
    if deployment.state != State.QUEUED:
        return None
    queue = Deployment.objects.queue_of(deployment.environment_id).select_related("requested_by")
    before = [one for one in queue if (one.applied_at, one.pk) < (deployment.applied_at, deployment.pk)]
    holder = Deployment.objects.filter(active_key=deployment.environment_id).select_related("requested_by")
    blocker = before[-1] if before else holder.exclude(pk=deployment.pk).first()
    return QueuePosition(position=len(before) + 1, blocker=blocker) if blocker else None
