"""A first contact whose worker is killed in a step or in the clean-up is continued by another worker."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.environments.models.accounts import Account
from deployments.first_contact.commands import request_cancel, request_run
from deployments.first_contact.display import report
from deployments.first_contact.models import FINISHED, ContactRun
from tests.builders import make_user
from tests.chaos.conftest import hold_call
from tests.first_contact.conftest import account
from tests.first_contact.remaining import assert_nothing_is_left
from tests.running import Portal
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
__all__ = ["account"]


@pytest.fixture
def run(portal: Portal, account: Account) -> ContactRun:
    """A requested run of the cheapest step and of the one that creates resources."""
    return request_run(user=make_user("ana", is_superuser=True), account=account, steps=["reads", "probe"])


def current(run: ContactRun) -> ContactRun:
    return ContactRun.objects.get(pk=run.pk)


def states(run: ContactRun) -> dict[str, str]:
    return dict(run.steps.values_list("name", "state"))


def held(portal: Portal, account: Account) -> list[dict[str, Any]]:
    return [one for one in portal.held() if one["account"] == account.sandbox_account_id]


def finished(run: ContactRun) -> ContactRun:
    wait_until(lambda: current(run).state == FINISHED, what="the end of the run", seconds=4 * LIMIT)
    return current(run)


def test_a_run_that_was_requested_is_made_by_a_worker(
    portal: Portal, account: Account, sandbox: Sandbox, run: ContactRun
) -> None:
    done = finished(run)

    assert states(done) == {"reads": "done", "probe": "done", "clean_up": "done"}
    assert report.is_fine(done), "\n".join(report.as_text(done))
    assert_nothing_is_left(account, sandbox)


@pytest.mark.parametrize(
    ("action", "mode"), [("ExecuteChangeSet", "hold_after"), ("DeleteStack", "hold_before")]
)
def test_a_run_whose_worker_was_killed_is_continued_by_another(
    portal: Portal,
    account: Account,
    sandbox: Sandbox,
    run: ContactRun,
    action: str,
    mode: str,
) -> None:
    hold_call(portal, account, ("cloudformation", action, 0, mode))
    wait_until(lambda: bool(held(portal, account)), what="the held call", seconds=2 * LIMIT)

    portal.worker.kill()
    portal.release_held_calls()
    portal.start()

    done = finished(run)
    assert states(done) == {"reads": "done", "probe": "failed", "clean_up": "done"}
    assert "ended before the step did" in "\n".join(report.as_text(done))
    assert done.left == []
    assert_nothing_is_left(account, sandbox)


def test_a_clean_up_whose_worker_was_killed_is_repeated(
    portal: Portal, account: Account, sandbox: Sandbox, run: ContactRun
) -> None:
    hold_call(portal, account, ("cloudformation", "ExecuteChangeSet", 0, "hold_after"))
    wait_until(lambda: bool(held(portal, account)), what="the held call", seconds=2 * LIMIT)
    request_cancel(user=make_user("bo", is_superuser=True), run=run)
    portal.release_held_calls()
    hold_call(portal, account, ("cloudformation", "DeleteStack", 0, "hold_before"))
    wait_until(lambda: current(run).state == "cleaning" and bool(held(portal, account)), what="the clean-up")

    portal.worker.kill()
    portal.release_held_calls()
    portal.start()

    done = finished(run)
    assert states(done) == {"reads": "done", "probe": "canceled", "clean_up": "done"}
    assert done.left == []
    assert_nothing_is_left(account, sandbox)
