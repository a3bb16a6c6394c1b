"""A function's process: confined, with its code and layers in a separate folder, and its own environment."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from sanso_sandbox.backends.functions import bootstrap
from sanso_sandbox.backends.functions.confinement.modes import confinement
from sanso_sandbox.backends.functions.confinement.workspace import Workspace, outside
from sanso_sandbox.protocols.functions import Environment, FunctionCode, FunctionProcess

CERTIFICATES = "sandbox-certificates.pem"  # next to the layers
INIT = 60.0  # seconds for loading the module; Lambda allows 10 on much faster machines


class ConfinedFunctions:
    """Functions that run in processes, confined as strictly as this machine supports."""

    def __init__(self) -> None:
        shutil.rmtree(outside(), ignore_errors=True)  # remains of a killed sandbox
        threading.Thread(target=confinement, name="confinement", daemon=True).start()  # to know it early

    def about(self) -> dict[str, object]:
        """Return a description of what functions can reach on this machine."""
        reached = sorted(confinement().reached)
        if not reached:
            return {"functions": "confined", "functions_are": "kept from this user's files and processes"}
        return {
            "functions": "not confined",
            "functions_are": f"run as this user and can reach its {' and '.join(reached)}",
        }

    def spawn(
        self, code: FunctionCode, environment: Environment, started: Callable[[FunctionProcess], None]
    ) -> None:
        """Start a process that loads its handler. Raises RuntimeError with Lambda's message."""
        workspace = Workspace(confinement().mode)
        try:
            _unpack(code.package, workspace.task)
            for layer in code.layers:
                _unpack(layer, workspace.opt)  # later layers replace files of earlier ones, as on Lambda
        except BaseException:
            workspace.remove()
            raise
        (workspace.opt / CERTIFICATES).write_text(code.trusted)
        packages = _runtime_packages()
        task, temporary = workspace.seen(workspace.task), workspace.seen(workspace.temporary)
        process = workspace.start(
            [sys.executable, "-I", "-S", "-u", bootstrap.__file__],
            environment={
                **environment(task, temporary),
                "SSL_CERT_FILE": f"{workspace.seen(workspace.opt)}/{CERTIFICATES}",
            },
            folder=workspace.task,
            readable=[*packages, bootstrap.__file__],
            memory=code.memory,
            file=code.storage,
        )
        log_end = f"\0{secrets.token_hex(16)}"  # no function writes it
        started(FunctionProcess(process=process, folder=workspace.folder, log_end=log_end))
        module, _dot, function = code.handler.rpartition(".")
        _load(
            process,
            {
                "code": task,
                "temporary": temporary,
                "layer": workspace.seen(workspace.opt),
                "packages": packages,
                "module": module.replace("/", "."),
                "handler": function,
                "timeout": code.timeout,
                "log_end": log_end,
            },
        )

    def kill(self, process: "subprocess.Popen[str] | None") -> None:
        """Kill a function's process and its children."""
        if process is not None:
            _kill(process)

    def stop(self) -> None:
        """Remove the remaining folders."""
        shutil.rmtree(outside(), ignore_errors=True)


def _load(process: "subprocess.Popen[str]", start: dict[str, object]) -> None:
    late = threading.Timer(INIT, _kill, (process,))
    late.start()
    line = ""
    try:
        if process.stdin is not None and process.stdout is not None:
            process.stdin.write(json.dumps(start) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
    except OSError:
        line = ""
    finally:
        late.cancel()
    answer = json.loads(line) if line else {"error": "Runtime exited without providing a reason"}
    if answer.get("status") != "ready":
        raise RuntimeError(str(answer["error"]))


def _kill(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _unpack(content: bytes, folder: Path) -> None:
    """Unpack a zip. Raises RuntimeError for entries outside of the folder."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for entry in archive.infolist():
            target = (folder / entry.filename).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise RuntimeError(f"The package's entry {entry.filename} lies outside of it.")
            archive.extract(entry, folder)


def _runtime_packages() -> list[str]:
    """Return the paths of the runtime's packages: the sandbox's own, and Python's bundled pip if needed."""
    paths = [sysconfig.get_path("purelib"), *site.getsitepackages()]
    if not any((Path(path) / "pip").is_dir() for path in paths):
        folders = [
            Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled"),
            Path("/usr/share/python-wheels"),
        ]
        wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
        paths += [str(wheel) for wheel in wheels[:1]]
    return list(dict.fromkeys(paths))
