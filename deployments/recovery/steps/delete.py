"""The steps that delete an environment: list its resources, start the deletion."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.status import DELETED, is_being_deleted, is_final
from deployments.cloudformation.stuck_resources import StuckResource, retained_by_stack
from deployments.common.errors import AwsNotFound, UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.recovery.steps import rollbacks
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import event_log, stack_rows


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
    if not is_being_deleted(stack.status):  # a deletion in progress is polled to its end
        refuse("NotDeletable", refusal(stack.status, Operation.DELETE))
    if stack.termination_protection and not deployment.unprotect:
        raise UserFixable("DeletionProtection", Code.DELETION_PROTECTION_ON, "unprotect")
    _check_choices(deployment, stack, clients)
    resources = stack_rows.seed_from_stack(deployment, stack_id, clients.cloudformation)
    event_log.add(deployment, "delete.found", resources=resources)
    seen = {"status": stack.status, "updated": stack.updated}
    event_log.begin_phase(deployment, State.STACKS, stack_id=stack_id, preview_stack=seen)
    return 0.0


def retained_of(deployment: Deployment) -> list[StuckResource]:
    """Return the resources that a deletion after a failed one retains in AWS."""
    return [StuckResource.from_json(one) for one in deployment.options.get("retain", ())]


def _check_choices(deployment: Deployment, stack: StackView, clients: Clients) -> None:
    """Raise UserFixable if the deletion cannot be forced, or resources other than the chosen ones failed."""
    if deployment.options.get("force"):
        refuse("NotForced", refusal(stack.status, Operation.FORCE_DELETE))
    chosen = retained_of(deployment)
    if not chosen:
        return
    known = {one.key for one in rollbacks.read(stack, clients.cloudformation)}
    if others := sorted({one.key for one in chosen} - known):
        raise UserFixable("RetainListChanged", Code.RETAIN_LIST_CHANGED, resources=", ".join(others))


def nested_first(deployment: Deployment, clients: Clients) -> bool:
    """Delete the nested stacks in which resources are retained. Return whether to wait for one.

    RetainResources lists resources of one stack, so each nested stack needs its own call, the deepest first.
    When the root stack is deleted, they are already gone.
    """
    for path, retained in retained_by_stack(retained_of(deployment)).items():
        if not path:
            continue
        try:
            nested = clients.cloudformation.describe_stack(retained[0].stack_id)
        except AwsNotFound:
            continue
        if nested.status == DELETED:
            continue
        if not is_final(nested.status):
            return True
        if Event.objects.filter(deployment=deployment, event_id=f"portal:delete.nested:{path}").exists():
            continue  # it has failed again: the root's deletion reports why
        if deployment.unprotect:
            _unprotect(deployment, clients)
        deployment.confirm_claim()
        clients.cloudformation.delete_failed_stack(
            nested.stack_id,
            f"{deployment.token}-{sha256(path.encode()).hexdigest()[:8]}",
            retain=[one.logical_id for one in retained],
            role_arn=deployment.environment.account.stack_role_arn,
        )
        event_log.add(deployment, "delete.nested", key=path, stack=path, retained=len(retained))
        return True
    return False


def start(deployment: Deployment, clients: Clients, root: StackView) -> None:
    """Start the deletion of the stack, by its id: another stack may have the same name."""
    if deployment.unprotect:
        _unprotect(deployment, clients)
        if root.termination_protection:
            deployment.confirm_claim()
            clients.cloudformation.set_termination_protection(deployment.stack_id, on=False)
    deployment.confirm_claim()
    retained = retained_by_stack(retained_of(deployment)).get("", [])
    force = bool(deployment.options.get("force"))
    role = deployment.environment.account.stack_role_arn
    if retained or force:
        clients.cloudformation.delete_failed_stack(
            deployment.stack_id,
            str(deployment.token),
            retain=[one.logical_id for one in retained],
            force=force,
            role_arn=role,
        )
    else:
        clients.cloudformation.delete_stack(deployment.stack_id, str(deployment.token), role)
    event_log.add(deployment, "delete.started", stack_name=deployment.environment.stack_name)


def _unprotect(deployment: Deployment, clients: Clients) -> None:
    """Turn off deletion protection through the services' own APIs.

    CloudFormation could only do this in an update, which it rejects after a rollback that failed because of
    a protected database.
    """
    switches = {
        "AWS::RDS::DBCluster": clients.rds.unprotect_cluster,
        "AWS::RDS::DBInstance": clients.rds.unprotect_instance,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": clients.elbv2.unprotect_load_balancer,
    }
    rows = Resource.objects.filter(stack__deployment=deployment).exclude(physical_id="")
    protected = [row for row in rows.filter(type__in=switches) if row.status != DELETED]
    if any(row.type == "AWS::RDS::DBCluster" for row in protected):
        # RDS rejects the call for instances of a cluster: they have no protection of their own.
        protected = [row for row in protected if row.type != "AWS::RDS::DBInstance"]
    for row in protected:
        deployment.confirm_claim()
        with suppress(AwsNotFound):
            switches[row.type](row.physical_id)
    event_log.add(deployment, "delete.unprotected", resources=len(protected))
