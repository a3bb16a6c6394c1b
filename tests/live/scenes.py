"""Deployments in every state: rows as the runner writes them, and events through the runner's event log."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.aws.cloudformation import StackEvent
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.shared import event_log
from tests.builders import make_grant

NINE_STACKS: Mapping[str, int] = {  # the number of resources in each nested stack: 64 with the stacks
    "Network": 18,
    "Iam": 4,
    "Nlb": 5,
    "Alb": 5,
    "Aurora": 9,
    "AppServers": 7,
    "WebServers": 4,
    "Configuration": 3,
}
WHY = (
    'Resource handler returned message: "The engine version 8.0.mysql_aurora.3.99.0 is not supported. '
    '(Service: Rds, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
)
_numbers = itertools.count(1)


def make_user(name: str = "") -> User:
    name = name or f"ana{next(_numbers)}"
    user: User = get_user_model().objects.create_user(name, password="correct horse battery staple")
    return make_grant(user, role="viewer")


def make_deployment(*, kind: str = "create", name: str = "", user: User | None = None) -> Deployment:
    """Return the requested creation (or other change) of an environment, in its own sandbox account."""
    number = next(_numbers)
    user = user or make_user()
    account = Account.objects.create(name=f"sandbox{number}", region="ap-northeast-1", is_sandbox=True)
    name = name or f"staging{number}"
    environment = Environment.objects.create(
        account=account,
        name=name,
        stack_name=f"sanso-{name}",
        live_key=Environment.key_for(account, name),
        owner=user,
    )
    deployment = Deployment.objects.create(
        environment=environment,
        kind=kind,
        requested_by=user,
        reason="first environment for the load test",
        active_key=environment.pk,
        due_at=None,
    )
    Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    event_log.add(deployment, "requested", kind=kind, user=user.get_username(), reason=deployment.reason)
    return Deployment.objects.for_page().get(pk=deployment.pk)


def add_stacks(deployment: Deployment, nested: Mapping[str, int] = NINE_STACKS) -> dict[str, Stack]:
    """Write the pending rows of a change set, and enter the stacks phase; return the stacks by path."""
    root_id = arn(deployment.environment.stack_name)
    root = Stack.objects.create(
        deployment=deployment, name=deployment.environment.stack_name, stack_id=root_id, settled=False
    )
    stacks = {"": root}
    for path, count in nested.items():
        parent_path, _, logical_id = path.rpartition("/")
        parent = stacks[parent_path]
        Resource.objects.create(stack=parent, logical_id=logical_id, type=STACK_TYPE)
        stacks[path] = Stack.objects.create(
            deployment=deployment,
            parent=parent,
            path=path,
            depth=parent.depth + 1,
            stack_id=arn(f"{root.name}-{logical_id}"),
            name=f"{root.name}-{logical_id}-1ABC",
        )
        Resource.objects.bulk_create(
            Resource(stack=stacks[path], logical_id=f"{logical_id}{i}", type="AWS::EC2::Subnet")
            for i in range(1, count + 1)
        )
    total = Resource.objects.filter(stack__deployment=deployment).count()
    for state in (State.ARTIFACTS, State.CHANGE_SET, State.STACKS):
        enter_phase(deployment, state)
    Deployment.objects.filter(pk=deployment.pk).update(stack_id=root_id)
    Environment.objects.filter(pk=deployment.environment_id).update(stack_id=root_id)
    event_log.add(deployment, "change_set.created", resources=total, stacks=len(stacks))
    return stacks


def enter_phase(deployment: Deployment, state: State, **values: Any) -> None:
    """Move the deployment to a phase, and write the phase's event."""
    deployment.move_to(state, **values)
    event_log.add(deployment, "phase", key=str(state), phase=str(state))


def finish(deployment: Deployment, state: State, *, code: str = "", message: str = "") -> None:
    """End the deployment as the runner does."""
    deployment.move_to(state, error_code=code, error_message=message)
    event_log.add(deployment, "ended", state=str(state), code=code, message=message)


def event(
    stack: Stack, logical_id: str, status: str, *, reason: str = "", at: datetime | None = None
) -> event_log.Entry:
    """Return the entry of a stack event; an empty logical id means the stack itself."""
    own = not logical_id
    path = f"{stack.path}/{logical_id}".lstrip("/")
    nested = None if own else Stack.objects.filter(deployment=stack.deployment_id, path=path).first()
    text = StackEvent(
        event_id=str(uuid.uuid4()),
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_id=stack.name if own else logical_id,
        physical_id=stack.stack_id if own else nested.stack_id if nested else f"id-of-{logical_id.lower()}",
        type=STACK_TYPE if own or nested else "AWS::EC2::Subnet",
        status=status,
        reason=reason,
        at=at or timezone.now(),
    )
    return event_log.of_stack(Stack.objects.get(pk=stack.pk), text)


