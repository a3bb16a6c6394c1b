"""Store the dependencies and the expected duration of a deployment, and at its end the measured durations."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.cloudformation import dependencies
from deployments.cloudformation.change_summary import not_computed
from deployments.cloudformation.changes import Changes, Effect
from deployments.cloudformation.dependencies import Edges, Graph
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.timeline import run_of
from deployments.cloudformation.usual_durations import CLOSING_TYPE, PHASE_TYPE
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models import forecast
from deployments.stacks.models.durations import Duration
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.models.timeline import CLOSING, around_the_stacks, operation_for, phase_spans
from deployments.template_sets.models import stored_sets


def at_request(deployment: Deployment) -> None:
    """Store the expected duration of a create, from its template set."""
    graph = graph_of(deployment)
    if graph.types:
        forecast.store(deployment, graph)


def of_create(deployment: Deployment) -> None:
    """Store the dependencies of each resource of a create; its rows exist by then."""
    _write(deployment, graph_of(deployment).edges)


def of_preview(deployment: Deployment, changes: Changes) -> None:
    """Store the expected duration of a previewed change; none if a part of the preview was not computed."""
    if not_computed(changes):
        forecast.forget(deployment)
        return
    types = {one.path: one.type for one in changes.resources if one.effect != Effect.UNCHANGED}
    forecast.store(deployment, _among(types, graph_of(deployment).edges))


def of_update(deployment: Deployment) -> None:
    """Store the dependencies of each resource of an update, and the expected duration of its changes.

    Resources that are probably unchanged take no time.
    """
    edges = graph_of(deployment).edges
    types = _write(deployment, edges)
    changes = Changes.from_json(deployment.changes)
    stays = {one.path for one in changes.resources if one.effect == Effect.UNCHANGED}
    changing = {path: type_ for path, type_ in types.items() if path not in stays}
    forecast.store(deployment, _among(changing, edges), stays=stays)


def _among(types: Mapping[str, str], edges: Edges) -> Graph:
    """Return the graph of these resources only."""
    inside = {path: tuple(edge for edge in edges.get(path, ()) if edge.path in types) for path in types}
    return Graph(types, inside)


def of_delete(deployment: Deployment) -> None:
    """Store each resource's dependencies of a delete, as they were at creation, and its expected duration."""
    known: dict[str, list[list[str]]] = {}
    for row in Resource.objects.of_environment(deployment.environment).with_dependencies():
        known[row.path] = row.depends_on
    edges = {path: dependencies.from_rows(stored) for path, stored in known.items()}
    types = _write(deployment, edges)
    forecast.store(deployment, Graph(types, {path: edges.get(path, ()) for path in types}))


def graph_of(deployment: Deployment) -> Graph:
    """Return the graph of the deployment's template set; an empty one if the set no longer exists."""
    try:
        template_set = stored_sets.of_deployment(deployment)
    except UserFixable:
        return Graph()
    return dependencies.read(template_set.contents, template_set.root.name, deployment.parameters)


def _write(deployment: Deployment, edges: Edges) -> dict[str, str]:
    """Write the edges into the resources' rows, and return the types of the resources by path."""
    types, changed = {}, []
    for row in Resource.objects.placed_in(deployment):
        types[row.path] = row.type
        depends_on = dependencies.rows(edges.get(row.path, ()))
        if depends_on != row.depends_on:
            row.depends_on = depends_on
            changed.append(row)
    Resource.objects.bulk_update(changed, ["depends_on"], batch_size=200)
    return types


def learn(deployment: Deployment) -> None:
    """Store the duration of each resource and phase that succeeded in this deployment."""
    kind = Kind(deployment.kind)
    operation = operation_for(kind)
    took = _phases(deployment) | _resources(deployment, operation)
    account = deployment.environment.account
    Duration.objects.bulk_create(
        [
            Duration(
                account=account,
                deployment=deployment,
                path=path,
                type=type_,
                operation=operation.value,
                seconds=round(seconds, 3),
            )
            for path, (type_, seconds) in took.items()
            if 0 <= seconds < 7 * 86400
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    for path in Duration.objects.overfull(account, operation.value):
        old = Duration.objects.too_old(account, operation.value, path)
        Duration.objects.filter(pk__in=old).delete()


def _phases(deployment: Deployment) -> dict[str, tuple[str, float]]:
    """Return the duration of each phase that succeeded; of all phases if the deployment succeeded.

    Phases that were skipped have the duration 0.
    """
    spans = phase_spans(deployment, Event.objects.of(deployment).landmarks())
    passed = deployment.state == State.SUCCEEDED
    before, after = around_the_stacks(
        Kind(deployment.kind),
        optional=deployment.optional_phases,
        is_applied=deployment.is_applied_change,
    )
    skipped = dict.fromkeys((*before, *after), (PHASE_TYPE, 0.0)) if passed else {}
    return skipped | {
        path: (PHASE_TYPE, (span.end - span.start) / 1000)
        for path, span in spans.items()
        if span.start is not None and span.end is not None and (passed or path[1:] != deployment.last_phase)
    }


def _resources(deployment: Deployment, operation: OperationKind) -> dict[str, tuple[str, float]]:
    found: dict[str, tuple[str, float]] = {}
    ends: dict[str, int] = {}
    for row in Resource.objects.placed_in(deployment):
        run = run_of(row.changes, operation)
        if run and run.complete and run.seconds and run.end:
            found[row.path] = (row.type, run.seconds)
            around = dependencies.stack_of(row.path)
            ends[around] = max(ends.get(around, 0), run.end)
    return found | _closings(deployment, operation, ends)


def _closings(
    deployment: Deployment, operation: OperationKind, ends: Mapping[str, int]
) -> dict[str, tuple[str, float]]:
    """Return the time that each stack took after its last resource, and the root stack's total duration."""
    found: dict[str, tuple[str, float]] = {}
    of_parents = {
        row.path: run_of(row.changes, operation)
        for row in Resource.objects.placed_in(deployment)
        if row.is_stack
    }
    for stack in Stack.objects.of(deployment):
        run = of_parents.get(stack.path) or run_of(stack.changes, operation)
        if run is None or not run.complete or run.end is None:
            continue
        if stack.path in ends:
            found[stack.path + CLOSING] = (CLOSING_TYPE, max(0, run.end - ends[stack.path]) / 1000)
        if not stack.path and run.seconds:
            found[""] = (STACK, run.seconds)
    return found
