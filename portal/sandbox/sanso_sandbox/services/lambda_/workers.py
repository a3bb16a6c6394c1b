"""MiniStack's workers of functions, with the sandbox's own processes."""

import contextlib
import contextvars
import datetime
import os
import queue
import re
import ssl
import subprocess
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from sanso_sandbox.engine.registry import Properties, Scope, handler, here
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.functions import FunctionCode, FunctionProcess
from sanso_sandbox.services.ec2 import clients, reach
from sanso_sandbox.services.ec2.clients import Client
from sanso_sandbox.services.lambda_ import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An invocation that has ended: the log stream of its process, and its begin in milliseconds."""

    request_id: str
    stream: str | None
    began: int


# The latest invocation that this thread served.
served: contextvars.ContextVar[Served | None] = contextvars.ContextVar("served", default=None)
LOG_SECONDS = 5.0
"""How long to wait for the end of an invocation's output, which has been written when its answer arrives."""


# Variables of the sandbox's environment that a function may need for a package index or certificates.
INHERITED = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT"),
    }
)
WITH_PASSWORD = re.compile(r"://[^/\s]*@")


def install() -> None:
    """Make MiniStack run Python functions in these processes, which end with their function."""
    engine_class_for = lambda_runtime._worker_class_for
    lambda_runtime._worker_class_for = lambda config: (
        Worker if str(config.get("Runtime", "")).startswith("python3") else engine_class_for(config)
    )
    lambda_runtime._signal = _kill
    clients.add(_clients)
    function = handler("AWS::Lambda::Function")
    function["delete"] = _ending(function["delete"])


def _clients() -> Iterator[Client]:
    """Yield the functions that have a process: their interfaces, and the process group of each."""
    for worker in list(_spawned):
        process: subprocess.Popen[str] | None = getattr(worker, "_proc", None)
        if process is None or process.poll() is not None:
            continue
        scope = Scope(*lambda_runtime._account_region_from_function_config(worker.config))
        with scope.entered():
            nodes = routes.nodes_of(worker.config, reach.network())
        yield Client(scope=scope, nodes=tuple(nodes), origins=frozenset({process.pid}))


def _ending(delete: Callable[..., None]) -> Callable[..., None]:
    def ended(physical_id: str, properties: Properties) -> None:
        delete(physical_id, properties)
        scope = here()
        lambda_svc.invalidate_worker(physical_id, account=scope.account, region=scope.region)

    return ended


def end(account: str | None) -> None:
    """End the processes of an account's functions, or of all functions."""
    with lambda_runtime._lock:
        keys = [key for key in lambda_runtime._workers if account in (None, key.partition(":")[0])]
        doomed = [worker for key in keys for worker in lambda_runtime._workers.pop(key)]
    lambda_runtime.kill_workers(doomed)


def _read(output: "IO[str] | None", queue_: "queue.Queue[str]", log_end: str) -> None:
    """Put the lines of a process's output into a queue, and the mark of their end at the end."""
    with contextlib.suppress(OSError, ValueError):
        for line in output or ():
            queue_.put(line.rstrip("\n"))
    queue_.put(log_end)


_spawned: "weakref.WeakSet[Worker]" = weakref.WeakSet()


class Worker(lambda_runtime.Worker):  # type: ignore[misc]  # MiniStack has no types
    """An execution environment. The protocol of `invoke` is MiniStack's; the process and its log are not."""

    _log_end = ""  # of the process, once it has started

    def invoke(self, event: Any, request_id: str, **options: Any) -> dict[str, Any]:
        """Run an invocation; an ended process is restarted first, which may fail."""
        answer: dict[str, Any]
        began = int(time.time() * 1000)
        if getattr(self, "endpoints", None) not in (None, routes.endpoints(self.config)):
            self.kill()  # its network has changed since the start
        try:
            answer = super().invoke(event, request_id, **options)
        except RuntimeError as failed:
            answer = {"status": "error", "error": str(failed), "log": self._drain_stderr_bounded()}
        finally:
            stream = getattr(self, "log_stream", None)
            served.set(Served(request_id=request_id, stream=stream, began=began))
        return answer

    def _spawn(self) -> None:
        self._discard_tmpdir()
        self._log_end = ""
        layers = map(lambda_svc._resolve_layer_zip, self.config.get("Layers") or [])
        now = datetime.datetime.now(datetime.UTC)
        self.log_stream = f"{now:%Y/%m/%d}/[{self.config.get('Version', '$LATEST')}]{uuid.uuid4().hex}"
        code = FunctionCode(
            package=self.code_zip,
            layers=[layer for layer in layers if layer],
            handler=str(self.config.get("Handler", "")),
            timeout=float(self.config.get("Timeout", 3)),
            memory=int(self.config.get("MemorySize") or 128),
            trusted=_trusted(),
            storage=int((self.config.get("EphemeralStorage") or {}).get("Size") or 512),
        )
        self.endpoints = routes.endpoints(self.config)
        in_use.functions().spawn(code, self._environment, self._started)
        self._start_time = time.time()

    def _started(self, started: FunctionProcess) -> None:
        self._proc, self._tmpdir = started.process, str(started.folder)
        _spawned.add(self)
        clients.started()
        self._stderr_queue: queue.Queue[str] = queue.Queue()
        self._log_end = started.log_end
        reading = (started.process.stderr, self._stderr_queue, started.log_end)
        threading.Thread(target=_read, args=reading, name=f"log-{self.func_name}", daemon=True).start()

    def _drain_stderr(self) -> str:
        """Return the output so far."""
        return "\n".join(self._lines(seconds=0))

    def _drain_stderr_bounded(self, *_arguments: Any, **_options: Any) -> str:
        """Return the output up to the mark that ends that of an invocation or of the process.

        MiniStack returns what has arrived within a few milliseconds: on a busy machine, less than there is.
        """
        return "\n".join(self._lines(seconds=LOG_SECONDS)) if self._log_end else self._drain_stderr()

    def _lines(self, *, seconds: float) -> Iterator[str]:
        until = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while True:
                line = self._stderr_queue.get(timeout=max(0.0, until - time.monotonic()))
                text, end, _ = line.partition(self._log_end) if self._log_end else (line, "", "")
                if text or not end:
                    yield text
                if end and seconds:
                    return

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
            **self.endpoints,
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
    """Return the sandbox's environment variables for functions, without URLs that contain passwords."""
    return {
        key: part
        for key, part in os.environ.items()
        if (key.upper() in INHERITED or key.startswith("PIP_")) and not WITH_PASSWORD.search(part)
    }


def _trusted() -> str:
    """Return the certificates that a function trusts: this machine's, and the databases' authority."""
    usual = Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or os.devnull)
    return (usual.read_text() if usual.is_file() else "") + in_use.databases().authority


def _kill(process: "subprocess.Popen[str] | None") -> None:
    """End a process like MiniStack's workers do; MiniStack removes its folder."""
    in_use.functions().kill(process)
