"""The command `sanso env metrics`: connections, replica lag and failovers of a database over time."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from sanso_cli import session
from sanso_cli.options import Name, Output
from sanso_cli.output import Format, show, warn_of_problems
from sanso_cli.texts import _

PERIODS: Final = ("start", "writer_connections", "reader_connections", "replica_lag_ms")
FAILOVERS: Final = ("at", "previous_writer", "writer")
Hours = Annotated[int, typer.Option(min=1, max=24 * 366, help=_("How far back, in hours."))]


def show_metrics(name: Name, hours: Hours = 3, output: Output = Format.TABLE) -> None:
    """Show connections, replica lag and failovers of an environment's databases over time."""
    api = session.client()
    path = f"/environments/{session.environment(api, name)['id']}/database-metrics"
    found = api.get(path, hours=hours)
    if output is not Format.TABLE:
        show(output, found)
        return
    warn_of_problems(found["sources"])
    if not found["clusters"]:
        show(output, [], PERIODS)
    for cluster in found["clusters"]:
        if len(found["clusters"]) > 1:
            typer.echo(cluster["cluster"])
        show(output, cluster["periods"], PERIODS)
        if cluster["failovers"]:
            show(output, cluster["failovers"], FAILOVERS)
