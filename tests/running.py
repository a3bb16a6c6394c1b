"""The portal's own processes on the test's database: a worker that can be killed, and a dispatcher.

A test that kills or configures one has its own; others may share one that rests between them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.utils import timezone

from deployments import dispatcher
from deployments.changes.commands.create import request_deployment
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.recovery.commands.delete import request_deletion
from deployments.template_sets.models.versions import TemplateVersion
from tests.builders import REGION, make_operator
from tests.services import LIMIT, REPOSITORY, Sandbox, Service, wait_until


@dataclass
class Portal:
    """A worker and a dispatcher; the worker can be killed and started again."""

    environment: dict[str, str]
    folder: Path
    sandbox: Sandbox
    services: list[Service] = field(default_factory=list)

    def start(self) -> None:
        """Start both, or only a new worker after the old one was killed."""
        self.worker = self._start(
            "worker", "-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "48",
            "--without-gossip", "--without-mingle", "-l", "WARNING",
        )  # fmt: skip
        if not any("dispatch" in service.command for service in self.services):
            self.dispatcher = self._start("dispatcher", str(REPOSITORY / "manage.py"), "dispatch")

    def _start(self, name: str, *arguments: str) -> Service:
        service = Service(
            command=[sys.executable, *arguments],
            folder=self.folder / f"{name}-{len(self.services)}",
            port=0,
            answers=lambda: True,  # it has no port; tests wait for its effects
            environment=self.environment,
        )
        service.start()
        self.services.append(service)
        return service

    def stop(self) -> None:
        """Kill running processes, and empty the accounts."""
        self.kill()
        self.empty_accounts()

    def kill(self) -> None:
        """Kill running processes."""
        for service in self.services:
            service.kill()

    def empty_accounts(self) -> None:
        """Remove everything from the accounts: servers would run until the sandbox stops."""
        for account in Account.objects.exclude(sandbox_account_id=""):
            if self.sandbox.is_running():
                self.sandbox.control("POST", "reset", account=account.sandbox_account_id)

    def rest(self) -> None:
        """End a test that shares this portal: no step is in progress or follows, and its accounts are empty.

        The dispatcher is paused until `resume`: the tables are emptied meanwhile.
        """
        wait_until(self._is_at_rest, what="the end of the steps in progress")
        self.empty_accounts()

    def resume(self) -> None:
        """Begin another test."""
        assert self.dispatcher.process is not None
        os.kill(self.dispatcher.process.pid, signal.SIGCONT)

    def _is_at_rest(self) -> bool:
        """Make no row due, and pause the dispatcher if no process has begun anything."""
        due = [rows.exclude(due_at=None) for rows, _task in dispatcher.kinds()]
        if sum(rows.update(due_at=None, version=F("version") + 1) for rows in due) or has_messages():
            return False
        assert self.dispatcher.process is not None
        os.kill(self.dispatcher.process.pid, signal.SIGSTOP)
        if has_transactions():
            self.resume()
            return False
        return True

    def deploy(self, name: str = "staging", account: Account | None = None, **parameters: str) -> Deployment:
        """Request an environment in the given account, or in a new one."""
        return self.deploy_version(None, account or new_account(), parameters, name)

    def deploy_version(
        self,
        version: TemplateVersion | None,
        account: Account,
        parameters: Mapping[str, str],
        name: str = "staging",
    ) -> Deployment:
        """Request an environment of a version of a template set; without one, of the bundled set."""
        return request_deployment(
            user=_operator(),
            account=account,
            name=name,
            parameters=dict(parameters),
            reason="",
            request_key=uuid.uuid4(),
            version=version,
        )

    def deploy_kept(self, account: Account) -> Deployment:
        """Request an environment whose resources are kept after a failure instead of rolled back."""
        return request_deployment(
            user=_operator(),
            account=account,
            name="staging",
            parameters={},
            reason="",
            request_key=uuid.uuid4(),
            keep_on_failure=True,
        )

    def remove(self, deployment: Deployment, *, unprotect: bool = True) -> Deployment:
        """Request the deletion of the environment of an earlier deployment."""
        environment = deployment.environment
        environment.refresh_from_db()
        return request_deletion(
            user=_operator(),
            environment=environment,
            typed_name=environment.name,
            reason="",
            request_key=uuid.uuid4(),
            unprotect=unprotect,
        )

    def wait_for_end(self, *deployments: Deployment, seconds: float = LIMIT) -> list[Deployment]:
        """Wait until all deployments have ended, and return their current rows."""
        keys = [deployment.pk for deployment in deployments]
        active = Deployment.objects.active().filter(pk__in=keys)
        try:
            wait_until(
                lambda: not active.exists(), seconds=seconds, what=f"the end of {len(keys)} deployments"
            )
        except TimeoutError as exc:
            exc.add_note(f"{timezone.now()}: these are still active")
            for one in active.values("pk", "state", "version", "failures", "attention", "due_at"):
                exc.add_note(str(one))
            exc.add_note(self.worker.log.read_text(errors="replace")[-3000:])
            raise
        return list(Deployment.objects.for_page().filter(pk__in=keys).order_by("pk"))

    def faults(self, account: Account, *api: dict[str, Any]) -> None:
        """Inject faults into API calls of an account."""
        self.sandbox.control("POST", "faults", {"api": list(api)}, account=account.sandbox_account_id)

    def held(self) -> list[dict[str, Any]]:
        """Return the requests that the sandbox holds."""
        waiting = self.sandbox.control("GET", "held")
        assert isinstance(waiting, list)
        return waiting

    def release_held_calls(self) -> None:
        """Remove all faults, and drop the held calls, whose callers have been killed."""
        self.sandbox.control("DELETE", "faults")
        for request in self.held():
            self.sandbox.control("POST", f"held/{request['id']}", {"action": "drop"})


def has_messages() -> bool:
    """Return whether a worker has a message, or one waits for it."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        return bool(broker.llen(f"{prefix}celery") or broker.hlen(f"{prefix}unacked"))


