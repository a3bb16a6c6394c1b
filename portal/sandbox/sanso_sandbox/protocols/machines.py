"""The interface of machines behind instances for services: launched, configured, checked and terminated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols.databases import Origin

ACTIONS = (
    *("kill", "stop-service", "start-service", "break-service", "repair-service"),
    *("fill-disk", "free-disk"),
)
"""Actions on a machine: failures and repairs. A broken web server returns 500 for every request; only booted
machines have a disk that can be full.
"""
ProbeReason = Literal["", "Target.Timeout", "Target.FailedHealthChecks", "Target.ResponseCodeMismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The instance that a machine is launched for."""

    id: str
    scope: Scope
    private_address: str
    hostname: str
    user_data: str
    is_preconfigured: bool  # user data or an image of the account may have set up a server
    environment: Mapping[str, str] = field(repr=False)  # with the keys of its role


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step in a run of an SSM document, with its parameters inserted."""

    plugin: str
    name: str
    inputs: dict[str, Any]
    folder: str  # folder of the step's output in State Manager, below the run's own prefix
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the document, with the run's values
    # Files for aws:downloadContent with their paths below the folder; None if the source is not S3.
    content: Sequence[tuple[str, bytes]] | None = None
    is_final: bool = False  # runs even if an earlier step has failed (finallyStep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of running commands on a machine."""

    exit_code: int
    stdout: str
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A health check: whether the target passed it, or ELB's reason code and description."""

    healthy: bool
    reason: ProbeReason = ""
    description: str = ""


FAILED = Probe(healthy=False, reason="Target.FailedHealthChecks", description="Health checks failed")
TIMED_OUT = Probe(healthy=False, reason="Target.Timeout", description="Request timed out")


class Cloud(Protocol):
    """The part of EC2 that machines use."""

    def machine_ended(self, instance: Instance) -> None:
        """Terminate the instance of a machine that has ended by itself, or did not boot."""

    def tags_of(self, instance: Instance) -> Mapping[str, str]:
        """Return the instance's current tags."""


class Machines(Protocol):
    """A kind of machine for instances."""

    name: str
    description: str
    checks_are_real: bool  # health checks may block, and run outside of the heartbeat
    setup_timeout: float  # maximum real seconds for configuring a machine, at any time scale; 0 for none
    signals_itself: bool  # its configuration is executed, and sends its signals to CloudFormation
    api_address: str  # an additional address at which machines expect the sandbox's API; empty for none

    def launch(self, instance: Instance) -> None:
        """Start the machine of a new instance; return without waiting."""

    def is_up(self, instance_id: str) -> bool:
        """Return whether the machine has booted, so that its agent responds."""

    def terminate(self, instance_id: str) -> None:
        """End the machine in the background; unknown instances are ignored."""

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Run shell commands in sequence as root on the machine, and wait for their end."""

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Run a step of an SSM document on the machine and wait for its end.

        The steps of a run share a working folder: aws:downloadContent writes into it, aws:runShellScript
        starts in it.
        """

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Make a health check of a load balancer within `timeout` seconds.

        Args:
            protocol: ELB's health check protocol, such as TCP or HTTP.
            matcher: the HTTP codes that count as healthy, in ELB's notation, such as "200-399".
        """

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Record that an association will run on the machine."""

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Record that an association has run on the machine, and whether it succeeded."""

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return the address and port on this host for a port of the machine; None if there is none."""

    def origins(self, instance_id: str) -> frozenset[Origin]:
        """Return where connections of the machine come from on this host; nothing if it opens none."""

    def scope_of(self, instance_id: str) -> Scope:
        """Return the account and region of the machine. Raises KeyError if there is none."""

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """Return descriptions for the control API of an account's machines, or of all."""

    def log(self, instance_id: str) -> str:
        """Return the end of the machine's access log. Raises KeyError for an unknown machine."""

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Execute one of ACTIONS on the machine and return its description.

        Raises KeyError for an unknown machine, and ValueError if it has no service or not the right one.
        """

    def stop(self) -> None:
        """Stop all machines and wait until they have ended."""
