"""The portal in the benchmark: its processes, and the page of the deployment in a browser.

The account is an ordinary one, so that timings are those for AWS; only AWS_ENDPOINT_URL in the environment
refers to the sandbox.
"""

from __future__ import annotations

import os
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tests.conftest import choose_environment
from tests.services import REPOSITORY, Redis, Sandbox, Service, start_redis, wait_until

if TYPE_CHECKING:
    from tests.flows.web import Web

REGION = "ap-northeast-1"
NOTED = 30.0
"""Seconds for painting the last events after the root stack has ended."""


@dataclass
class Portal:
    """Worker, dispatcher and web process with a separate database."""

    folder: Path
    environment: dict[str, str]
    redis: Redis
    sandbox: Sandbox
    services: list[Service] = field(default_factory=list)

    def stop(self) -> None:
        """Stop all processes."""
        for service in self.services:
            service.kill()
        self.redis.stop()

    def web(self) -> Web:
        """Start a web process."""
        from tests.flows.web import start_web

        server = start_web(self.folder / "web", self.environment)
        self.services.append(server)
        return server

    def follow(self, runner: Any) -> None:
        """Deploy as a user does, and record when each event was painted on the open page."""
        from deployments.environments.models.deployments import Deployment
        from deployments.stacks.models.events import Event
        from tests.benchmarks.paint_times import painted, watching

        keys = self.sandbox.variables(runner.account)
        self.services += programs(self.folder, self.environment | keys | {"AWS_REGION": REGION})
        server = self.web()
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
        user, deployment = send()
        with watching(server.url, user, deployment.pk) as page:

            def is_over() -> bool:
                page.wait_for_timeout(500)
                stack = deployment.stacks.filter(path="").first()
                return not Deployment.objects.active().filter(pk=deployment.pk).exists() or (
                    stack is not None and stack.ended_at is not None
                )

            wait_until(is_over, seconds=40 * 60)
            page.wait_for_timeout(NOTED * 1000)
            times = painted(page)
        # A change set puts every nested stack in "review" minutes before its creation begins.
        events = Event.objects.filter(deployment=deployment, source="cloudformation").exclude(
            status="REVIEW_IN_PROGRESS"
        )
        runner.lags = [times[e.seq] - e.at.timestamp() for e in events if e.seq in times]
        deployment.refresh_from_db()
        if deployment.error_code:
            runner.trouble = f"{deployment.error_code} {deployment.error_sentence}"
        missing = events.count() - len(runner.lags)
        if missing:
            runner.trouble += f" {missing} events were there before the page or never painted"


def programs(folder: Path, environment: dict[str, str]) -> list[Service]:
    """Start a worker and a dispatcher."""
    celery = ("-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "16", "--without-gossip")
    commands = {
        "worker": (*celery, "--without-mingle", "-l", "WARNING"),
        "dispatcher": (str(REPOSITORY / "manage.py"), "dispatch"),
    }
    services = [
        Service(
            command=[sys.executable, *arguments],
            folder=folder / name,
            port=0,
            answers=lambda: True,  # they have no port
            environment=environment,
        )
        for name, arguments in commands.items()
    ]
    for service in services:
        service.start()
    return services


def send(**account: Any) -> tuple[Any, Any]:
    """Request the environment in an account with these values, after a template check in advance."""
    from django.conf import settings

    from deployments.changes.commands.create import request_deployment
    from deployments.environments.models.accounts import Account
    from deployments.template_sets import template_files
    from deployments.template_sets.models.stored_sets import TemplateCheck
    from tests.benchmarks.trial_environments import TRIAL
    from tests.builders import make_operator

    TemplateCheck.objects.create(digest=template_files.load(settings.SANSO_TEMPLATE_SET).digest, findings=[])
    user = make_operator("operator")
    deployment = request_deployment(
        user=user,
        account=Account.objects.create(name="production", region=REGION, **account),
        name="bench",
        parameters=TRIAL,
        reason="",
        request_key=uuid.uuid4(),
    )
    return user, deployment


def start(sandbox: Sandbox, folder: Path) -> Portal:
    """Set up Django with a separate database and Redis, and return the portal, which is not started yet."""
    choose_environment("sqlite")
    os.environ |= {
        "DATABASE_URL": f"sqlite:///{folder}/sanso.sqlite3",
        "SANSO_DATA_DIR": str(folder / "data"),
        "AWS_ENDPOINT_URL": sandbox.url,
    }
    (folder / "data").mkdir(parents=True)
    redis = start_redis(
        folder / "redis", port=int(os.environ["REDIS_URL"].rpartition(":")[2].partition("/")[0])
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return Portal(folder, dict(os.environ), redis, sandbox)
