"""Decisions about one request that arrive at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connections

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import discard_change, preview_again
from deployments.changes.commands.approve import deny
from deployments.changes.models.approvals import Approval
from deployments.common.errors import UserFixable
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.changes.shared.approvals.requesting import approving, decision, person, preview, row, send_request
from tests.fakes import FakeAws
from tests.stepping import run, take_step

pytestmark = pytest.mark.core

Act = Callable[[], object]


def at_once(*acts: Act) -> list[object]:
    """Run functions concurrently, each in a thread with its own connection, and return their results."""
    results: list[object] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def one(at: int) -> None:
        try:
            barrier.wait()
            results[at] = acts[at]()
        except UserFixable as refusal:
            results[at] = refusal.code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_two_approvers_at_once_one_wins_and_the_other_is_told_who(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    cara = person("cara", "approve_change")
    approval = send_request(preview(deployed, ana, aws), ana)

    results = at_once(lambda: approving(ben, approval), lambda: approving(cara, approval))

    assert sorted(type(one).__name__ for one in results) == ["Deployment", "str"]
    assert "AlreadyDecided" in results
    winner = Approval.objects.get(pk=approval.pk).decided_by
    refusal = AuditRecord.objects.get(action="approve", outcome="refused").refusal
    assert winner is not None
    assert refusal["params"] == {"user": winner.username}
    assert run(row(approval.deployment), aws).state == State.SUCCEEDED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", ["discard", "preview", "deny", "step"])
def test_an_approval_and_something_else_at_once_end_in_one_of_both(
    deployed: Environment, aws: FakeAws, ana: User, ben: User, other: str
) -> None:
    cara = person("cara", "approve_change")
    shown = preview(deployed, ana, aws)
    approval = send_request(shown, ana)
    others: dict[str, Act] = {
        "discard": lambda: discard_change(user=ana, deployment=shown),
        "preview": lambda: preview_again(user=ana, deployment=shown),
        "deny": lambda: deny(user=cara, deployment=shown, approval_pk=approval.pk, reason="no"),
        "step": lambda: take_step(shown, aws),
    }
    at_once(lambda: approving(ben, approval), others[other])
    ended = run(row(shown), aws, until=lambda d: not d.is_active or d.state == State.PREVIEW)

    executed = aws.calls.count("cloudformation:ExecuteChangeSet") - 1
    found = decision(approval)
    assert other != "step" or found == "approved"
    assert (ended.state == State.SUCCEEDED) == (executed == 1) == (found == "approved")
    if found != "approved":
        assert ended.state == (State.PREVIEW if other == "preview" else State.CANCELED)
    assert not Approval.objects.waiting().exists()
