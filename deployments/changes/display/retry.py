"""The form of a change with the values of one that failed: its address, and the field with the cursor."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.cause import RecognizedCause, named_parameter
from deployments.stacks.models.stacks import STACK_TYPE


def is_retriable(deployment: Deployment) -> bool:
    """Return whether the form of a change can be opened with the values of a failed one."""
    is_change = deployment.kind == Kind.UPDATE and deployment.operation != "take_over"
    status = deployment.environment.stack_status
    return is_change and deployment.is_failed_change and is_allowed(status, Operation.CHANGE)


def retry_url(deployment: Deployment, known: RecognizedCause | None) -> str:
    """Return the address of the form with the values of a failed change, at the field of the cause."""
    names = list(dict.fromkeys([*deployment.parameters, *deployment.environment.parameters]))
    field = named_parameter(known, names)
    query = {"from": str(deployment.pk)} | ({"field": field} if field else {})
    return f"{reverse('environment_change', args=[deployment.environment_id])}?{urlencode(query)}"


def cause_of_rejection(deployment: Deployment) -> RecognizedCause | None:
    """Return the known cause for which CloudFormation rejected a change set; None for another failure."""
    if deployment.error_code != "ChangeSetFailed":
        return None
    params = (deployment.error_sentence or {}).get("params")
    reason = params.get("reason", "") if isinstance(params, dict) else ""
    return recognize(STACK_TYPE, str(reason))
