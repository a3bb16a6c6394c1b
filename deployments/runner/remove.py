"""The steps that delete an environment: see what is there, start the deletion."""

from __future__ import annotations

from django.db import transaction

from deployments.aws.session import Clients
from deployments.core.phases import State
from deployments.errors import AwsMissing
from deployments.models import Deployment
from deployments.runner import journal, stack_rows


def check(deployment: Deployment, clients: Clients) -> float:
    """Look whether the stack is there and write down its resources, before anything is deleted.

    Raises AwsMissing when there is nothing to delete; `step` ends the deployment then.
    """
    stack_id = deployment.environment.stack_id
    if not stack_id:
        raise AwsMissing("NoStack", "The environment has no stack.", "cloudformation:DescribeStacks")
    stack = clients.cloudformation.describe_stack(stack_id)
    if stack.status == "DELETE_COMPLETE":
        raise AwsMissing("NoStack", "The stack is deleted.", "cloudformation:DescribeStacks")
    resources = stack_rows.seed_from_stack(deployment, stack_id, clients.cloudformation)
    journal.note(deployment, "delete.found", resources=resources)
    with transaction.atomic():
        deployment.move_to(State.STACKS, stack_id=stack_id)
        journal.note(deployment, "phase", key="stacks", phase="stacks")
    return 0.0


def start(deployment: Deployment, clients: Clients) -> None:
    """Ask CloudFormation to delete the stack, by its id: never another stack of the same name."""
    deployment.confirm_claim()
    clients.cloudformation.delete_stack(
        deployment.stack_id, str(deployment.token), deployment.environment.account.service_role_arn
    )
    journal.note(deployment, "delete.started", stack_name=deployment.environment.stack_name)
