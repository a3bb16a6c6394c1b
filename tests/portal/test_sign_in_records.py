"""Logins, logouts and password changes have audit records; not every failed login does."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from deployments.access.models.audit_records import AuditRecord
from deployments.common.request_context import request_context
from tests.builders import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"
FROM = "192.0.2.7"


@pytest.fixture
def user() -> User:
    """A user who can log in."""
    return make_user("kay")


def log_in(client: Client, name: str = "kay", password: str = PASSWORD) -> None:
    client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR=FROM)


def test_a_login_and_a_logout_are_recorded_with_the_session(client: Client, user: User) -> None:
    log_in(client)
    client.post("/logout/", REMOTE_ADDR=FROM)

    out, into = AuditRecord.objects.all()
    assert [(r.action, r.user, r.address, r.by) for r in (into, out)] == [
        ("sign_in", user, FROM, "session"),
        ("sign_out", user, FROM, "session"),
    ]
    assert into.by_id == out.by_id != ""


def test_of_failed_logins_one_for_each_name_and_address_is_recorded_in_a_minute(
    client: Client, user: User
) -> None:
    log_in(client, password="wrong")
    log_in(client, name="a password typed as the name", password="wrong")
    log_in(client, password="wrong again")

    records = AuditRecord.objects.all()
    assert [(r.action, r.outcome, r.name, r.user, r.address) for r in records] == [
        ("sign_in_failed", "refused", "", None, FROM),
        ("sign_in_failed", "refused", "kay", None, FROM),
    ]
    assert "typed as the name" not in str(list(records.values()))


def test_a_new_password_is_recorded_before_it_is_stored(client: Client, user: User) -> None:
    client.force_login(user)
    new = "another long password"

    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    client.post("/password/", form, REMOTE_ADDR=FROM)

    record = AuditRecord.objects.get(action="change_password")
    assert (record.user, record.name, record.by) == (user, "kay", "session")
    user.refresh_from_db()
    assert user.check_password(new)
    assert new not in str(list(AuditRecord.objects.values()))


def test_a_user_whom_a_command_adds_is_recorded() -> None:
    with request_context(by="command", id="createsuperuser"):
        call_command("createsuperuser", username="root", email="", interactive=False, verbosity=0)

    record = AuditRecord.objects.get()
    assert (record.action, record.name, record.by, record.by_id) == (
        "add_user",
        "root",
        "command",
        "createsuperuser",
    )
    assert record.after == {"username": "root", "is_superuser": True}