def add_events(deployment: Deployment, *entries: event_log.Entry) -> int:
    """Write entries in one transaction, as one poll of the stacks does."""
    return event_log.append(deployment, entries)


def complete_everything(deployment: Deployment, stacks: Mapping[str, Stack]) -> None:
    """Write all events of a successful deployment: the start and the end of each resource and stack."""
    begin = timezone.now() - timedelta(minutes=5)
    entries: list[event_log.Entry] = []
    for number, stack in enumerate(list(stacks.values())[::-1]):  # a parent ends after its children
        at = begin + timedelta(seconds=number)
        parent, _, nested_id = stack.path.rpartition("/")
        if nested_id:
            entries.append(event(stacks[parent], nested_id, "CREATE_IN_PROGRESS", at=at))
        ids = list(
            Resource.objects.filter(stack=stack).exclude(type=STACK_TYPE).values_list("logical_id", flat=True)
        )
        entries.append(event(stack, "", "CREATE_IN_PROGRESS", at=at))
        for logical_id in ids:
            entries.append(event(stack, logical_id, "CREATE_IN_PROGRESS", at=at))
            entries.append(
                event(stack, logical_id, "CREATE_IN_PROGRESS", reason="Resource creation Initiated", at=at)
            )
            entries.append(event(stack, logical_id, "CREATE_COMPLETE", at=at + timedelta(seconds=40)))
        entries.append(event(stack, "", "CREATE_COMPLETE", at=at + timedelta(seconds=45)))
        if nested_id:
            entries.append(event(stacks[parent], nested_id, "CREATE_COMPLETE", at=at + timedelta(seconds=45)))
    add_events(deployment, *entries)


def arn(name: str) -> str:
    return f"arn:aws:cloudformation:ap-northeast-1:123456789012:stack/{name}/{uuid.uuid4()}"


def event_numbers(deployment: Deployment) -> Sequence[int]:
    """Return the numbers of all events in the database, in order."""
    return list(Event.objects.of(deployment).values_list("seq", flat=True))


def running(name: str = "running", user: User | None = None) -> Deployment:
    """A creation in progress: one stack complete, one in progress, one pending."""
    deployment = make_deployment(name=name, user=user)
    stacks = add_stacks(deployment, {"Network": 3, "Aurora": 4, "Aurora/Inner": 2, "AppServers": 2})
    begin = timezone.now() - timedelta(minutes=4)
    entries = [event(stacks[""], "", "CREATE_IN_PROGRESS", at=begin)]
    for path, done in (("Network", 3), ("Aurora", 2), ("Aurora/Inner", 0)):
        parent, _, logical_id = path.rpartition("/")
        entries += [
            event(stacks[parent], logical_id, "CREATE_IN_PROGRESS", at=begin),
            event(stacks[path], "", "CREATE_IN_PROGRESS", at=begin),
        ]
        own = Resource.objects.filter(stack=stacks[path]).exclude(type=STACK_TYPE)
        for number, resource in enumerate(own):
            at = begin + timedelta(seconds=number)
            entries.append(event(stacks[path], resource.logical_id, "CREATE_IN_PROGRESS", at=at))
            if number < done:
                at += timedelta(seconds=30)
                entries.append(event(stacks[path], resource.logical_id, "CREATE_COMPLETE", at=at))
    entries += [
        event(stacks["Network"], "", "CREATE_COMPLETE", at=begin + timedelta(minutes=1)),
        event(stacks[""], "Network", "CREATE_COMPLETE", at=begin + timedelta(minutes=1)),
    ]
    add_events(deployment, *entries)
    now = timezone.now()
    Deployment.objects.filter(pk=deployment.pk).update(polled_at=now, ticked_at=now)
    return reload(deployment)


def rolling_back(name: str = "rolling-back", user: User | None = None) -> Deployment:
    """A creation in which a database failed, and which CloudFormation is rolling back."""
    deployment = running(name, user)
    stacks = {stack.path: stack for stack in Stack.objects.of(deployment)}
    now = timezone.now()
    add_events(
        deployment,
        event(stacks["Aurora"], "Aurora3", "CREATE_FAILED", reason=WHY, at=now),
        event(stacks["Aurora"], "Aurora4", "CREATE_FAILED", reason="Resource creation cancelled", at=now),
        event(stacks["Aurora"], "", "ROLLBACK_IN_PROGRESS", reason="The following …", at=now),
        event(stacks[""], "Aurora", "CREATE_FAILED", reason="Embedded stack x was not successfully created"),
        event(stacks[""], "", "ROLLBACK_IN_PROGRESS", reason="The following resource(s) failed to create"),
    )
    return reload(deployment)


