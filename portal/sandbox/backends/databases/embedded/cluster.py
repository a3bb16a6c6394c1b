"""A cluster with the embedded stand-in: one server behind both endpoints and under every instance's name."""

from pathlib import Path

from portal.sandbox.backends.databases.embedded.server import Embedded
from portal.sandbox.backends.databases.endpoints import Place
from portal.sandbox.protocols.databases import CannotFailOver, Member


class Alone:
    """A running stand-in with the roles of its instances. Raises OSError when no address can be had."""

    def __init__(
        self, base: Path, *, port: int, user: str, password: str, database: str, parameters: dict[str, str]
    ) -> None:
        self._server = Embedded(
            base, port=port, user=user, password=password, database=database, parameters=parameters
        )
        self.endpoint = self._server.endpoint
        self._tiers: dict[str, int] = {}
        self._writer = ""

    def add(self, instance: str, tier: int) -> Place:
        """Call the server by one more name."""
        self._tiers[instance] = tier
        self._writer = self._writer or instance
        return self._place(instance)

    def _place(self, instance: str) -> Place:
        host = self.endpoint.writer if instance == self._writer else self.endpoint.reader
        return host, self.endpoint.port

    def remove(self, instance: str) -> None:
        """Call the server by that name no more."""
        self._tiers.pop(instance, None)
        if instance == self._writer:
            self._writer = min(self._tiers, key=lambda name: self._tiers[name], default="")

    def rank(self, tiers: dict[str, int]) -> None:
        """Take note of the instances' promotion tiers."""
        self._tiers = {name: tiers.get(name, tier) for name, tier in self._tiers.items()}

    def members(self) -> list[Member]:
        """Tell the names and their roles."""
        return [
            Member(
                instance=name,
                place=self._place(name),
                writes=name == self._writer,
                answers=True,
                follows=name != self._writer,
                lag_ms=None if name == self._writer else 0.0,
            )
            for name in self._tiers
        ]

    def fail_over(self, instance: str) -> None:
        """Swap the names; the server behind them stays the same one."""
        if instance not in self._tiers or instance == self._writer:
            raise CannotFailOver("Cluster has no reader to fail over to.")
        self._writer = instance

    def reboot(self, instance: str) -> None:
        """There is one server and it is this process, which stays."""

    def act(self, action: str) -> str:
        """There is one server and it is this process; only names can fail over."""
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

    def stop(self) -> None:
        """End the server and remove its data."""
        self._server.stop()
