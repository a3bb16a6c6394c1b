"""The queue of an environment: applied changes take its one active place in the order of Apply."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from deployments.changes.models.snapshot_choices import unchosen
from deployments.changes.shared import approvals
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.waiting import wake
from deployments.environments.rules.phases import State
from deployments.stacks.shared import skipped


def take_place(deployment: Deployment) -> bool:
    """Take the environment's active place if it is free and no change is ahead. Return whether it was."""
    if deployment.active_key is not None:
        return True
    first = Deployment.objects.queue_of(deployment.environment_id).first()
    if first is None or first.pk != deployment.pk:
        return False
    try:
        with transaction.atomic():
            rows = Deployment.objects.filter(pk=deployment.pk, version=deployment.version)
            if not rows.update(active_key=deployment.environment_id):
                return False
    except IntegrityError:
        return False
    deployment.active_key = deployment.environment_id
    return True


def give_back(deployment: Deployment) -> None:
    """Give the environment's place back, so that other changes can take it while this one is held back."""
    rows = Deployment.objects.filter(pk=deployment.pk, version=deployment.version)
    if deployment.active_key is not None and rows.update(active_key=None):
        deployment.active_key = None


def restart_preview(deployment: Deployment, **values: Any) -> None:
    """Go back to the change set: the stack has changed since the preview was computed.

    Give the environment's place back and void an approval. The new preview must be applied like the first.

    """
    deployment.move_to(
        State.CHANGE_SET,
        **{
            "revision": deployment.revision + 1,
            "change_set_id": "",
            "changes": {},
            "preview_digest": "",
            "preview_stack": {},
            "applied_at": None,
            "applied_by": None,
            "scheduled_for": None,
            "active_key": None,
            "options": unchosen(skipped.unconfirmed(deployment)),
        }
        | values,
    )
    approvals.void(deployment)
    wake(deployment.environment_id)
