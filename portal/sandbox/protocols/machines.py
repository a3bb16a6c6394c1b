"""What an instance can be, as services see it: a machine that is launched, configured, checked and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from portal.sandbox.engine.registry import Scope

ACTIONS = ("kill", "stop-service", "start-service", "break-service", "repair-service")
"""What can be done to a machine on purpose. A web server that is broken answers everything with 500."""
ProbeReason = Literal["", "Target.Timeout", "Target.FailedHealthChecks", "Target.ResponseCodeMismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What a machine is launched for."""

    id: str
    scope: Scope
    private_address: str
    hostname: str
    user_data: str
    is_preconfigured: bool  # user data or an image of the account's own may have made a server of it
    environment: Mapping[str, str] = field(repr=False)  # the keys of its role


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run of an SSM document, its parameters put in."""

    plugin: str
    name: str
    inputs: dict[str, Any]
    folder: str  # where State Manager puts the step's output, below the run's own prefix
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the document, as the run has them
    # What aws:downloadContent brings, each with its path below the folder; None when the source is not S3.
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
    """One health check: whether the target passed it, else ELB's reason code and its sentence."""

    healthy: bool
    reason: ProbeReason = ""
    description: str = ""


FAILED = Probe(healthy=False, reason="Target.FailedHealthChecks", description="Health checks failed")


class Cloud(Protocol):
    """What machines need of EC2."""

    def machine_ended(self, instance: Instance) -> None:
        """Terminate the instance of a machine that ended by itself, or never booted."""

    def tags_of(self, instance: Instance) -> Mapping[str, str]:
        """Return the instance's tags as they are now."""


class Machines(Protocol):
    """A kind of machine that instances can be."""

    name: str
    description: str
    checks_are_real: bool  # a health check may block, and is made outside of the heartbeat
    setup_timeout: float  # seconds that configuring one may really take, at any time scale; 0 where none
    signals_itself: bool  # its configuration runs, and so sends its signals to CloudFormation
    api_address: str  # at which machines expect the sandbox's API, besides its own; empty for none

    def launch(self, instance: Instance) -> None:
        """Start the machine of a newly launched instance; return at once."""

    def is_up(self, instance_id: str) -> bool:
        """Return whether the machine has booted, so that the agent on it answers."""

    def terminate(self, instance_id: str) -> None:
        """End the machine, in the background; an unknown instance is ignored."""

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Run shell commands, one after the other, as root on the machine, and wait for their end."""

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Run one step of an SSM document on the machine and wait for its end.

        The steps of one run share a working folder: aws:downloadContent fills it, aws:runShellScript
        starts in it.
        """

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Make one health check of a load balancer, which may take as long as timeout says, in seconds.

        Args:
            protocol: ELB's health check protocol, such as TCP or HTTP.
            matcher: the HTTP codes that count as healthy, in ELB's notation, such as "200-399".
        """

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Note that an association is to run on the machine."""

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Note that an association has run on the machine, and whether it succeeded."""

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return the address and port on this host of a port of the machine; None if it has none."""

    def scope_of(self, instance_id: str) -> Scope:
        """Return the account and region of the machine. Raises KeyError when there is none."""

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """Describe the machines of an account, or all, for the control API."""

    def log(self, instance_id: str) -> str:
        """Return the end of the machine's access log. Raises KeyError for an unknown machine."""

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Do one of ACTIONS to the machine and describe it.

        Raises KeyError for an unknown machine, and ValueError when it has no service, or none that can do so.
        """

    def stop(self) -> None:
        """End every machine and wait until all are gone."""
