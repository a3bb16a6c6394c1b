"""A booted machine for tests, like the sandbox's instances."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox_tests.booted.trees import base_tree
from sanso_sandbox.backends.machines.booted import base_tree as trees
from sanso_sandbox.backends.machines.booted import machine
from sanso_sandbox.backends.machines.booted.requirements import why_not

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
