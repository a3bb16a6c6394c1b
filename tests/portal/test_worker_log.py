"""Log lines of a real worker have the ids of the deployment and of the request that caused the step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.common.request_context import SESSION, request_context
from portal.celery_app import app
from tests.builders import make_account, make_deployment, make_environment
from tests.services import Redis, Service, free_port, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
REQUEST = "lb-1234.abc_5"


def test_a_failed_call_is_logged_with_the_request_that_caused_the_step(
    process_environment: dict[str, str], redis_server: Redis, tmp_path: Path, settings: Settings
) -> None:
    account = make_account(is_sandbox=True, sandbox_account_id="111122223333")
    deployment = make_deployment(make_environment(account=account), state="preflight")
    with request_context(by=SESSION, request_id=REQUEST):
        AuditRecord.objects.write(
            user=deployment.requested_by, action="deploy", name="shop", deployment=deployment
        )
    environment = process_environment | {
        "SANSO_LOG_FORMAT": "json",
        "SANSO_SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
        "REDIS_URL": settings.REDIS_URL,
    }
    worker = Service(
        command=[
            sys.executable,
            *["-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "2", "-l", "WARNING"],
        ],
        folder=tmp_path / "worker",
        port=0,
        answers=lambda: True,
        environment=environment,
    )

    def lines() -> list[dict[str, Any]]:
        found = worker.log.read_text().splitlines()
        logged = [json.loads(line) for line in found if line.startswith("{")]
        return [one for one in logged if one.get("deployment") == deployment.pk]

    worker.start()
    try:
        app.send_task("deployments.tick_deployment", (deployment.pk, deployment.version))
        wait_until(lambda: bool(lines()), what="a line about the step")
    finally:
        worker.kill()

    line = lines()[0]
    assert line["request_id"] == REQUEST
    assert (line["environment"], line["account"]) == (deployment.environment_id, account.pk)
    assert line["task_id"]
