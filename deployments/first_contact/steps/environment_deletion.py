"""The deletion of the environment of a first contact, in its step and in the clean-up."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from deployments.cloudformation.remaining import Remaining, SearchState
from deployments.common.errors import Message
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.first_contact.rules.answers import Left, Match
from deployments.first_contact.steps import pipeline, stacks
from deployments.first_contact.steps.contact import Contact, StepStopped
from deployments.recovery.commands.cancel import effect_of, request_cancel
from deployments.recovery.commands.delete import request_deletion
from deployments.recovery.commands.remaining import request_deletion_of
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.remaining import remaining_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SEARCHED: Final = 600.0
"""Seconds until the search for what remains must have ended."""


def delete_environment(contact: Contact, user: User, key: uuid.UUID) -> Deployment:
    """Delete the environment of a run and what its deletion leaves, and note both. Return the deletion."""
    environment = pipeline.environment_of(contact.run)
    if environment is None:
        raise StepStopped("there is no environment")
    deletion = pipeline.requested(
        contact,
        "deletion",
        lambda: request_deletion(
            user=user,
            environment=environment,
            typed_name=environment.name,
            reason=pipeline.REASON,
            request_key=key,
            unprotect=True,
        ),
    )
    deletion = pipeline.waited(contact, "deletion", deletion)
    pipeline.report(contact, "deletion", deletion)
    _without_rest(contact, user, deletion)
    return deletion


def _without_rest(contact: Contact, user: User, deletion: Deployment) -> None:
    """Delete what the deletion has left, as far as Sanso can, and note it."""
    found = _searched(contact, deletion)
    texts = [f"{one.type} {one.id} ({one.reason}, {one.billing})" for one in found.resources]
    pipeline.note_once(contact, "what the deletion leaves", ", ".join(texts) or "nothing")
    chosen = [(one.type, one.id) for one in found.deletable]
    if not chosen:
        return
    running = ActionRequest.objects.deletions_of(deletion).active().first()
    action = running or pipeline.requested(
        contact,
        "deletion of what remains",
        lambda: request_deletion_of(
            user=user, deployment=deletion, chosen=chosen, typed_name=deletion.environment.name
        ),
    )
    pipeline.ended(contact, action)
    _searched(contact, deletion)  # the deletion has requested another search
    outcome = Match.EXPECTED if action.state == "done" else Match.DIFFERENT
    pipeline.note_once(
        contact, "deletion of what remains", f"{action.state}, {len(chosen)} resources", outcome
    )


def _searched(contact: Contact, deletion: Deployment) -> Remaining:
    """Return what a deletion has left, once the search for it has ended."""
    began = time.monotonic()
    while True:
        deletion.refresh_from_db()
        found = remaining_of(deletion)
        if found.search is not SearchState.PENDING or time.monotonic() - began > SEARCHED:
            return found
        contact.pause()


def clean_up(contact: Contact) -> list[Left]:
    """Delete the environment of a run, whatever state it is in, and return what is left of it.

    First as a user does. Where Sanso or its workers cannot, the root stack is deleted as the other stacks of
    the run, by its tag.
    """
    environment = pipeline.environment_of(contact.run)
    if environment is None:
        return []
    user = pipeline.user_of(contact.run)
    if user is not None:
        with suppress(StepStopped):
            pipeline.refuse_without_workers(contact)
            _stop(contact, user, environment)
            environment.refresh_from_db()
            if environment.deleted_at is None:
                delete_environment(contact, user, uuid.uuid4())
            elif environment.latest is not None:  # deleted, or its creation was canceled
                _without_rest(contact, user, environment.latest)
    return [*_stack(contact, environment), *_rest(contact)]


def _stop(contact: Contact, user: User, environment: Environment) -> None:
    """Cancel the deployment in progress, as far as it can be, and wait until it has ended."""
    active = environment.active_deployment
    if active is None:
        return
    effect = effect_of(active)
    if active.kind != Kind.DELETE and not isinstance(effect, Message) and not active.is_cancel_pending:
        with suppress(StepStopped):  # it moved on, and is waited for
            pipeline.requested(
                contact,
                "cancellation",
                lambda: request_cancel(user=user, deployment=active, effect=effect.value),
            )
    pipeline.waited(contact, f"deployment {active.pk}", active)


def _stack(contact: Contact, environment: Environment) -> list[Left]:
    environment.refresh_from_db()
    if environment.deleted_at is not None:
        return []
    name = environment.stack_name
    return stacks.left_of(contact, name, stacks.delete(contact, name))


def _rest(contact: Contact) -> list[Left]:
    """Return what the deletion of the environment has left outside of its stacks; what others use stays."""
    environment = pipeline.environment_of(contact.run)
    if environment is None or environment.latest is None or environment.deleted_at is None:
        return []
    return [
        Left(type=one.type, id=one.id, billing=str(one.billing), why=str(one.reason))
        for one in remaining_of(environment.latest).resources
        if not one.details.get("shared_with")
    ]
