"""The steps that delete an environment: list its resources, start the deletion."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.core.phases import State
from deployments.core.status import DELETED
from deployments.errors import AwsNotFound, UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Resource
from deployments.runner import event_log, stack_rows


def check(deployment: Deployment, clients: Clients) -> float:
    """Check that the stack exists and store its resources, before anything is deleted.

    Raise AwsNotFound if there is nothing to delete; `step` ends the deployment then.
    """
    stack_id = deployment.environment.stack_id
    if not stack_id:
        raise AwsNotFound("NoStack", "The environment has no stack.", "cloudformation:DescribeStacks")
    stack = clients.cloudformation.describe_stack(stack_id)
    if stack.status == DELETED:
        raise AwsNotFound("NoStack", "The stack is deleted.", "cloudformation:DescribeStacks")
    if stack.termination_protection and not deployment.unprotect:
        raise UserFixable("DeletionProtection", Code.DELETION_PROTECTION_ON, "unprotect")
    resources = stack_rows.seed_from_stack(deployment, stack_id, clients.cloudformation)
    event_log.add(deployment, "delete.found", resources=resources)
    with transaction.atomic():
        deployment.move_to(State.STACKS, stack_id=stack_id)
        event_log.add(deployment, "phase", key="stacks", phase="stacks")
    return 0.0


def start(deployment: Deployment, clients: Clients, root: StackView) -> None:
    """Start the deletion of the stack, by its id: another stack may have the same name."""
    if deployment.unprotect:
        _unprotect(deployment, clients)
        if root.termination_protection:
            deployment.confirm_claim()
            clients.cloudformation.set_termination_protection(deployment.stack_id, on=False)
    deployment.confirm_claim()
    clients.cloudformation.delete_stack(
        deployment.stack_id, str(deployment.token), deployment.environment.account.stack_role_arn
    )
    event_log.add(deployment, "delete.started", stack_name=deployment.environment.stack_name)


def _unprotect(deployment: Deployment, clients: Clients) -> None:
    """Turn off deletion protection through the services' own APIs.

    An update of the stack works for a healthy stack only: after a rollback that failed because of a protected
    database, CloudFormation does not update it.
    """
    switches = {
        "AWS::RDS::DBCluster": clients.rds.unprotect_cluster,
        "AWS::RDS::DBInstance": clients.rds.unprotect_instance,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": clients.elbv2.unprotect_load_balancer,
    }
    rows = Resource.objects.filter(stack__deployment=deployment).exclude(physical_id="")
    protected = [row for row in rows.filter(type__in=switches) if row.status != DELETED]
    if any(row.type == "AWS::RDS::DBCluster" for row in protected):
        # Instances of a cluster have no protection of their own; RDS rejects the call.
        protected = [row for row in protected if row.type != "AWS::RDS::DBInstance"]
    for row in protected:
        deployment.confirm_claim()
        with suppress(AwsNotFound):
            switches[row.type](row.physical_id)
    event_log.add(deployment, "delete.unprotected", resources=len(protected))
