"""The processes of Lambda functions, as services see them."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCode:
    """What a function's process is started with."""

    package: bytes  # a zip
    layers: Sequence[bytes]  # zips, each over those before it
    handler: str
    timeout: float  # seconds of an invocation
    memory: int  # MB
    storage: int  # MB
    trusted: str = ""  # certificates, as PEM


# Given the paths of the code and of the folder for temporary files, as the process sees them.
Environment = Callable[[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProcess:
    """A process that has loaded its handler and answers one JSON line with another; and its folder."""

    process: "subprocess.Popen[str]" = field(repr=False)
    folder: Path


class Functions(Protocol):
    """How functions are run."""

    def about(self) -> dict[str, object]:
        """Describe, for the control API, what functions can reach of this machine."""

    def spawn(
        self, code: FunctionCode, environment: Environment, started: Callable[[FunctionProcess], None]
    ) -> None:
        """Start a function's process and have it load its handler.

        Args:
            started: called with the process before it loads, so that what it prints then is read.

        Raises RuntimeError, with Lambda's message, when it can't be loaded.
        """

    def kill(self, process: "subprocess.Popen[str] | None") -> None:
        """Kill a function's process and its children."""

    def stop(self) -> None:
        """Remove the folders that are left."""
