"""Assembles the sandbox and serves requests until it is stopped.

A service is a module with `install() -> None`, which patches MiniStack's registries before the first request.
It may also have
    reset(account: str | None)        delete the data of an account, or of all accounts
    stop() -> None                    stop its processes and threads, and remove its files
Resource handlers have MiniStack's form in provisioners._RESOURCE_HANDLERS: create(logical_id, properties,
stack_name) -> (physical id, attributes), and so on. A handler that is not MiniStack's own runs in a separate
thread, so it may block. Slow work should be in the entry's "stabilize", a coroutine function (physical_id,
properties, stack_name) -> attributes or None: it is awaited after the event "Resource creation Initiated" and
after an update, may be canceled at any await, and raises ValueError with a reason.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Final

import ministack.app
from ministack.core import lambda_runtime

from sanso_sandbox.backends import choice
from sanso_sandbox.backends.machines.booted import init
from sanso_sandbox.engine import access_keys, cloudformation, fixes, heartbeat, time_scale, web_server
from sanso_sandbox.protocols import in_use
from sanso_sandbox.server.authorized_calls import AuthorizedCalls
from sanso_sandbox.server.checked_responses import checked
from sanso_sandbox.server.control_api import ControlApi
from sanso_sandbox.server.fault_middleware import FaultMiddleware
from sanso_sandbox.server.recorded_calls import RecordedCalls
from sanso_sandbox.server.signed_calls import SignedCalls
from sanso_sandbox.server.web_pages import NoForeignPages
from sanso_sandbox.services import (
    accessanalyzer,
    autoscaling,
    cloudtrail,
    cloudwatch,
    ec2,
    elbv2,
    iam,
    lambda_,
    names,
    rds,
    secretsmanager,
    servicequotas,
    ssm,
)
from sanso_sandbox.services.ec2.cloud import Ec2Cloud
from sanso_sandbox.services.iam import accounts
from sanso_sandbox.supervision import descendants
from sanso_sandbox.supervision.protection import protect

logger = logging.getLogger(__name__)

# In the order of installation; they are stopped in reverse order.
SERVICES: Final = (
    *(cloudformation, fixes),
    *(ec2, elbv2, autoscaling, rds, secretsmanager, ssm, lambda_, iam, cloudtrail, cloudwatch, names),
    *(servicequotas, accessanalyzer),
)


def main() -> int:
    """Serve until SIGTERM, SIGINT or the end of the input; return the exit code, 2 if it cannot start."""
    protect()
    descendants.adopt()  # to reap remaining processes of machines that were booting
    logging.basicConfig(
        level=os.environ["LOG_LEVEL"],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    folder = Path(os.environ["SANSO_SANDBOX_DATA"])
    listener = socket.socket(fileno=int(sys.argv[1]))
    try:
        access_keys.open_keyring(Path(os.environ.get("SANSO_SANDBOX_TOKEN_FILE") or folder / "token"))
        in_use.use(choice.choose(folder, Ec2Cloud()))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"The sandbox cannot start: {problem}\n")
        return 2
    time_scale.change(float(os.environ["SANSO_SANDBOX_PACE"]))
    asyncio.run(_serve(listener, folder))
    sys.stderr.flush()
    descendants.end_and_remove(Path(sys.argv[2]))
    init.remove_groups()
    # Threads that wait for a function's response must not delay the exit; all cleanup is done by now.
    os._exit(0)


async def _serve(listener: socket.socket, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_stop_with_input, args=(loop, stop), name="input", daemon=True).start()
    try:
        for service in SERVICES:
            service.install()
        heartbeat.start()
        accounts.install(folder)
        authorized = AuthorizedCalls(checked(ministack.app.app, folder))
        calls = SignedCalls(RecordedCalls(FaultMiddleware(authorized)))
        application = NoForeignPages(ControlApi(calls, SERVICES))
        binds = [f"fd://{listener.fileno()}"]
        if address := in_use.machines().api_address:
            binds.append(f"{address}:{listener.getsockname()[1]}")
        await web_server.serve(application, binds, stop)
    finally:
        _stop_services()


def _stop_with_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop at the end of the input, which means that the parent process has died."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _stop_services() -> None:
    """Stop every service, even if another one fails to stop."""
    lambda_runtime.reset()  # ends the processes of functions
    for service in reversed(SERVICES):
        _stop(service)


def _stop(service: ModuleType) -> None:
    if hasattr(service, "stop"):
        try:
            service.stop()
        except Exception:
            logger.exception("%s did not stop cleanly.", service.__name__)
