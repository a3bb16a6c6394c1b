"""The services of the live page's benchmark, deployments to follow, and rows of its table."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import django

from tests.mariadb import MariaDB, start_mariadb
from tests.services import Redis, start_redis

if TYPE_CHECKING:
    from deployments.environments.models.deployments import Deployment
    from tests.flows.web import Web


@dataclass
class LiveServices:
    """The services, and the user who logs in."""

    folder: Path
    mariadb: MariaDB
    redis: Redis
    web: Web
    session: str

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}"


def prepare(folder: Path) -> LiveServices:
    """Start all services and set up Django."""
    from tests.conftest import choose_environment

    choose_environment("mariadb")
    os.environ["SANSO_DATA_DIR"] = str(folder / "data")
    os.environ |= {"SANSO_STREAMS_PER_SESSION": "500", "SANSO_STREAMS_PER_USER": "500"}
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    database, redis = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["REDIS_URL"])
    servers = (
        start_mariadb(folder / "mariadb", port=database.port),
        start_redis(folder / "redis", port=redis.port),
    )
    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from tests.flows.web import start_web
    from tests.live import scenes

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(scenes.make_user("ana"))
    web = start_web(folder / "web", dict(os.environ))
    return LiveServices(folder, *servers, web, client.cookies["sessionid"].value)


def make(count: int = 0) -> Deployment:
    """Create a deployment of nine stacks in progress."""
    from tests.live import scenes
    from tests.live.many_events import many_events

    deployment = scenes.make_deployment()
    scenes.add_stacks(deployment)
    if count:
        many_events(deployment, count, repeats=True)
    return scenes.reload(deployment)


def write(deployment: Deployment, number: int) -> float:
    """Write one event, and return the time of its commit. The hint is sent after the commit."""
    from deployments.live import new_events
    from deployments.stacks.models.stacks import Stack
    from tests.live import scenes

    committed: list[float] = []
    announce = new_events.announce

    def noting(deployment_pk: int, seq: int) -> None:
        committed.append(time.time())
        announce(deployment_pk, seq)

    stack = Stack.objects.get(deployment=deployment, path="Network")
    status = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")[number % 3]
    new_events.announce = noting
    try:
        scenes.add_events(deployment, scenes.event(stack, f"Network{number % 18 + 1}", status))
    finally:
        new_events.announce = announce
    return committed[0]


def goal(what: str, measured: float, most: float, unit: str = " s") -> str:
    met = "yes" if measured <= most else "**no**"
    return f"| {what} | {measured:.3g}{unit} | ≤ {most:g}{unit} | {met} |"


def reported(what: str, measured: float | str, unit: str) -> str:
    value = f"{measured:.3g}" if isinstance(measured, float) else measured
    return f"| {what} | {value} {unit} | | |"
