"""The one note beside the state of an environment, and how many queries those of a list take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.accounts.models import ConnectionTest
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environment_pages.display.notes import notes_of
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.health.models.maintenance import DatabaseMaintenance, PendingMaintenance
from tests.builders import make_deployment, make_environment, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db: None) -> User:
    """A person who may open everything."""
    return make_user("admin", is_superuser=True)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The time of the test."""
    moment = datetime(2026, 12, 3, 6, 40, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


def deployed(name: str = "shop", **values: Any) -> Environment:
    """Return an environment that was created."""
    given = {"stack_id": "arn:stack", "stack_status": "CREATE_COMPLETE", "health_word": "healthy"}
    environment = make_environment(name, **(given | values))
    make_deployment(environment, state="succeeded", last_phase="ready")
    return environment


def shown(environment: Environment, person: User) -> tuple[str, str, str]:
    """Return the state of an environment, and the text and address of its note."""
    row = Environment.objects.for_list().get(pk=environment.pk)
    line = notes_of([row], person)[row.pk]
    return (str(row.state), line.text, line.url) if line else (str(row.state), "", "")


def test_nothing_is_beside_healthy_without_a_reason(admin: User) -> None:
    assert shown(deployed(), admin) == ("healthy", "", "")


def test_a_failed_change_is_a_note_and_no_state(admin: User) -> None:
    shop = deployed()
    failed = make_deployment(shop, kind="update", state="failed", last_phase="preflight")

    assert shown(shop, admin) == (
        EnvironmentState.HEALTHY,
        "Last change failed; nothing changed",
        failed.get_absolute_url(),
    )

    type(failed).objects.filter(pk=failed.pk).update(dismissed_at=timezone.now(), dismissed_by="ana")
    assert shown(shop, admin) == ("healthy", "", "")


def test_a_change_that_waits_is_named(admin: User) -> None:
    shop = deployed()
    before = shop.latest
    waiting = make_deployment(shop, kind="update", state="approval", active_key=None)
    Environment.objects.filter(pk=shop.pk).update(latest=before)

    assert shown(shop, admin) == (
        EnvironmentState.HEALTHY,
        f"Update {waiting.pk}: Waiting for approval",
        waiting.get_absolute_url(),
    )


def test_the_reason_of_a_bad_state_comes_before_a_failed_change(admin: User) -> None:
    sentence = Message(Code.NO_WRITER, {"where": "site-cluster"}).as_json()
    shop = deployed(health_word="unhealthy", health_sentence=sentence)
    make_deployment(shop, kind="update", state="failed", last_phase="preflight")

    assert shown(shop, admin)[:2] == ("unhealthy", "site-cluster has no writer.")


@pytest.mark.parametrize(
    ("values", "state", "text"),
    [
        ({"missing_since": timezone.now(), "missing_code": "StackGone"}, "unhealthy", "Stack missing"),
        (
            {"missing_since": timezone.now(), "missing_code": "SandboxRestarted"},
            "unhealthy",
            "Sandbox restarted",
        ),
        ({"changed_outside_at": timezone.now()}, "healthy", "Changed outside of Sanso"),
        (
            {"changed_outside_at": timezone.now(), "stack_status": "UPDATE_IN_PROGRESS"},
            "healthy",
            "Being changed outside of Sanso",
        ),
        ({"observe_error": "AccessDenied"}, "healthy", "Stack cannot be read at the moment"),
        ({"skipped": [{"key": "Queue"}]}, "healthy", "Resources that a rollback skipped"),
    ],
)
def test_what_else_may_be_the_matter(admin: User, values: dict[str, Any], state: str, text: str) -> None:
    shop = deployed(**values)

    assert shown(shop, admin) == (state, text, shop.get_absolute_url())


def test_a_failed_test_of_the_connection_leads_to_the_account_for_who_manages_it(admin: User) -> None:
    shop = deployed()
    ConnectionTest.objects.create(account=shop.account, state="finished", result="problem")

    text = "Connection test of the account failed"
    assert shown(shop, admin) == ("healthy", text, f"/accounts/{shop.account_id}/")
    assert shown(shop, make_user("vic")) == ("healthy", text, shop.get_absolute_url())


@pytest.mark.parametrize(
    ("days", "text"),
    [(13, "Maintenance of the database from 2026-12-16 06:40:00 UTC"), (15, "")],
)
def test_maintenance_is_a_note_two_weeks_before_rds_applies_it(
    admin: User, now: datetime, days: int, text: str
) -> None:
    shop = deployed()
    for later in (0, 30):
        PendingMaintenance.objects.create(
            environment=shop,
            cluster_id="site-cluster",
            action=f"os-upgrade-{later}",
            applies_at=now + timedelta(days=days + later),
            observed_at=now,
        )

    url = f"{shop.get_absolute_url()}database#maintenance" if text else ""
    assert shown(shop, admin) == ("healthy", text, url)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (181, ""),
        (179, "Standard support of the database until 2027-05-31"),
        (-1, "Standard support of the database has ended"),
    ],
)
def test_the_end_of_support_is_a_note_from_half_a_year_before(
    admin: User, now: datetime, days: int, text: str
) -> None:
    shop = deployed()
    DatabaseMaintenance.objects.create(
        environment=shop,
        cluster_id="site-cluster",
        standard_support_ends_at=now + timedelta(days=days),
        observed_at=now,
    )

    assert shown(shop, admin)[1] == text


def test_a_failed_creation_has_its_own_state_and_says_why(admin: User) -> None:
    shop = make_environment("shop")
    failed = make_deployment(shop, state="failed", last_phase="preflight", error_code="StackNameTaken")

    text = f"Create {failed.pk}: Stack name already in use"
    assert shown(shop, admin) == ("creation_failed", text, failed.get_absolute_url())


def test_a_failed_restore_drill_is_a_note_and_a_problem(admin: User) -> None:
    shop = deployed(drill_failed_at=timezone.now())

    address = f"{shop.get_absolute_url()}database#restore-drills"
    assert shown(shop, admin) == ("healthy", "Restore drill failed", address)
    assert list(Environment.objects.of_urgency(Urgency.PROBLEM)) == [shop]


def test_a_deleted_environment_has_no_note(admin: User) -> None:
    assert shown(deployed(deleted_at=timezone.now(), observe_error="x"), admin) == ("deleted", "", "")


def test_a_list_takes_the_same_queries_for_any_length(
    admin: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        make_deployment(deployed(f"shop{number}"), kind="update", state="failed", last_phase="preflight")
    rows = list(Environment.objects.for_list())

    # waiting, last news, failed ones, connections, own rights, maintenance, support
    with django_assert_max_num_queries(7):
        notes = notes_of(rows, admin)

    assert len([note for note in notes.values() if note]) == 3
