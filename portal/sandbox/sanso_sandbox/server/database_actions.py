"""Injects failures into databases, announces their maintenance, and lists them, for the control API."""

from typing import Any, Final

from sanso_sandbox.protocols import databases as protocol
from sanso_sandbox.protocols.databases import Database
from sanso_sandbox.services.rds import databases, maintenance

ANNOUNCE: Final = "announce_maintenance"
ACTIONS: Final = (*protocol.ACTIONS, ANNOUNCE)


def describe(account: str | None) -> list[dict[str, Any]]:
    """Return a description of each cluster's database."""
    return [
        {"cluster": identifier, "account": scope.account, **_shape(database)}
        for (scope, identifier), database in databases.of_account(account)
    ]


def act(account: str | None, identifier: str, action: str) -> dict[str, Any]:
    """Kill, stop or freeze a cluster's writer, kill a reader, or fail over; the cluster repairs itself.

    Or announce an update of the operating system of its instances.

    Raises KeyError if there is no such cluster, and ValueError if the action is not possible.
    """
    for (scope, name), database in databases.of_account(account):
        if name == identifier:
            if action == ANNOUNCE:
                with scope.entered():
                    maintenance.announce(identifier)
            affected = identifier if action == ANNOUNCE else database.act(action)
            return {"cluster": name, "account": scope.account, "affected": affected, **_shape(database)}
    raise KeyError(f"database of a cluster {identifier}")


def _shape(database: Database) -> dict[str, Any]:
    endpoint = database.endpoint
    return {
        "writer_endpoint": f"{endpoint.writer}:{endpoint.port}",
        "reader_endpoint": f"{endpoint.reader}:{endpoint.port}",
        "instances": [
            {
                "instance": one.instance,
                "address": f"{one.address[0]}:{one.address[1]}",
                "role": "writer" if one.writes else "reader",
                "answers": one.answers,
                "follows": one.follows,
                "lag_ms": one.lag_ms,
            }
            for one in database.members()
        ],
    }
