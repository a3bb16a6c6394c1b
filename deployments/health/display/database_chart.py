"""The chart of a database: connections and replica lag over time, with failovers and deployments as marks.

A line has a gap where CloudWatch has no value; a metric without any value has no chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.display.chart_axis import ChartAxis, Step, axis_top, deployment_name
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.rules.database_metrics import LATE, PERIOD
from deployments.health.rules.observations import Observations

CHART = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One axis of values with its lines, the second one dashed; "" for a line without values."""

    top: int
    unit: str
    first: str
    second: str
    label: str

    @property
    def middle(self) -> int:
        """Return the value in the middle of the axis."""
        return self.top // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChart:
    """The metrics of one cluster; `latest` are those of a period that has just ended or has not yet."""

    cluster_id: str
    rows: Sequence[DatabaseMetrics]
    latest: DatabaseMetrics | None
    failovers: Sequence[DatabaseFailover]
    last_failover_at: datetime | None
    deployments: Sequence[Deployment]
    axis: ChartAxis
    connections: Plot | None
    lag: Plot | None

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Return the places and names of the deployments."""
        return self.axis.marks(self.deployments)

    @property
    def failover_marks(self) -> list[tuple[str, str]]:
        """Return the places and names of the failovers."""
        return [(self.axis.percent(one.at), failover_name(one)) for one in self.failovers]

    @property
    def failover_list(self) -> list[tuple[str, datetime]]:
        """Return the names and times of the failovers."""
        return [(failover_name(one), one.at) for one in self.failovers]


def failover_name(one: DatabaseFailover) -> str:
    """Return what a failover changed."""
    return _("Failover from %(previous)s to %(writer)s") % {
        "previous": one.previous_writer_id,
        "writer": one.writer_id,
    }


def database_charts(environment: Environment, facts: Observations, now: datetime) -> list[DatabaseChart]:
    """Return a chart for each cluster of an environment, the one in use first."""
    rows = list(DatabaseMetrics.objects.of(environment).since(now - CHART))
    start = max(now - CHART, min((row.start for row in rows), default=now), environment.created_at)
    axis = ChartAxis(start=start, now=now)
    failovers = list(DatabaseFailover.objects.newest_of(environment))
    deployments = list(Deployment.objects.of(environment).that_changed_stacks().begun_since(start))
    clusters = sorted(facts.clusters, key=lambda one: not facts.is_in_use(one.cluster_id))
    return [
        _chart(
            cluster.cluster_id,
            axis,
            [row for row in rows if row.cluster_id == cluster.cluster_id],
            [one for one in failovers if one.cluster_id == cluster.cluster_id],
            deployments,
        )
        for cluster in clusters
    ]


def _chart(
    cluster_id: str,
    axis: ChartAxis,
    rows: Sequence[DatabaseMetrics],
    failovers: Sequence[DatabaseFailover],
    deployments: Sequence[Deployment],
) -> DatabaseChart:
    recent = [one for one in failovers if one.at >= axis.start]
    events = [failover_name(one) for one in recent] + [deployment_name(one) for one in deployments]
    writer, readers, lag = (
        [
            (max(row.start, axis.start), min(row.start + PERIOD, axis.now), getattr(row, name))
            for row in rows
            if row.start < axis.now
        ]
        for name in ("writer_connections", "reader_connections", "replica_lag_ms")
    )
    return DatabaseChart(
        cluster_id=cluster_id,
        rows=rows,
        latest=rows[-1] if rows and axis.now - rows[-1].start < PERIOD + LATE else None,
        failovers=recent,
        last_failover_at=failovers[0].at if failovers else None,
        deployments=deployments,
        axis=axis,
        connections=_plot(axis, (writer, readers), "", _("Connections"), events),
        lag=_plot(axis, (lag, []), "ms", _("Replica lag"), events),
    )


def _plot(
    axis: ChartAxis,
    lines: tuple[Sequence[Step], Sequence[Step]],
    unit: str,
    name: str,
    events: Sequence[str],
) -> Plot | None:
    values = [value for line in lines for _begin, _end, value in line if value is not None]
    if not values:
        return None
    top = axis_top(max(values))
    first, second = (axis.path(line, top) for line in lines)
    return Plot(top=top, unit=unit, first=first, second=second, label=_label(name, unit, values, events))


def _label(name: str, unit: str, values: Iterable[float], events: Sequence[str]) -> str:
    known = sorted(values)
    low, high = floatformat(known[0]), floatformat(known[-1])
    text = _("%(name)s: between %(low)s and %(high)s.") % {
        "name": name,
        "low": low,
        "high": f"{high} {unit}".strip(),
    }
    if events:
        text += " " + _("Events: %(names)s.") % {"names": ", ".join(events)}
    return text
