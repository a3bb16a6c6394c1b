"""The stacks of a run: their names, waiting for their end, and their deletion by the run's tag."""

from __future__ import annotations

import secrets
import time

from deployments.aws.cloudformation import StackView
from deployments.cloudformation.remaining import Billing, billing_of
from deployments.cloudformation.status import DELETED, IN_REVIEW, is_final
from deployments.common.errors import AwsNotFound, SansoError
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import STACKS, TAG, Left
from deployments.first_contact.rules.step_names import DATABASE, PROBE
from deployments.first_contact.steps.contact import Contact
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG

CHANGES = "changes"
ALL = (CHANGES, PROBE, DATABASE)
"""What distinguishes the names of a run's root stacks."""
MOST = 30 * 60
"""Seconds until a stack must have ended."""
STACK = "AWS::CloudFormation::Stack"
GRACE = 60
"""Seconds for which a stack may be in review after an operation has begun."""
TRIES = 3
"""Deletions of one stack: a resource that another one still used is free at the next."""


def name_of(run: ContactRun, which: str) -> str:
    """Return the name of a root stack of a run."""
    return f"{STACKS}{run.tag}-{which}"


def tags_of(run: ContactRun) -> dict[str, str]:
    """Return the tags of a run's stacks, which CloudFormation gives to their resources.

    With the strict scope, the roles change and delete only what has the tag of an environment.
    """
    return {TAG: run.tag, ENVIRONMENT_TAG: f"{STACKS}{run.tag}"}


def wait(contact: Contact, stack_id: str, token: str = "") -> tuple[StackView | None, SansoError | None]:
    """Wait until an operation on a stack has ended. Return the stack, None if it no longer exists.

    `token` is that of the operation. For a while the stack may have the final status of the one before: then
    its events say whether this one has ended.
    """
    began = time.monotonic()
    while True:
        stack, error = contact.quietly(lambda aws: aws.cloudformation.describe_stack(stack_id))
        if isinstance(error, AwsNotFound):
            return None, None
        if error is not None or stack is None:
            return stack, error
        elapsed = time.monotonic() - began
        status = stack.status
        if is_final(status) and status != DELETED and token and elapsed <= GRACE:
            status = _end(contact, stack_id, token)
        if status == DELETED:
            return None, None
        if is_final(status) or elapsed > (GRACE if stack.status == IN_REVIEW else MOST):
            return stack, None
        contact.pause()


def _end(contact: Contact, stack_id: str, token: str) -> str:
    """Return the status with which an operation on a stack has ended, or one that is not final."""
    events, _error = contact.quietly(lambda aws: aws.cloudformation.events_after(stack_id, ""))
    ends = [
        one for one in events or () if one.is_of_the_stack and one.token == token and is_final(one.status)
    ]
    return ends[-1].status if ends else "IN_PROGRESS"


def _is_ours(stack: StackView, run: ContactRun) -> bool:
    """Return whether a run created a stack: its tag, or for an empty one without tags its name, says so.

    The tags of a change set that was not executed may end with it.
    """
    is_empty = stack.status == IN_REVIEW and stack.name.startswith(f"{STACKS}{run.tag}-")
    return stack.tags.get(TAG) == run.tag or (is_empty and not stack.tags)


def delete(contact: Contact, name: str) -> StackView | SansoError | None:
    """Delete a stack of the run, by name or id, if it has the run's tag.

    Return None once it does not exist, else the stack, or the error because of which its state is unknown.
    """
    for _ in range(TRIES):
        stack, error = contact.quietly(lambda aws: aws.cloudformation.describe_stack(name))
        if isinstance(error, AwsNotFound) or (stack and stack.status == DELETED):
            return None
        if error is not None or stack is None:
            return error
        if not _is_ours(stack, contact.run):
            contact.note(f"stack {name}", "does not have the tag of this run; it is not touched")
            return None
        token = f"{contact.run.tag}-delete-{secrets.token_hex(8)}"
        if (error := _begin_deletion(contact, stack, token)) is not None:
            return error
        ended, error = wait(contact, stack.stack_id, token)
        if error is not None:
            return error
        if ended is None:
            return None
        contact.note(f"stack {stack.name}", f"{ended.status}: {ended.reason}")
    return ended


def _begin_deletion(contact: Contact, stack: StackView, token: str) -> SansoError | None:
    role = contact.account.stack_role_arn
    return contact.order(
        f"cloudformation.delete_stack {stack.name} ({stack.status})",
        lambda aws: aws.cloudformation.delete_stack(stack.stack_id, token, role),
    )


def left_of(contact: Contact, name: str, found: StackView | SansoError | None) -> list[Left]:
    """Return what is left of a stack after its deletion."""
    if found is None:
        return []
    if isinstance(found, SansoError):
        id_, billing, why = name, Billing.UNKNOWN, str(found)
    else:
        id_, billing, why = found.stack_id, Billing.FREE, f"{found.status} {found.reason}"
    left = [Left(type=STACK, id=id_, billing=str(billing), why=why)]
    rows, _error = contact.quietly(lambda aws: aws.cloudformation.list_resources(id_))
    return left + [
        Left(type=row.type, id=row.physical_id, billing=str(billing_of(row.type)), why=row.reason)
        for row in rows or ()
        if row.status != "DELETE_COMPLETE" and row.physical_id
    ]
