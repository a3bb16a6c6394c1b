"""The backends of this sandbox, chosen once at the start."""

from dataclasses import dataclass

from sanso_sandbox.protocols.balancers import Balancers
from sanso_sandbox.protocols.databases import Databases
from sanso_sandbox.protocols.functions import Functions
from sanso_sandbox.protocols.machines import Machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """A backend of each kind."""

    machines: Machines
    balancers: Balancers
    databases: Databases
    functions: Functions
    hint: str = ""  # the reason why machines are not of a better kind

    def about(self) -> dict[str, object]:
        """Return a description for the control API."""
        return {
            "machines": self.machines.name,
            "machines_are": self.machines.description,
            **({"machines_hint": self.hint} if self.hint else {}),
            "database": self.databases.name,
            "balancers": self.balancers.name,
            **self.functions.about(),
        }


_backends: Backends | None = None


def use(backends: Backends) -> None:
    """Set the backends for services."""
    global _backends
    _backends = backends


def backends() -> Backends:
    """Return the backends in use. Raises RuntimeError before they are set."""
    if _backends is None:
        raise RuntimeError("the sandbox has not chosen its backends yet")
    return _backends


def machines() -> Machines:
    """Return the machines in use."""
    return backends().machines


def balancers() -> Balancers:
    """Return the load balancers in use."""
    return backends().balancers


def databases() -> Databases:
    """Return the databases in use."""
    return backends().databases


def functions() -> Functions:
    """Return the functions backend in use."""
    return backends().functions
