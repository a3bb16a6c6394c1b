"""Servers and functions that open connections: their interfaces, and where on this host they connect from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ministack.services import ec2

from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.databases import Origin
from sanso_sandbox.reachability.network import Node
from sanso_sandbox.services.ec2 import reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A server or a function; without interfaces it is not in a VPC."""

    scope: Scope
    nodes: tuple[Node, ...]
    origins: frozenset[Origin]


_more: list[Callable[[], Iterable[Client]]] = []
_listeners: list[Callable[[], None]] = []


def add(clients: Callable[[], Iterable[Client]]) -> None:
    """Add clients of another service."""
    _more.append(clients)


def listen(listener: Callable[[], None]) -> None:
    """Call `listener` before a new client opens its first connection."""
    _listeners.append(listener)


def started() -> None:
    """Report a new client that may open connections at once."""
    for listener in _listeners:
        listener()


def running() -> list[Client]:
    """Return the clients of every account that have processes on this host."""
    return [*_servers(), *(one for clients in _more for one in clients())]


def _servers() -> Iterator[Client]:
    for (account, region, key), _instance in ec2._instances.all_items():
        origins = in_use.machines().origins(key)
        if origins:
            scope = Scope(account, region)
            with scope.entered():
                node = reach.instance_node(key)
            yield Client(scope=scope, nodes=(node,) if node else (), origins=origins)
