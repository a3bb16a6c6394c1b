"""Servers of one environment that the tags of another one's associations match. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from deployments.cloudformation.association_targets import TaggedTargets
from deployments.cloudformation.tagged_servers import TaggedServers

NAMED = 10
"""Maximum number of servers that are named."""
CAUGHT, CATCHING = "preflight.caught", "preflight.catching"
"""Codes of events: servers of others that the environment catches, and its own that another one catches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A running server that is not the environment's; `environment` is its name, "" if it is not known."""

    instance_id: str
    environment: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedSide:
    """Another environment's name ("": not shown) with the targets of its associations."""

    environment: str
    targets: tuple[TaggedTargets, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtServers:
    """An association and the servers that it would configure although they are of another environment.

    With the code CAUGHT, the association is the deployed environment's, and `servers` are ids of servers of
    `environment` ("": of none that can be named). With CATCHING, it is an association of `environment`, and
    `servers` are the paths of what launches the deployed environment's servers.
    """

    code: str
    association: str
    tags: str
    servers: tuple[str, ...]
    environment: str

    @property
    def key(self) -> str:
        """Return what tells it from others of its code."""
        return f"{self.association} {self.environment}".rstrip()

    @property
    def values(self) -> dict[str, str | int]:
        """Return the values of its text, as an event stores them."""
        return {
            "association": self.association,
            "tags": self.tags,
            "count": len(self.servers),
            "servers": ", ".join(self.servers[:NAMED]),
            "environments": self.environment,
        }


def caught(
    targets: Iterable[TaggedTargets],
    servers: Iterable[TaggedServers],
    running: Iterable[RunningServer],
    others: Iterable[DeployedSide],
) -> Iterator[CaughtServers]:
    """Yield what associations would configure across environments.

    `targets` and `servers` are those of the environment to deploy; `running` servers and `others` are not.
    """
    running, servers = list(running), list(servers)
    for one in targets:
        found: dict[str, set[str]] = {}
        for server in running:
            if one.match(server.tags):
                found.setdefault(server.environment, set()).add(server.instance_id)
        for environment, ids in sorted(found.items()):
            yield _caught(CAUGHT, one, ids, environment)
    for other in others:
        for one in other.targets:
            if launched := {server.path for server in servers if one.match(server.tags)}:
                yield _caught(CATCHING, one, launched, other.environment)


def _caught(code: str, targets: TaggedTargets, servers: Iterable[str], environment: str) -> CaughtServers:
    return CaughtServers(
        code=code,
        association=targets.path,
        tags=targets.text,
        servers=tuple(sorted(servers)),
        environment=environment,
    )
