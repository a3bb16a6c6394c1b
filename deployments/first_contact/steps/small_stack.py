"""A small stack of the first contact: it is deployed, observed as those of environments are, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from deployments.aws.cloudformation import ChangeSetRequest, StackView
from deployments.aws.session import Clients
from deployments.common.errors import AwsAlreadyDone
from deployments.first_contact.rules.answers import Expect, Match
from deployments.first_contact.steps import artifacts, change_set, stacks
from deployments.first_contact.steps.contact import Contact, StepStopped

COMPLETE = "CREATE_COMPLETE"


def take(
    contact: Contact,
    which: str,
    parameters: dict[str, str],
    read: Callable[[Contact, StackView], None],
) -> None:
    """Create a stack, note what AWS says of it, and delete it.

    Args:
        contact: the run.
        which: a name of `stacks`, which is that of its template beside this module as well.
        parameters: the values of the template's parameters.
        read: reads the resources of a complete stack.
    """
    run, template = contact.run, Path(__file__).parent / f"{which}.yaml"
    request = ChangeSetRequest(
        stack_name=stacks.name_of(run, which),
        change_set_name=change_set.NAME,
        token=f"{run.tag}-{which}",
        template_url=artifacts.upload(contact, template.name, template.read_bytes()),
        parameters=parameters,
        tags=stacks.tags_of(run),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=contact.account.stack_role_arn,
        is_nested=False,
    )
    found = change_set.create(contact, request)
    if not found.is_created:
        raise StepStopped

    def executed(aws: Clients) -> None:
        with suppress(AwsAlreadyDone):  # by a call whose answer was lost
            aws.cloudformation.execute_change_set(found.change_set_id, request.token)

    contact.need("cloudformation.execute_change_set", executed)
    stack, error = stacks.wait(contact, found.stack_id)
    if stack is None:
        contact.note("the stack", str(error or "does not exist"), Match.NO_ANSWER)
        raise StepStopped
    is_complete = stack.status == COMPLETE
    outcome = Match.EXPECTED if is_complete else Match.DIFFERENT
    contact.note("the stack", f"{stack.status} {stack.reason}".strip(), outcome)
    _stack(contact, stack, is_complete=is_complete)
    if is_complete:
        read(contact, stack)
    stacks.delete(contact, stack.stack_id)


def _stack(contact: Contact, stack: StackView, *, is_complete: bool) -> None:
    """Note the outputs, the resources with their times, and what failed."""
    id_ = stack.stack_id
    for name, value in sorted(stack.outputs.items()):
        contact.note(f"output {name}", value, Match.EXPECTED if value else Match.DIFFERENT)
    rows = contact.check("cloudformation.list_resources", lambda aws: aws.cloudformation.list_resources(id_))
    events = contact.check(
        "cloudformation.events_after", lambda aws: aws.cloudformation.events_after(id_, "")
    )
    began = {one.logical_id: one.at for one in reversed(events or ()) if one.status == "CREATE_IN_PROGRESS"}
    ended = {one.logical_id: one.at for one in events or () if one.status == COMPLETE}
    for row in rows or ():
        times = began.get(row.logical_id), ended.get(row.logical_id)
        took = f"{(times[1] - times[0]).total_seconds():.0f} s" if times[0] and times[1] else ""
        outcome = Match.EXPECTED if row.status == COMPLETE else Match.DIFFERENT
        contact.note(f"{row.type} {row.logical_id}", f"{row.status} {took} {row.reason}".strip(), outcome)
    contact.check("cloudformation.template_body", lambda aws: aws.cloudformation.template_body(id_))
    contact.check(
        "cloudformation.failed_operation_events",
        lambda aws: aws.cloudformation.failed_operation_events(id_),
        Expect.EMPTY if is_complete else Expect.VALUE,
    )
