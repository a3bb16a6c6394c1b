"""The interface of the processes of Lambda functions for services."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCode:
    """The code and limits of a function's process."""

    package: bytes  # a zip
    layers: Sequence[bytes]  # zips; later ones replace files of earlier ones
    handler: str
    timeout: float  # seconds for an invocation
    memory: int  # MB
    storage: int  # MB
    trusted: str = ""  # certificates, as PEM


# Takes the paths of the code and of the folder for temporary files in the process; returns its variables.
Environment = Callable[[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProcess:
    """A process with a loaded handler, which answers one JSON line with another, and its folder.

    After each invocation it writes `log_end` to its standard error.
    """

    process: "subprocess.Popen[str]" = field(repr=False)
    folder: Path
    log_end: str


class Functions(Protocol):
    """A way to run functions."""

    def about(self) -> dict[str, object]:
        """Return a description for the control API of what functions can reach on this machine."""

    def spawn(
        self, code: FunctionCode, environment: Environment, started: Callable[[FunctionProcess], None]
    ) -> None:
        """Start a function's process that loads its handler.

        Args:
            started: called with the process before the handler loads, so that its output is read early.

        Raises RuntimeError with Lambda's message if the handler cannot be loaded.
        """

    def kill(self, process: "subprocess.Popen[str] | None") -> None:
        """Kill a function's process and its children."""

    def stop(self) -> None:
        """Remove the remaining folders."""
