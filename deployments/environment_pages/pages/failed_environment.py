"""The environment's page after a failure: what happened, the remaining resources, and the next steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployments.cloudformation.root_cause import root_cause
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.display.failure_banner import FailureBanner
from deployments.deployment_pages.display.recovery_options import clean_up
from deployments.environment_pages.display.last_failure import FailureLine, failed_change_of, line_of
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import AFTER_STACKS, DELETING, Kind, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.timeline import failures_of

_FAILED = (State.FAILED.value, State.ROLLED_BACK.value)


def failure_context(environment: Environment) -> dict[str, Any]:
    """Return the banner of a creation or deletion that failed, or the line about a change that did.

    `never_created` is set if CloudFormation did not create it: then there is no health to show. A canceled
    deployment has not failed: `canceled` has its result. `deciding` is the deployment that this is about.
    """
    latest = Deployment.objects.deciding_of(environment)
    context = _context(environment, latest)
    is_another = any(context.get(name) for name in ("failure", "emptied", "canceled"))
    line = None if is_another or environment.active_deployment else _last_failure(environment)
    return {"deciding": latest, "last_failure": line, **context}


def _last_failure(environment: Environment) -> FailureLine | None:
    """Return the line about the last change that failed, unless somebody has dismissed it."""
    failed = failed_change_of(environment)
    return line_of(failed) if failed is not None and failed.dismissed_at is None else None


def _context(environment: Environment, latest: Deployment | None) -> dict[str, Any]:
    gone = environment.deleted_at is not None or environment.missing_since is not None
    if latest is not None and latest.was_canceled and not gone:
        canceled = headlines.canceled(latest.cancel_code, environment.name)
        return {"failure": None, "never_created": False, "canceled": canceled}
    if latest is None or gone or latest.state not in _FAILED or latest.is_failed_change:
        return {"failure": None, **_emptied(environment, latest if not gone else None)}
    latest.environment = environment  # with its account and its latest deployment, which the banner needs
    landmarks = Event.objects.of(latest).landmarks()
    cause = root_cause(failures_of(latest, landmarks))
    return {
        "failure": _without_deletion(failure_banner.of_deployment(latest, cause, is_latest=True)),
        "never_created": _was_never_created(latest),
    }


def _without_deletion(banner: FailureBanner | None) -> FailureBanner | None:
    """Return the banner without what the page's header offers: the deletion of the environment."""
    if banner is None:
        return None
    actions = tuple(one for one in banner.actions if one.is_main or not one.is_destructive)
    return replace(banner, actions=actions)


def _emptied(environment: Environment, latest: Deployment | None) -> dict[str, Any]:
    """Return the actions after an operator rolled back a creation."""
    if latest is None or latest.kind != Kind.ROLLBACK_CREATION or latest.is_active:
        return {"never_created": False, "emptied": None}
    latest.environment = environment
    return {"never_created": True, "emptied": clean_up(latest, remaining_of(latest))}


def _was_never_created(latest: Deployment) -> bool:
    """Return whether the environment's creation failed before its stacks were complete."""
    creation: Deployment | None = latest
    if latest.kind in DELETING or latest.creates:
        creation = Deployment.objects.creations_of(latest.environment).first()
    if creation is None or creation.kind != Kind.CREATE:
        return False
    failed = creation.state in _FAILED and State(creation.last_phase) not in AFTER_STACKS
    return failed and State(latest.last_phase) not in AFTER_STACKS
