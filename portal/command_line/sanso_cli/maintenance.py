"""The command `sanso env maintenance`: versions of a database, what RDS will apply, the age of secrets."""

from __future__ import annotations

from typing import Final

import typer

from sanso_cli import session
from sanso_cli.options import Name, Output
from sanso_cli.output import Format, show, warn_of_problems
from sanso_cli.texts import _

COLUMNS: Final = ("action", "resource", "applies_at", "apply_after", "forced_at")
SECRETS: Final = ("name", "cluster", "value_created_at", "rotated_at", "rotates_at")


def show_maintenance(name: Name, output: Output = Format.TABLE) -> None:
    """Show versions, support, pending maintenance and the age of secrets of an environment's databases."""
    api = session.client()
    found = api.get(f"/environments/{session.environment(api, name)['id']}/maintenance")
    if output is not Format.TABLE:
        show(output, found)
        return
    warn_of_problems(found["sources"])
    if not found["clusters"]:
        show(output, [], COLUMNS)
    for cluster in found["clusters"]:
        pending = [one | {"resource": one["instance"] or cluster["cluster"]} for one in cluster["pending"]]
        show(output, {key: value for key, value in cluster.items() if key != "pending"})
        if pending:
            show(output, pending, COLUMNS)
        else:
            typer.echo(_("No pending maintenance."))
    if found["secrets"]:
        show(output, found["secrets"], SECRETS)
