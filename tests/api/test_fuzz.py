"""Generated requests: no answer that the document does not have, and no internal error.

`make test` sends 1,000 of them, `make fuzz-api` 100,000.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deployments.access.models.grants import Grant, Team
from deployments.api.urls import api
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.models import FreezeWindow
from deployments.notifications.shared import outbox
from deployments.template_sets.models.sources import TemplateFetch
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from tests.api.clients import Program
from tests.browsing import TEMPLATE
from tests.builders import make_event, make_user
from tests.fuzz.profile import EXAMPLES, more
from tests.health_builders import make_whole
from tests.notification_builders import make_target
from tests.previews import make_preview
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db
DOCUMENT = schemathesis.openapi.from_dict(api.get_openapi_schema())
ALL: list[Any] = [one.ok() for one in DOCUMENT.get_all_operations()]  # type: ignore[union-attr]  # it is valid
OPERATIONS = {one.label: one for one in ALL}
STREAMS = "/stream"
"""A stream does not end by itself: tests/deployment_pages/api/test_stream.py has it."""
STATUSES: Counter[int] = Counter()
EACH = (EXAMPLES or more(1000)) // len(OPERATIONS) + 1
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def freeze_window(account: Account) -> FreezeWindow:
    values = {"start_day": 4, "start_time": clock(18), "end_day": 0, "end_time": clock(9), "is_on": False}
    return FreezeWindow.objects.create(account=account, name="Weekend", reason="Nobody is here", **values)


@pytest.fixture
def keys(tmp_path: Path, settings: Settings) -> dict[str, Any]:
    """Rows of every kind, by the names of the addresses' parameters."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = folder
    environment: Environment = make_whole("shop", parameters={"Database": "orders"})
    preview: Deployment = make_preview(environment)
    make_event(preview, 1)
    source = make_source()
    version: TemplateVersion = make_version(source, tmp_path)
    return {
        "environment_id": environment.pk,
        "deployment_id": preview.pk,
        "set_id": source.pk,
        "fetch_id": TemplateFetch.objects.create(source=source, state="failed").pk,
        "version_id": version.pk,
        "recording": "failure",
        "person_id": make_user("vic").pk,
        "team_id": (team := Team.objects.create(name="payments", key="payments")).pk,
        "grant_id": Grant.objects.create(team=team, role="viewer", key="viewer of payments").pk,
        "account_id": environment.account_id,
        "target_id": (
            delivery := outbox.test(make_target("https://hooks.example.com/"), "test:1", timezone.now())
        ).target_id,
        "delivery_id": delivery.pk,
        "window_id": freeze_window(environment.account).pk,
        "ref_id": TemplateRef.objects.create(source=source, name="refs/tags/v1", version=version).pk,
    }


@pytest.fixture(scope="module", autouse=True)
def _report() -> Iterator[None]:
    """Write how many requests each process sent and how they were answered, for docs/reliability.md."""
    begun = time.monotonic()
    yield
    if path := os.environ.get("FUZZ_REPORT"):
        numbers = {"seconds": round(time.monotonic() - begun), "cases": STATUSES.total()}
        worker = os.environ.get("PYTEST_XDIST_WORKER", "all")
        found = numbers | {"statuses": dict(sorted(STATUSES.items()))}
        Path(path).with_suffix(f".{worker}.json").write_text(json.dumps(found))


def sent(case: Any, client: Client, token: str) -> Response:
    """Return the response of Django to a case."""
    wanted = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    headers = {name: str(value) for name, value in wanted.headers.items()}
    headers["Authorization"] = f"Bearer {token}"
    content_type = headers.pop("Content-Type", "application/octet-stream")
    body = wanted.body or b""
    answer = client.generic(str(wanted.method), wanted.path_url, body, content_type, headers=headers)
    STATUSES[answer.status_code] += 1
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [str(value)] for name, value in answer.headers.items()},
        content=answer.content,
        request=wanted,
        elapsed=0.0,
        verify=False,
    )


@pytest.mark.parametrize("label", [one for one in OPERATIONS if not one.endswith(STREAMS)])
def test_every_answer_is_documented(label: str, keys: dict[str, Any]) -> None:
    program = Program(make_user("root", is_superuser=True))
    client = Client(raise_request_exception=False)

    @settings(max_examples=EACH, derandomize=False, database=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy(), exists=st.integers(0, 3))
    def send(case: Any, exists: int) -> None:
        if exists:  # a made-up key is not found: mostly those of rows are used
            known: dict[str, Any] = {name: keys[name] for name in case.path_parameters if name in keys}
            case.path_parameters.update(known)
        case.validate_response(sent(case, client, program.value), checks=CHECKS)

    send()
