"""Concurrent requests of two operators: one succeeds, and the error of the other names who did what."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands import apply, create
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment
from deployments.locks.commands.locks import lock_environment
from deployments.locks.models import EnvironmentLock
from deployments.recovery.commands import delete
from tests.builders import make_account, make_operator
from tests.commands.scene_rows import asked, deployed
from tests.commands.scenes import template_set
from tests.previews import make_preview

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
__all__ = ["template_set"]


def at_once(*requests: Callable[[], object]) -> list[str]:
    """Run requests in threads that begin together; return the error of each, or "" if it succeeded."""
    begin, reported = threading.Barrier(len(requests)), [""] * len(requests)

    def run(number: int, request: Callable[[], object]) -> None:
        try:
            begin.wait(60)
            request()
        except UserFixable as refused:
            reported[number] = error_text(refused)
        except Exception as broken:  # noqa: BLE001  # the assertion reports it
            reported[number] = repr(broken)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return reported


def loser_of(reported: list[str]) -> str:
    """Return the only error, after asserting that exactly one request succeeded."""
    assert reported.count("") == 1, reported
    return next(text for text in reported if text)


def test_two_creations_of_one_name() -> None:
    account, users = make_account(), [make_operator("ana"), make_operator("bob")]
    values: dict[str, Any] = {"account": account, "name": "shop", "parameters": {}, "reason": ""}

    reported = at_once(
        *(
            lambda user=user: create.request_deployment(user=user, request_key=uuid.uuid4(), **values)
            for user in users
        )
    )

    winner = Deployment.objects.get()
    assert loser_of(reported) == (
        f"{winner.requested_by} is creating shop (deployment {winner.pk}). Wait until it has finished."
    )
    assert sorted(AuditRecord.objects.values_list("outcome", flat=True)) == ["refused", "requested"]


def test_two_deletions() -> None:
    environment, users = deployed(), [make_operator("ana"), make_operator("bob")]

    reported = at_once(
        *(
            lambda user=user: delete.request_deletion(
                user=user, **asked(environment, typed_name="staging", unprotect=True)
            )
            for user in users
        )
    )

    winner = Deployment.objects.get(kind="delete")
    assert loser_of(reported) == (
        f"{winner.requested_by} is deleting staging (deployment {winner.pk}). Wait until it has finished."
    )


def test_two_locks() -> None:
    environment, users = deployed(), [make_operator("ana"), make_operator("bob")]

    reported = at_once(
        *(
            lambda user=user: lock_environment(user=user, environment=environment, reason="mine")
            for user in users
        )
    )

    winner = EnvironmentLock.objects.get()
    assert loser_of(reported) == f"{winner.owner} has already locked the environment."


def test_a_lock_and_a_deletion() -> None:
    """In either order: the lock does not interrupt a requested deletion, and prevents a later one."""
    environment, ana, bob = deployed(), make_operator("ana"), make_operator("bob")

    reported = at_once(
        lambda: lock_environment(user=ana, environment=environment, reason="mine"),
        lambda: delete.request_deletion(user=bob, **asked(environment, typed_name="staging", unprotect=True)),
    )

    assert reported[0] == ""
    assert reported[1] in ("", "ana locked staging: “mine”")
    assert Deployment.objects.filter(kind="delete").exists() == (reported[1] == "")


def test_two_applications_of_one_preview() -> None:
    preview, users = make_preview(deployed()), [make_operator("ana"), make_operator("bob")]

    reported = at_once(
        *(
            lambda user=user: apply.apply_change(user=user, deployment=preview, digest=preview.preview_digest)
            for user in users
        )
    )

    row = Deployment.objects.get(pk=preview.pk)
    assert loser_of(reported) == f"{row.applied_by} has already applied this change."


def test_a_change_and_a_deletion() -> None:
    """Either the change waits for the deletion, or the deletion fails and its error names the change."""
    environment, ana, bob = deployed(), make_operator("ana"), make_operator("bob")
    preview = make_preview(environment)

    reported = at_once(
        lambda: apply.apply_change(user=ana, deployment=preview, digest=preview.preview_digest),
        lambda: delete.request_deletion(user=bob, **asked(environment, typed_name="staging", unprotect=True)),
    )

    row = Deployment.objects.get(pk=preview.pk)
    assert reported[0] == ""
    assert reported[1] in (
        "",
        f"ana is changing staging (deployment {preview.pk}). Wait until it has finished.",
    )
    holder = Deployment.objects.holder_of(environment.pk)
    assert holder is not None
    assert (holder.pk == row.pk) == bool(reported[1])
