"""Log lines: JSON or text, with the ids of their context and without secrets."""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from structlog.contextvars import bound_contextvars

from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.errors import AwsRejected
from deployments.environments.models.deployments import Deployment
from deployments.steps import step
from portal import logs
from portal.request_ids import HEADER
from portal.urls import urlpatterns as portal_patterns
from tests.builders import make_deployment, make_user
from tests.flows.web import start_web

pytestmark = pytest.mark.django_db
CANARY = "kanarienvogel-7781"
ID = re.compile(r"[0-9a-f]{32}")

handler500 = "portal.views.broken"


@login_not_required
def broken_view(_request: object) -> HttpResponse:
    raise RuntimeError(f"no connection to mysql://sanso:{CANARY}@db.internal/sanso")


urlpatterns = [path("broken", broken_view), *portal_patterns]


@pytest.fixture(params=logs.FORMATS)
def written(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Return a function that returns everything logged so far, in each format."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.RedactArguments())
    handler.setFormatter(logs.formatter(request.param))
    logging.root.addHandler(handler)
    yield stream.getvalue
    logging.root.removeHandler(handler)


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that returns the objects that were logged so far as JSON."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.RedactArguments())
    handler.setFormatter(logs.formatter("json"))
    logging.root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.root.removeHandler(handler)


def test_a_secret_in_any_part_of_a_record_is_in_no_line(written: Callable[[], str]) -> None:
    log = logging.getLogger("tests.canary")

    log.warning("given %s", {"nested": [{"Password": CANARY}]})
    log.warning("%(token)s %(other)s", {"token": CANARY, "other": "kept"})
    log.warning(f"sent Authorization: Bearer {CANARY}")  # noqa: G004  (what careless code does)
    log.warning("extra", extra={"path": f"/x?token={CANARY}", "unknown": CANARY})
    with bound_contextvars(external_id=CANARY, nested={"cookie": [CANARY]}):
        log.warning("bound")
    try:
        raise ValueError(f"redis://:{CANARY}@127.0.0.1 does not respond")
    except ValueError:
        log.exception("raised")

    assert CANARY not in written()
    assert "kept" in written()
    assert "ValueError" in written()
    assert written().count("tests.canary") == 6


def test_each_line_is_an_object_also_with_a_traceback_and_strange_values(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    log = logging.getLogger("tests.json")
    log.warning("two\nlines \x1b[31m and %s", object())
    with bound_contextvars(strange=Path("/x"), also=b"\xff"):
        try:
            raise ValueError("no")
        except ValueError:
            log.exception("raised")

    first, second = lines()
    assert first["event"].startswith("two\nlines")
    assert (second["level"], second["logger"], second["event"]) == ("error", "tests.json", "raised")
    assert "ValueError: no" in second["exception"]
    assert {first["timestamp"][-1], second["timestamp"][-1]} == {"Z"}


def test_a_format_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="line, json"):
        logs.formatter("xml")


def test_a_request_has_an_id_that_a_proxy_may_choose(client: Client) -> None:
    assert ID.fullmatch(client.get("/healthz")[HEADER])
    assert client.get("/healthz", headers={HEADER: "lb-1234.abc_5"})[HEADER] == "lb-1234.abc_5"
    for given in ("short", "x" * 65, "with space and more", "ünicode-12345", "<script>12345"):
        assert ID.fullmatch(client.get("/healthz", headers={HEADER: given})[HEADER])


def test_the_line_of_a_request_has_its_ids_and_not_its_query(
    client: Client, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    user, deployment = make_user(is_superuser=True), make_deployment(state="succeeded")
    client.force_login(user)

    client.cookies["x"] = CANARY
    response = client.get(f"{deployment.get_absolute_url()}?q={CANARY}")
    Client().post("/login/", {"username": "x", "password": CANARY})

    assert CANARY not in str(lines())
    (line,) = [one for one in lines() if one.get("path") == deployment.get_absolute_url()]
    assert (line["request_id"], line["status"], line["method"]) == (response[HEADER], 200, "GET")
    assert (line["user_id"], line["deployment"]) == (user.pk, deployment.pk)
    assert line["seconds"] >= 0
    assert "user_id" not in next(one for one in lines() if one.get("path") == "/login/")


@pytest.mark.urls("tests.portal.test_logs")
def test_the_page_for_an_error_shows_the_id_of_its_traceback(
    client: Client, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client.raise_request_exception = False

    response = client.get("/broken")

    assert (response.status_code, response[HEADER] in response.content.decode()) == (500, True)
    (traceback,) = [line for line in lines() if "exception" in line]
    assert traceback["request_id"] == response[HEADER]
    assert CANARY not in str(lines())


def test_a_failed_call_is_logged_with_its_ids(lines: Callable[[], list[dict[str, Any]]]) -> None:
    deployment = make_deployment()

    def refuse(_: AccountRef) -> Clients:
        raise AwsRejected("ValidationError", "no", "cloudformation:DescribeStacks", "7c9e-request")

    step.run_deployment(deployment.pk, deployment.version, refuse)

    (line,) = [one for one in lines() if one["logger"] == "deployments.steps.step"]
    assert line["aws_request_id"] == "7c9e-request"
    assert line["deployment"] == deployment.pk
    assert line["account"] == deployment.environment.account_id
    assert Deployment.objects.get().error_code == "ValidationError"


def test_the_cause_of_an_error_gives_the_aws_request_id(lines: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        try:
            raise AwsRejected("AccessDenied", "no", "s3:PutObject", "5f-request")
        except AwsRejected as exc:
            raise RuntimeError("a bug") from exc
    except RuntimeError:
        logging.getLogger("tests").exception("failed")

    assert lines()[0]["aws_request_id"] == "5f-request"
    assert lines()[0]["aws_operation"] == "s3:PutObject"


@pytest.mark.django_db(transaction=True)
def test_every_line_of_a_web_process_is_json(tmp_path: Path, process_environment: dict[str, str]) -> None:
    web = start_web(tmp_path, process_environment | {"SANSO_LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"})
    try:
        for address in (f"/login/?next={CANARY}", "/missing", "/static/portal/favicon.svg"):
            headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}"}
            request = urllib.request.Request(web.url + address, headers=headers)
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as exc:
                exc.close()
    finally:
        web.stop()

    found = web.log.read_text()
    assert CANARY not in found
    assert {"/login/", "/missing"} <= {json.loads(line).get("path") for line in found.splitlines()}
