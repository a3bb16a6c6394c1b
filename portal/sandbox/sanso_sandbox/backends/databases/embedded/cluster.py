"""A cluster on the embedded database: a single server for both endpoints and all instances."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.databases.embedded.server import Server
from sanso_sandbox.protocols.databases import (
    Address,
    CannotCopy,
    CannotFailOver,
    DatabaseSettings,
    DataCopy,
    Member,
    Origin,
)


class EmbeddedDatabases:
    """Databases that are embedded in this process."""

    name = "embedded"

    def __init__(self) -> None:
        self.authority = certificates.authority().pem
        self._folder = Path(tempfile.mkdtemp(prefix="databases-"))

    def prepare(self) -> None:
        """Do nothing: a server starts at once."""

    def start(self, settings: DatabaseSettings) -> "EmbeddedCluster":
        """Start a cluster's database. Raises OSError."""
        return EmbeddedCluster(self._folder, settings)

    def stop(self) -> None:
        """Remove the folder of the databases."""
        shutil.rmtree(self._folder, ignore_errors=True)


class EmbeddedCluster:
    """A running server with the roles of its instances. Raises OSError if no address is free."""

    def __init__(self, base: Path, settings: DatabaseSettings) -> None:
        self._server = Server(base, settings)
        self.endpoint = self._server.endpoint
        self._tiers: dict[str, int] = {}
        self._writer = ""

    def add(self, instance: str, tier: int) -> Address:
        """Add an instance as another name of the server."""
        self._tiers[instance] = tier
        self._writer = self._writer or instance
        return self._address(instance)

    def _address(self, instance: str) -> Address:
        host = self.endpoint.writer if instance == self._writer else self.endpoint.reader
        return host, self.endpoint.port

    def remove(self, instance: str) -> None:
        """Remove the name of an instance."""
        self._tiers.pop(instance, None)
        if instance == self._writer:
            self._writer = min(self._tiers, key=lambda name: self._tiers[name], default="")

    def rank(self, tiers: dict[str, int]) -> None:
        """Store the instances' promotion tiers."""
        self._tiers = {name: tiers.get(name, tier) for name, tier in self._tiers.items()}

    def members(self) -> list[Member]:
        """Return the instances with their roles."""
        return [
            Member(
                instance=name,
                address=self._address(name),
                writes=name == self._writer,
                answers=True,
                follows=name != self._writer,
                lag_ms=None if name == self._writer else 0.0,
                connections=self._server.connections(self._address(name)[0]),
            )
            for name in self._tiers
        ]

    def keep_out(self, origins: Mapping[str, frozenset[Origin]]) -> None:
        """Give new connections from these origins no response, by the name that they are opened to."""
        self._server.kept_out = {self._address(name)[0]: found for name, found in origins.items()}

    def fail_over(self, instance: str) -> None:
        """Swap the roles of two instances; the server stays the same."""
        if instance not in self._tiers or instance == self._writer:
            raise CannotFailOver("Cluster has no reader to fail over to.")
        self._writer = instance

    def reboot(self, instance: str) -> None:
        """Do nothing: the only server runs in this process."""

    def act(self, action: str) -> str:
        """Fail over; other actions are rejected, since the only server runs in this process."""
        if action != "failover":
            raise ValueError(f"the embedded database has no server of its own to {action.replace('_', ' ')}")
        readers = [name for name in self._tiers if name != self._writer]
        if not readers:
            raise ValueError("the cluster has no reader to fail over to")
        self.fail_over(min(readers, key=lambda name: self._tiers[name]))
        return self._writer

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password."""
        self._server.set_password(user, password)

    def copy(self, before: int | None = None) -> DataCopy:
        """Raise CannotCopy: snapshots are records without data, and there is no log."""
        raise CannotCopy("The embedded database of this sandbox copies no data; install MariaDB.")

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._server.stop()
