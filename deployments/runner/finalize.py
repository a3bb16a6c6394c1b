"""The end of a deployment: its state, its environment's row and the last event change together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from deployments.core.intervals import OBSERVE_DELAY
from deployments.core.phases import Kind, State
from deployments.errors import Sentence
from deployments.models import Deployment, Environment
from deployments.runner import event_log, expectations


def finalize(
    deployment: Deployment,
    state: State,
    status: str,
    outputs: dict[str, str],
    code: str,
    sentence: Sentence,
    **more: Any,
) -> None:
    """End the deployment. `status` is the root stack's; `more` are further fields of the row."""
    now = timezone.now()
    message = str(sentence)
    gone = status == "DELETE_COMPLETE" or code == "StackGone"
    with transaction.atomic():
        deployment.move_to(
            state, error_code=code, error_message=message, error_sentence=sentence.as_json(), **more
        )
        expectations.learn(deployment)
        values: dict[str, object] = {"stack_status": status, "status_reason": message, "observed_at": now}
        if deployment.kind == Kind.DELETE and state is State.SUCCEEDED:
            values |= {"deleted_at": now, "live_key": None, "due_at": None}
        elif gone:
            values |= {"stack_id": "", "stack_status": "", "outputs": {}, "due_at": None}
        else:
            values |= {"outputs": outputs, "due_at": now + timedelta(seconds=OBSERVE_DELAY)}
        Environment.objects.filter(pk=deployment.environment_id).update(**values)
        event_log.add(
            deployment,
            "ended",
            state=str(state),
            code=code,
            message=message,
            sentence=sentence.as_json(),
        )
