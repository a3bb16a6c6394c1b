"""Read the stacks and resources of a deployment for a comparison, in two queries per deployment."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.core.compare import ComparedPart
from deployments.core.phases import Kind
from deployments.core.timeline import OperationRun, in_ms, run_of
from deployments.models.deployment import Deployment
from deployments.models.stack import STACK_TYPE, Stack
from deployments.models.timeline import operation_for


def parts_of(deployment: Deployment) -> list[ComparedPart]:
    """Return every stack and resource with the result of the deployment's own operation.

    A later rollback is left out: its duration is not comparable.
    """
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    found = dict(_resources(deployment, stacks))
    for stack in stacks:
        run = run_of(stack.changes, operation_for(Kind(deployment.kind)))
        if run is not None or stack.path not in found:
            found[stack.path] = _part(deployment, stack.path, STACK_TYPE, run)
    return list(found.values())


def _resources(deployment: Deployment, stacks: list[Stack]) -> Iterator[tuple[str, ComparedPart]]:
    for stack in stacks:
        for resource in stack.resources.all():
            path = f"{stack.path}/{resource.logical_id}".lstrip("/")
            run = run_of(resource.changes, operation_for(Kind(deployment.kind)))
            yield path, _part(deployment, path, resource.type, run)


def _part(deployment: Deployment, path: str, type_: str, run: OperationRun | None) -> ComparedPart:
    if run is None:
        return ComparedPart(path=path, type=type_)
    began = (run.start - in_ms(deployment.began_at)) / 1000
    return ComparedPart(path=path, type=type_, began=began, seconds=run.seconds, status=run.status)