def has_transactions() -> bool:
    """Return whether MariaDB has transactions that have begun; its own views of them may be outdated."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW ENGINE INNODB STATUS")
        return bool(re.search(r"^---TRANSACTION \d+, ACTIVE", cursor.fetchone()[2], re.MULTILINE))


def _operator() -> User:
    return User.objects.filter(username="operator").first() or make_operator("operator")


def new_account() -> Account:
    """Return a sandbox account for one test."""
    number = str(uuid.uuid4().int % 9 * 10**11 + uuid.uuid4().int % 10**11 + 10**11)[:12]
    return Account.objects.create(
        name=f"sandbox-{number}", region=REGION, is_sandbox=True, sandbox_account_id=number
    )


def create_roles(account: Account, sandbox: Sandbox) -> None:
    """Create the roles of an account before the portal first uses it."""
    body = {"name": "portal", "external_id": account.external_id}
    sandbox.control("POST", "keys", body, account=account.sandbox_account_id)


def allow_cloudformation(account: Account, sandbox: Sandbox, action: str) -> None:
    """Allow CloudFormation's role in a new account what a test's own set needs beyond account.yaml."""
    create_roles(account, sandbox)
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    client(account, "iam", sandbox).put_role_policy(
        RoleName="sanso-cloudformation",
        PolicyName="own-set",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def client(account: Account, service: str, sandbox: Sandbox) -> Any:
    """Return a boto3 client of the account, to check the resources in it."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # any service
        region_name=account.region,
        **sandbox.credentials(account.sandbox_account_id),
    )


def delete_outside(deployment: Deployment, sandbox: Sandbox) -> None:
    """Delete the stack of a deployment outside of Sanso, as with AWS's console."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    name = deployment.environment.stack_name
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