def rolled_back(name: str = "rolled-back", user: User | None = None) -> Deployment:
    """A creation that failed and was rolled back; its stack remains."""
    deployment = rolling_back(name, user)
    root = Stack.objects.get(deployment=deployment, path="")
    add_events(deployment, event(root, "", "ROLLBACK_COMPLETE"))
    finish(deployment, State.ROLLED_BACK, code="ResourceFailed", message=f"Aurora/Aurora3: {WHY}")
    return reload(deployment)


def failed_in_preflight(name: str = "refused", user: User | None = None) -> Deployment:
    """A creation that failed before anything was created."""
    deployment = make_deployment(name=name, user=user)
    finish(deployment, State.FAILED, code="StackNameTaken", message="The account has that stack already.")
    return reload(deployment)


def needing_access(name: str = "asking", user: User | None = None) -> Deployment:
    """A creation whose worker has lost the permission to read the stacks."""
    deployment = running(name, user)
    message = "AWS denies cloudformation:DescribeStackEvents."
    deployment.record(attention_code="AccessDenied", attention=message)
    event_log.add(deployment, "attention", key="1", code="AccessDenied", message=message)
    return reload(deployment)


def succeeded(name: str = "succeeded", user: User | None = None) -> Deployment:
    """A successful creation, with outputs."""
    deployment = make_deployment(name=name, user=user)
    complete_everything(deployment, add_stacks(deployment, {"Network": 3, "Aurora": 4}))
    outputs = {"URL": "http://127.0.0.1:9/", "WriterEndpoint": "writer.cluster-abc.rds.amazonaws.com"}
    Environment.objects.filter(pk=deployment.environment_id).update(outputs=outputs)
    finish(reload(deployment), State.SUCCEEDED)
    return reload(deployment)


def deleting(name: str = "deleting", user: User | None = None) -> Deployment:
    """A deletion in progress."""
    deployment = make_deployment(kind="delete", name=name, user=user)
    stacks = add_stacks(deployment, {"Network": 2})
    Resource.objects.filter(stack__deployment=deployment).update(status="CREATE_COMPLETE")
    add_events(
        deployment,
        event(stacks[""], "", "DELETE_IN_PROGRESS", reason="User Initiated"),
        event(stacks["Network"], "Network1", "DELETE_COMPLETE"),
        event(stacks["Network"], "Network2", "DELETE_IN_PROGRESS"),
    )
    return reload(deployment)


def deleted(name: str = "deleted", user: User | None = None) -> Deployment:
    """A successful deletion."""
    deployment = deleting(name, user)
    stacks = {stack.path: stack for stack in Stack.objects.of(deployment)}
    add_events(
        deployment,
        event(stacks["Network"], "Network2", "DELETE_COMPLETE"),
        event(stacks[""], "Network", "DELETE_COMPLETE"),
        event(stacks[""], "", "DELETE_COMPLETE"),
    )
    finish(deployment, State.SUCCEEDED)
    environment = Environment.objects.filter(pk=deployment.environment_id)
    environment.update(deleted_at=timezone.now(), live_key=None)
    return reload(deployment)


def failed_deletion(name: str = "undeletable", user: User | None = None) -> Deployment:
    """A deletion in which a resource could not be deleted."""
    deployment = deleting(name, user)
    stacks = {stack.path: stack for stack in Stack.objects.of(deployment)}
    add_events(
        deployment,
        event(stacks["Network"], "Network2", "DELETE_FAILED", reason="The subnet has dependencies."),
        event(stacks[""], "", "DELETE_FAILED", reason="The following resource(s) failed to delete"),
    )
    finish(deployment, State.FAILED, code="ResourceFailed", message="Network/Network2: has dependencies.")
    return reload(deployment)


def reload(deployment: Deployment) -> Deployment:
    """Return the current row with everything that the page needs."""
    return Deployment.objects.for_page().get(pk=deployment.pk)


STATES = (
    make_deployment,
    running,
    rolling_back,
    rolled_back,
    failed_in_preflight,
    needing_access,
    succeeded,
    deleting,
    deleted,
    failed_deletion,
)
"""A builder for each state of the deployment's page."""
