"""What packages hand down to those that they use: texts, checks, and what happens at the end of a deployment.

A package imports only what is below it. What it calls of a package above it is connected here, when Django
starts (`apps.py`).
"""

from __future__ import annotations

from datetime import datetime

from deployments.access.commands import requesting
from deployments.access.texts import roles
from deployments.accounts.commands import accounts
from deployments.changes.steps import predictions
from deployments.changes.texts import assessment
from deployments.common.texts import message_texts
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.environments.texts import operations
from deployments.failures import texts as failure_texts
from deployments.failures.shared import notices
from deployments.failures.steps import trail
from deployments.first_contact import commands as contact_commands
from deployments.first_contact.texts import CONTACT
from deployments.health import texts as health_texts
from deployments.health.steps.observe import history
from deployments.locks.commands import locks
from deployments.notifications.texts import errors
from deployments.notifications.texts import notices as notification_texts
from deployments.releases import texts as release_texts
from deployments.restore_drills import commands as drill_commands
from deployments.restore_drills.texts import DRILLS
from deployments.stacks.shared import finalize
from deployments.template_sets import texts as template_set_texts


def _keep_prediction(deployment: Deployment, state: State, _now: datetime) -> None:
    if state is State.SUCCEEDED:
        predictions.keep_prediction(deployment)


def _keep_health(deployment: Deployment, state: State, now: datetime) -> None:
    if state is not State.SUCCEEDED:
        history.keep(deployment.environment, now, changed=True)  # lists display that it is being created


def _notify(deployment: Deployment, _state: State, now: datetime) -> None:
    notices.deployment_ended(deployment, now)


def connect() -> None:
    """Connect the packages, once."""
    for texts in (
        roles.ACCESS,
        health_texts.HEALTH,
        errors.NOTIFICATIONS,
        operations.OPERATIONS,
        release_texts.RELEASES,
        CONTACT,
        DRILLS,
        template_set_texts.SOURCES,
    ):
        message_texts.MESSAGES.update(texts)
    message_texts.CAUSES.update(failure_texts.CAUSES)
    notification_texts.DESCRIBED["assessment"] = assessment.stored_sentence
    requesting.check_with(locks.refuse_if_held)
    requesting.check_with(drill_commands.refuse_deletion)
    accounts.check_changes_with(contact_commands.refuse_account_change)
    finalize.also(_keep_prediction, _keep_health, trail.request_sweeps, _notify)
