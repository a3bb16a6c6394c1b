"""A request whose transaction MariaDB undoes because of a deadlock succeeds, and takes effect once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch, reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label
from deployments.common.deadlocks import REPETITIONS, RepeatAfterDeadlock
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.api.clients import Program
from tests.builders import make_environment, make_operator
from tests.previews import make_preview
from tests.services import LIMIT, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer and no deadlocks"),
]


def by_page(preview: Deployment) -> None:
    client = Client()
    client.force_login(preview.requested_by)
    response = client.post(reverse("change_discard", args=[preview.pk]))
    assert response.status_code == 302


def by_api(preview: Deployment) -> None:
    program = Program(preview.requested_by)
    response = program.post(f"/deployments/{preview.pk}/discard", {})
    assert response.status_code == 200, response.content


WAITING = """
SELECT COUNT(*) FROM information_schema.innodb_trx
JOIN information_schema.innodb_locks ON lock_id = trx_requested_lock_id
WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = %s AND lock_table LIKE '%%deployments_environment`'
"""


def is_waiting_for_the_environment(session: int) -> bool:
    """Return whether a session of the database waits for the lock of an environment's row.

    The table of transactions still has those of an earlier test if it was read within the last 100 ms.
    https://mariadb.com/kb/en/information-schema-innodb_trx-table/
    """
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [session])
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("discard", [by_page, by_api])
def test_a_request_that_loses_a_deadlock_is_repeated(
    discard: Callable[[Deployment], None], caplog: pytest.LogCaptureFixture
) -> None:
    preview = make_preview(make_environment("shop", owner=make_operator("ana")))

    sessions: Queue[int] = Queue()

    def requested() -> None:
        try:
            connection.ensure_connection()
            sessions.put(connection.connection.thread_id())
            discard(preview)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            environment = Environment.objects.select_for_update().get(pk=preview.environment_id)
            # InnoDB undoes the transaction that has changed fewer rows.
            Label.objects.bulk_create(Label(environment=environment, key=f"k{at}") for at in range(50))
            pending = pool.submit(requested)  # locks the deployment, and waits for the environment
            session = sessions.get(timeout=LIMIT)
            wait_until(
                lambda: is_waiting_for_the_environment(session), what="the request's wait for the lock"
            )
            Deployment.objects.select_for_update().get(pk=preview.pk)  # would wait for the request
        pending.result()

    assert "is repeated: (1213, " in caplog.text
    assert Deployment.objects.get(pk=preview.pk).cancel_code
    assert AuditRecord.objects.filter(action="discard").count() == 1


def repeated(error: OperationalError, *, is_stream: bool = False) -> int:
    """Return how often a view that always fails with this error is called again."""
    calls: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        calls.append(request)
        raise error

    request = RequestFactory().post("/", b"{}", "application/json")
    request.resolver_match = ResolverMatch(view, (), {})
    if is_stream:
        request.read(1)
    assert RepeatAfterDeadlock(view).process_exception(request, error) is None
    return len(calls)


def test_a_request_is_repeated_a_few_times_only_after_a_deadlock_and_only_with_its_body() -> None:
    deadlock = OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")

    assert repeated(deadlock) == REPETITIONS
    assert repeated(deadlock, is_stream=True) == 0
    assert repeated(OperationalError(1205, "Lock wait timeout exceeded; try restarting transaction")) == 0
