"""A function's process: confined, with its code and layers in a folder and an environment of its own."""

import contextlib
import contextvars
import datetime
import json
import os
import queue
import re
import signal
import site
import subprocess
import sys
import sysconfig
import threading
import time
import uuid
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from portal.sandbox.backends.functions import bootstrap
from portal.sandbox.backends.functions.confinement import readable_paths
from portal.sandbox.backends.functions.confinement.modes import confinement
from portal.sandbox.backends.functions.confinement.workspace import Room

# The log stream of the process that served the invocation this thread waits for.
log_stream: contextvars.ContextVar[str | None] = contextvars.ContextVar("log_stream", default=None)

# What of the sandbox's own environment a function may need to reach a package index or verify a certificate.
INHERITED = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", *readable_paths.CERTIFICATES})
WITH_PASSWORD = re.compile(r"://[^/\s]*@")
INIT = 60.0  # seconds in which the module must be loaded; Lambda allows 10 for much faster machines


def install() -> None:
    """Let MiniStack run Python functions in these processes."""
    engine_class_for = lambda_runtime._worker_class_for
    lambda_runtime._worker_class_for = lambda config: (
        FunctionProcess if str(config.get("Runtime", "")).startswith("python3") else engine_class_for(config)
    )
    lambda_runtime._signal = _kill


def end(account: str | None) -> None:
    """End the processes of an account's functions, or of all."""
    with lambda_runtime._lock:
        keys = [key for key in lambda_runtime._workers if account in (None, key.partition(":")[0])]
        doomed = [worker for key in keys for worker in lambda_runtime._workers.pop(key)]
    lambda_runtime.kill_workers(doomed)


class FunctionProcess(lambda_runtime.Worker):  # type: ignore[misc]  # MiniStack has no types
    """One execution environment. The protocol of `invoke` is MiniStack's; starting is ours."""

    def invoke(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Run one invocation; a process that ended is started anew first, and may fail to."""
        answer: dict[str, Any]
        try:
            answer = super().invoke(*arguments, **options)
        except RuntimeError as failed:
            answer = {"status": "error", "error": str(failed), "log": self._drain_stderr_bounded()}
        finally:
            log_stream.set(getattr(self, "log_stream", None))
        return answer

    def _spawn(self) -> None:
        self._discard_tmpdir()
        room = Room(confinement().mode)
        self._tmpdir = str(room.folder)
        _unpack(self.code_zip, room.task)
        for attachment in self.config.get("Layers") or []:
            if content := lambda_svc._resolve_layer_zip(attachment):
                _unpack(content, room.opt)  # over those before it, as on Lambda
        packages = _runtime_packages()
        now = datetime.datetime.now(datetime.UTC)
        self.log_stream = f"{now:%Y/%m/%d}/[{self.config.get('Version', '$LATEST')}]{uuid.uuid4().hex}"
        self._proc = room.start(
            [sys.executable, "-I", "-S", "-u", bootstrap.__file__],
            environment=self._environment(room.seen(room.task), room.seen(room.temporary)),
            folder=room.task,
            readable=[*packages, bootstrap.__file__],
            memory=int(self.config.get("MemorySize") or 128),
            file=int((self.config.get("EphemeralStorage") or {}).get("Size") or 512),
        )
        self._stderr_queue: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read_stderr, name=f"log-{self.func_name}", daemon=True).start()
        self._load(room, packages)
        self._start_time = time.time()

    def _load(self, room: Room, packages: list[str]) -> None:
        """Have the handler loaded. Raises RuntimeError, worded as Lambda does, when that fails."""
        module, _dot, function = str(self.config.get("Handler", "")).rpartition(".")
        start = {
            "code": room.seen(room.task),
            "temporary": room.seen(room.temporary),
            "layer": room.seen(room.opt),
            "packages": packages,
            "module": module.replace("/", "."),
            "handler": function,
            "timeout": self.config.get("Timeout", 3),
        }
        process: Any = self._proc
        late = threading.Timer(INIT, _kill, (process,))
        late.start()
        try:
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

    def _environment(self, code: str, temporary: str) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        config = self.config
        _account, region = lambda_runtime._account_region_from_function_config(config)
        given = {
            str(key): str(part)
            for key, part in ((config.get("Environment") or {}).get("Variables") or {}).items()
        }
        host, port = os.environ.get("MINISTACK_HOST", "127.0.0.1"), os.environ.get("GATEWAY_PORT", "4567")
        name = str(config.get("FunctionName", ""))
        logging = config.get("LoggingConfig") or {}
        return {
            **_inherited(),
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            **given,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **lambda_runtime.execution_credentials(config),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
            "AWS_LAMBDA_LOG_GROUP_NAME": str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "LAMBDA_TASK_ROOT": code,
            "HOME": temporary,
            "TMPDIR": temporary,
            "TZ": ":UTC",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _inherited() -> dict[str, str]:
    """Return what of the sandbox's environment a function gets: no address with a password in it."""
    return {
        key: part
        for key, part in os.environ.items()
        if (key.upper() in INHERITED or key.startswith("PIP_")) and not WITH_PASSWORD.search(part)
    }


def _unpack(content: bytes, folder: Path) -> None:
    """Unpack a zip, refusing entries that would land outside the folder."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for entry in archive.infolist():
            target = (folder / entry.filename).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise RuntimeError(f"The package's entry {entry.filename} lies outside of it.")
            archive.extract(entry, folder)


def _runtime_packages() -> list[str]:
    """Tell where the runtime's packages are: beside the sandbox's own, pip in Python's copy if need be."""
    places = [sysconfig.get_path("purelib"), *site.getsitepackages()]
    if not any((Path(place) / "pip").is_dir() for place in places):
        folders = [
            Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled"),
            Path("/usr/share/python-wheels"),
        ]
        wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
        places += [str(wheel) for wheel in wheels[:1]]
    return list(dict.fromkeys(places))


def _kill(process: "subprocess.Popen[str] | None") -> None:
    """End a process and its children at once; its folder is removed by whoever asked for it."""
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
