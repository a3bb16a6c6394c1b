"""A 403 is logged in one line: user, address and reason."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from tests.builders import make_environment, make_user

REQUEST, CSRF = (f"WARNING django.{name}: Forbidden:" for name in ("request", "security.csrf"))
pytestmark = [pytest.mark.core, pytest.mark.django_db]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the formatted warnings and errors, with tracebacks."""
    formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    return [line for record in records for line in formatter.format(record).splitlines()]


def test_a_missing_permission_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    vic = make_user("vic")
    client.force_login(vic)
    environment = make_environment()

    assert client.post(f"/environments/{environment.pk}/delete").status_code == 403
    assert lines(caplog) == [
        f"{REQUEST} POST /environments/{environment.pk}/delete by user {vic.pk} (vic):"
        " the permission deployments.delete_environment is missing"
    ]


def test_a_refusal_of_the_admin_is_logged_too(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    vic, staff = make_user("vic"), make_user("staff", is_staff=True)
    client.force_login(vic)
    assert client.get("/admin/login/").status_code == 403
    client.force_login(staff)
    assert client.get("/admin/auth/user/").status_code == 403

    assert lines(caplog) == [
        f"{REQUEST} GET /admin/login/ by user {vic.pk} (vic): the admin is for superusers",
        f"{REQUEST} GET /admin/auth/user/ by user {staff.pk} (staff): the admin is for superusers",
    ]


def test_a_form_without_its_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    stranger, vic = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    user = make_user("vic")
    vic.force_login(user)
    for client in (stranger, vic):
        assert client.post("/language/", {"language": "ja"}).status_code == 403

    reason = "CSRF cookie not set."
    assert lines(caplog) == [
        f"{CSRF} POST /language/ by an anonymous user: {reason}",
        f"{CSRF} POST /language/ by user {user.pk} (vic): {reason}",
    ]


def test_a_request_cannot_inject_log_lines(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user("vic\nERROR forged")
    client.force_login(user)
    client.post("/deployments/recordings/x%0AERROR%20forged")
    assert client.post("/environments/new").status_code == 403

    assert not [line for line in lines(caplog) if line.startswith("ERROR")]


def test_other_failures_keep_their_traceback(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    client.force_login(make_user())
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deployments.environments.models.environments.EnvironmentQuerySet.for_list", bug)
        assert client.get("/environments/").status_code == 500

    assert "RuntimeError: a bug" in "\n".join(lines(caplog))
