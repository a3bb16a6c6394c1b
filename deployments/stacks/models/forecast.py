"""The expected duration of a deployment, from its template set and the durations of earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from deployments.cloudformation.dependencies import Graph
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.schedule import Schedule
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.usual_durations import (
    CLOSING_TYPE,
    LAUNCHES_SERVERS,
    PHASE_TYPE,
    DurationHistory,
    DurationSource,
    PastDuration,
    UsualDuration,
)
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import DELETING, Kind, State
from deployments.stacks.models.durations import Duration, DurationQuerySet, Expectation
from deployments.stacks.models.timeline import CLOSING, around_the_stacks, operation_for, usual_in
from deployments.stacks.rules.forecast import Forecast, project

OF_THE_ACCOUNT, OF_OTHERS = 4000, 2000
"""Maximum number of durations that a forecast is computed from: the latest ones."""


@dataclass(frozen=True, slots=True)
class ExpectedDuration:
    """The usual durations by path (a stack's closing has the path `path/`), and the forecast.

    The forecast's times count from the request.
    """

    usual: Mapping[str, UsualDuration]
    forecast: Forecast


def history(account: Account, kind: Kind) -> DurationHistory:
    """Return the earlier durations in the account, and in others of its kind (two queries).

    For an update, groups that launch servers and have no earlier update use the durations of their creation
    (two more queries).
    """
    operation = operation_for(kind)
    past = _past(account, Duration.objects.comparable(account, operation.value))
    if operation is OperationKind.UPDATE:
        measured = {one.path for one in past}
        created = Duration.objects.comparable(account, OperationKind.CREATE.value)
        groups = _past(account, created.filter(type=LAUNCHES_SERVERS))
        past += [one for one in groups if one.path not in measured]
    return DurationHistory(past, operation, account.timings.scale)


def _past(account: Account, rows: DurationQuerySet) -> list[PastDuration]:
    own = rows.in_account(account).as_rows()[:OF_THE_ACCOUNT]
    others = rows.elsewhere(account).as_rows()[:OF_OTHERS]
    past = [PastDuration(path, type_, seconds, here=True) for path, type_, seconds in own]
    return past + [PastDuration(path, type_, seconds, here=False) for path, type_, seconds in others]


def expected_of(
    account: Account, kind: Kind, graph: Graph, *, optional: Set[State] = frozenset()
) -> ExpectedDuration:
    """Return the expected duration of a deployment of this kind in an account."""
    before, after = around_the_stacks(kind, optional=optional, is_applied=kind is Kind.UPDATE)
    backwards = kind in DELETING
    schedule = Schedule(graph.types, graph.edges, backwards=backwards, before=before, after=after)
    known = history(account, kind)
    usual: dict[str, UsualDuration] = {}
    for path in schedule.parts:
        if schedule.is_stack(path):
            usual[path + CLOSING] = known.of(path + CLOSING, CLOSING_TYPE)
            total = known.of(path, STACK)
            if total.source != DurationSource.PRIOR:
                usual[path] = total
        else:
            in_vpc = graph.is_function_in_vpc(path)
            usual[path] = known.of(path, graph.types.get(path, PHASE_TYPE), in_vpc=in_vpc)
    runs = usual[""].runs if "" in usual else 0
    return ExpectedDuration(usual, project(schedule, usual_in(schedule, usual), {}, 0.0, runs=runs).forecast)


def forget(deployment: Deployment) -> None:
    """Delete the expected duration of a deployment: it can no longer be computed."""
    Expectation.objects.filter(deployment=deployment).delete()


def store(deployment: Deployment, graph: Graph, *, stays: Collection[str] = ()) -> None:
    """Store the expected duration of a deployment. The resources at `stays` take no time."""
    expected = expected_of(
        deployment.environment.account,
        Kind(deployment.kind),
        graph,
        optional=deployment.optional_phases,
    )
    end, low, high = expected.forecast.in_seconds(0.0)
    usual = dict.fromkeys(stays, UsualDuration(0.0, 0.0, 0.0)) | dict(expected.usual)
    Expectation.objects.update_or_create(
        deployment=deployment,
        defaults={
            "usual": {path: usual.as_row() for path, usual in usual.items()},
            "seconds": end,
            "low": low,
            "high": high,
            "runs": expected.forecast.runs,
        },
    )
