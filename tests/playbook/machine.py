"""A booted machine for tests, like the sandbox's instances."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.sandbox.backends.machines.booted import base_tree as trees
from portal.sandbox.backends.machines.booted import machine
from portal.sandbox.backends.machines.booted.requirements import why_not

System = trees.System
__all__ = ["Machine", "System", "base_tree", "booted_machine", "why_not"]


class Machine(machine.Machine):
    """A machine whose commands must succeed."""

    def do(self, *command: str) -> str:
        """Run a command and return its output. Raise RuntimeError with the output if it fails."""
        done = self.run(*command)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command without waiting for its end."""
        return subprocess.Popen(self.command(*command), stdout=subprocess.PIPE, text=True)


def base_tree(system: trees.System = trees.System.AMAZON) -> trees.Base:
    """Return the base tree of the machines, created on the first use. Skip the test if that fails."""
    try:
        return trees.build(system=system)
    except trees.CommandFailed as failed:  # no access to the distribution's packages, for example
        pytest.skip(f"the base tree of the machines cannot be created: {str(failed)[-300:]}")


@contextmanager
def booted_machine(system: trees.System) -> Iterator[Machine]:
    """Boot a machine for the duration of the block."""
    made = base_tree(system)
    with tempfile.TemporaryDirectory(prefix="sanso-machine-") as folder:
        booted = Machine(machine.BootPlan(name=f"i-{system}", folder=Path(folder) / "machine"), made)
        try:
            yield booted
        finally:
            booted.switch_off()
