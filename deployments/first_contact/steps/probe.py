"""The probe stack: a small template is deployed, observed as environments are, and deleted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from django.conf import settings

from deployments.aws.cloudformation import ChangeSetRequest, StackView
from deployments.aws.session import Clients
from deployments.common.errors import AwsAlreadyDone
from deployments.first_contact.rules.answers import TAG, Expect, Match
from deployments.first_contact.steps import artifacts, change_set, stacks
from deployments.first_contact.steps.contact import Contact, StepStopped

TEMPLATE = Path(__file__).parent / "probe.yaml"
COMPLETE = "CREATE_COMPLETE"


def take(contact: Contact) -> None:
    """Create the stack, note what AWS says of it and of its resources, and delete it."""
    run, account = contact.run, contact.account
    request = ChangeSetRequest(
        stack_name=stacks.name_of(run, stacks.PROBE),
        change_set_name=change_set.NAME,
        token=f"{run.tag}-{stacks.PROBE}",
        template_url=artifacts.upload(contact, TEMPLATE.name, TEMPLATE.read_bytes()),
        parameters={"Boundary": account.boundary},
        tags=stacks.tags_of(run),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=account.stack_role_arn,
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
        _resources(contact, stack)
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


def _resources(contact: Contact, stack: StackView) -> None:
    """Read the resources as the observers of an environment do."""
    of, tag = stack.outputs, contact.run.tag
    balancer, group = of["LoadBalancer"], of["TargetGroup"]
    contact.check("elbv2.load_balancers", lambda aws: aws.elbv2.load_balancers([balancer]))
    contact.check("elbv2.target_groups", lambda aws: aws.elbv2.target_groups([group]))
    contact.check("elbv2.target_health", lambda aws: aws.elbv2.target_health(group), Expect.EMPTY)
    protected = contact.quietly(lambda aws: aws.elbv2.deletion_protection(balancer))[0]
    contact.note("elbv2.deletion_protection", str(protected))
    contact.check("ec2.network_in", lambda aws: aws.ec2.network_in(of["Vpc"]))
    contact.check("ec2.network_interfaces", lambda aws: aws.ec2.network_interfaces([of["Vpc"]]))
    contact.check("logs.log_groups", lambda aws: aws.logs.log_groups(of["LogGroupName"]))
    association = of["Association"]
    contact.check("ssm.associations", lambda aws: aws.ssm.associations([association]))
    contact.check("ssm.association_calls", lambda aws: aws.ssm.association_calls([association]))
    contact.check("ssm.executions", lambda aws: aws.ssm.executions(association, 10), Expect.EMPTY)
    contact.check("tagging.tagged", lambda aws: aws.tagging.tagged(TAG, tag))
