"""What a first contact requests of Sanso itself, as a user does, and how it waits until workers have done it.

Everything can be repeated: a process that continues a run repeats the request, and gets the same deployment.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.utils import translation
from redis.exceptions import RedisError

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.common import heartbeats
from deployments.common.errors import UserFixable
from deployments.common.texts import message_text, stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps.contact import Contact, StepStopped
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from deployments.template_sets.models.versions import TemplateVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User

T = TypeVar("T")

REASON: Final = "First contact"
LONGEST: Final = 3 * 3600.0
"""Seconds until a deployment must have ended."""
UNATTENDED = 120.0
"""Seconds on AWS after which nobody is expected to repair what a deployment needs."""
_KEYS: Final = uuid.UUID("0d3bb1f5-3d0c-4c1c-8b56-6d3c6a0c4f6d")


def user_of(run: ContactRun) -> User | None:
    """Return the user in whose name a run requests something, None if there is no such user any more."""
    return get_user_model().objects.filter(username=run.requested_by, is_active=True).first()


def key_of(run: ContactRun, what: str) -> uuid.UUID:
    """Return the key of a request: the same one when it is repeated."""
    return uuid.uuid5(_KEYS, f"{run.tag} {what}")


def refuse_without_workers(contact: Contact) -> None:
    """Note that nobody would carry a deployment out, and raise StepStopped. Redis may not know."""
    try:
        with heartbeats.client() as client:
            kinds = {one.kind for one in heartbeats.running(client)}
    except RedisError:
        return
    if missing := sorted({"worker", "dispatcher"} - kinds):
        contact.note("the processes of Sanso", f"not running: {', '.join(missing)}", Match.DIFFERENT)
        raise StepStopped


def is_noted(contact: Contact, question: str) -> bool:
    """Return whether the step has an answer to a question, also of a process before this one."""
    return any(answer["question"] == question for answer in contact.step.answers)


def note_once(contact: Contact, question: str, text: str, outcome: Match = Match.NOTE) -> None:
    """Note an answer, unless a process before this one has."""
    if not is_noted(contact, question):
        contact.note(question, text, outcome)


def requested(contact: Contact, question: str, request: Callable[[], T]) -> T:
    """Make a request. If Sanso refuses it, note why and raise StepStopped."""
    try:
        return request()
    except UserFixable as exc:
        with translation.override("en"):
            contact.note(question, message_text(exc.message), Match.DIFFERENT)
        raise StepStopped(question) from exc
    except PermissionDenied as exc:
        contact.note(question, str(exc), Match.DENIED)
        raise StepStopped(question) from exc


def changed(
    contact: Contact,
    user: User,
    creation: Deployment,
    what: str,
    values: dict[str, str],
    version: TemplateVersion | None = None,
) -> None:
    """Change an environment to these values, others than those of its creation, or to a version."""
    environment = creation.environment
    change = requested(
        contact,
        what,
        lambda: request_change(
            user=user,
            environment=environment,
            parameters={**creation.parameters, **values},
            reason=REASON,
            request_key=key_of(contact.run, what),
            current_set=False,
            version=version,
        ),
    )
    change = waited(contact, what, change, lambda row: row.state == State.PREVIEW)
    if change.state == State.PREVIEW:
        requested(
            contact,
            what,
            lambda: apply_change(
                user=user, deployment=change, digest=change.preview_digest, typed_name=environment.name
            ),
        )
    report(contact, what, waited(contact, what, change))


def waited(
    contact: Contact,
    what: str,
    deployment: Deployment,
    is_there: Callable[[Deployment], bool] = lambda _row: False,
) -> Deployment:
    """Wait until a deployment has ended or is there, and return its row.

    If it needs somebody who repairs something, note what and raise StepStopped.
    """
    began, since = time.monotonic(), None
    timeout = max(5.0, UNATTENDED * min(1.0, contact.account.timings.scale))
    while True:
        row = Deployment.objects.for_page().get(pk=deployment.pk)
        if not row.is_active or is_there(row):
            return row
        now = time.monotonic()
        since = (since or now) if row.attention_code or row.state == State.APPROVAL else None
        if (since and now - since > timeout) or now - began > LONGEST:
            with translation.override("en"):
                text = stored_text(row.attention_sentence, row.attention)
            contact.note(what, f"deployment {row.pk} stays in {row.state}: {text}", Match.DIFFERENT)
            raise StepStopped(what)
        contact.pause()


def report(contact: Contact, what: str, ended: Deployment) -> None:
    """Note how a deployment has ended, and how long each phase took. Raise StepStopped if it failed."""
    with translation.override("en"):
        reason = stored_text(ended.error_sentence, ended.error_message)
    phases = ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in _phases(ended))
    text = f"deployment {ended.pk} {ended.state}: {phases}. {reason}".strip()
    is_fine = ended.state == State.SUCCEEDED
    note_once(contact, what, text, Match.EXPECTED if is_fine else Match.DIFFERENT)
    if not is_fine:
        raise StepStopped(what)


def _phases(ended: Deployment) -> list[tuple[str, float]]:
    """Return the phases of a deployment that has ended, with their seconds."""
    rows = Event.objects.of(ended).phases()
    begun = [("preflight", ended.created_at), *((str(row.values["phase"]), row.at) for row in rows)]
    ends = [*begun, ("", ended.ended_at or ended.created_at)]
    return [(phase, (end - at).total_seconds()) for (phase, at), (_next, end) in pairwise(ends)]


def ended(contact: Contact, action: ActionRequest) -> ActionRequest:
    """Wait until an action has ended, and return its row. Raise StepStopped if it stays."""
    began = time.monotonic()
    while True:
        action.refresh_from_db()
        if not action.is_active:
            return action
        if time.monotonic() - began > LONGEST:
            contact.note(f"{action.kind}, request {action.pk}", "has not ended", Match.DIFFERENT)
            raise StepStopped(action.kind)
        contact.pause()


def environment_of(run: ContactRun) -> Environment | None:
    """Return the environment of a run, as it is now; None if it has created none."""
    return Environment.objects.of_contact(run.account, run.tag)
