"""`make run` with its data in a separate folder."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from portal.supervisor.listening import socket_path
from tests.services import LOOPBACK, REPOSITORY, Service, free_port, wait_until

START_SECONDS = 600
CHOSEN_BY_RUN = ("DATABASE_URL", "REDIS_URL", "SANSO_SANDBOX_URL", "SANSO_SANDBOX_TOKEN_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The address of the portal, and the environment of processes that use its database and sandbox."""

    url: str
    data: Path
    environment: dict[str, str]


@contextmanager
def running_portal(folder: Path, **settings: str) -> Iterator[Run]:
    """Run the portal with its data in a folder, and further settings, until the block ends."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_RUN}
    own = {
        "SANSO_DATA_DIR": str(folder / "data"),
        "SANSO_LOCAL_SOURCES": str(folder / "sources"),
        "SANSO_NOTIFY_ADDRESSES": f"{LOOPBACK}/32",
        # No machines and no database server, which screens do not show: this saves time.
        "SANSO_SANDBOX_MACHINES": "processes",
        "SANSO_SANDBOX_DATABASE": "embedded",
        "PORT": str(port),
    }
    service = Service(
        command=[sys.executable, str(REPOSITORY / "manage.py"), "run"],
        folder=folder,
        port=port,
        answers=lambda: True,  # it starts more slowly than the servers of tests
        environment=inherited | own | settings,
    )
    service.start()
    try:
        is_up = lambda: _is_ready(port) or not service.is_running()  # noqa: E731
        wait_until(is_up, seconds=START_SECONDS, what="the portal")
        assert service.is_running(), service.log.read_text(errors="replace")[-3000:]
        environment = inherited | own | settings | for_this_process(folder / "data")
        yield Run(url=f"http://localhost:{port}", data=folder / "data", environment=environment)
    finally:
        service.stop()


def for_this_process(data: Path) -> dict[str, str]:
    """Return the variables that another process needs besides the settings of the run."""
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright runs a loop in the thread of the screens
        "REDIS_URL": f"unix://{quote(str(socket_path(data / 'redis')))}?db=0",
    }


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
