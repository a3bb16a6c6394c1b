"""A locked environment: requests to change it are refused, with the lock's owner, reason and end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from deployments.access.commands import sandbox
from deployments.access.models.audit_records import AuditRecord
from deployments.accounts.commands import accounts
from deployments.administration.commands import grants, invitations, tokens
from deployments.audit import commands
from deployments.call_logs import commands as support_commands
from deployments.changes.commands import apply, approve, create, databases, preview
from deployments.changes.commands.approve import delete_label_rule, save_label_rule
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text, stored_text
from deployments.deployment_pages import commands as recording_commands
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.first_contact import commands as first_contact
from deployments.health.commands import operate
from deployments.locks.commands.locks import (
    break_lock,
    delete_freeze,
    lock_environment,
    save_freeze,
    unlock_environment,
)
from deployments.locks.models import EnvironmentLock
from deployments.notifications import commands as notification_commands
from deployments.recovery.commands import cancel, delete, remaining
from deployments.recovery.commands.recovering import dismiss_failure
from deployments.template_sets.commands import sources, versions
from tests.builders import make_operator
from tests.commands.scene_rows import asked, deployed
from tests.commands.scenes import SCENES, template_set

pytestmark = pytest.mark.django_db
__all__ = ["template_set"]

PREVIEWS = {
    *(preview.request_change, preview.request_rollback, preview.request_version, databases.request_databases),
    *(apply.preview_again, apply.discard_change),
}
APPROVING = {approve.approve, approve.deny, approve.bypass, approve.set_approval_required}
STOPPING = {cancel.request_cancel, dismiss_failure}
LOCKING = {lock_environment, unlock_environment, break_lock}
ALLOWED = (
    PREVIEWS | APPROVING | STOPPING | LOCKING | {remaining.request_new_search, remaining.request_deletion_of}
)
"""Actions that a lock does not refuse. Remaining resources belong to deleted environments."""
WITHOUT_ENVIRONMENT = {
    *(grants.give_role, grants.remove_grant, grants.save_team, grants.delete_team, grants.set_active),
    *(grants.add_member, grants.remove_member, grants.add_service_account),
    *(invitations.invite, invitations.renew_invitation, invitations.withdraw_invitation),
    *(create.request_deployment, recording_commands.request_recording, sandbox.request_of_sandbox),
    *(save_freeze, delete_freeze, accounts.save_account, accounts.delete_account),
    *(accounts.add_accounts, accounts.request_connection_test),
    *(first_contact.request_run, first_contact.request_cancel),
    *(first_contact.request_clean_up, first_contact.record_download),
    *(versions.set_version_status, versions.confirm_moved_tag, sources.save_source),
    *(sources.remove_source, sources.request_fetch, sources.set_webhook),
    *(
        notification_commands.save_destination,
        notification_commands.remove_destination,
        notification_commands.set_enabled,
    ),
    *(
        notification_commands.rotate_secret,
        notification_commands.request_test,
        notification_commands.request_retry,
    ),
    *(save_label_rule, delete_label_rule),
    *(commands.export_audit, support_commands.export_support_bundle),
    *(tokens.create_token, tokens.revoke_token),
}


def locked(environment: Environment, **values: Any) -> EnvironmentLock:
    """Lock an environment as ana."""
    ana = values.pop("user", None) or make_operator("ana")
    return lock_environment(
        user=ana, environment=environment, **({"reason": "Waiting for the audit."} | values)
    )


REFUSED = [action for action in SCENES if action not in ALLOWED and action not in WITHOUT_ENVIRONMENT]


@pytest.mark.parametrize("action", REFUSED, ids=lambda action: action.__name__)
def test_while_locked_a_request_that_changes_is_refused_with_who_and_why(action: Callable[..., Any]) -> None:
    values = SCENES[action]()
    environment = values["environment"] if "environment" in values else values["deployment"].environment
    lock = locked(environment)
    bob = make_operator("bob")
    before = Deployment.objects.count()

    with pytest.raises(UserFixable, match="Locked") as refused:
        action(user=bob, **values)

    assert error_text(refused.value) == f"ana locked {environment.name}: “Waiting for the audit.”"
    assert Deployment.objects.count() == before
    record = AuditRecord.objects.all()[0]
    assert (record.user, record.outcome) == (bob, "refused")
    assert stored_text(record.refusal) == error_text(refused.value)
    assert EnvironmentLock.objects.get() == lock


@pytest.mark.parametrize("action", sorted(PREVIEWS, key=str), ids=lambda action: action.__name__)
def test_while_locked_changes_can_be_previewed(action: Callable[..., Any]) -> None:
    values = SCENES[action]()
    environment = values["environment"] if "environment" in values else values["deployment"].environment
    locked(environment)

    assert action(user=make_operator("bob"), **values).pk


def test_the_refusal_says_until_when() -> None:
    environment = deployed()
    until = timezone.now() + timedelta(hours=2)
    locked(environment, expires_at=until)

    with pytest.raises(UserFixable) as refused:
        operate.request_site_check(user=make_operator(), environment=environment)

    assert f"{until:%Y-%m-%d %H:%M} UTC" in error_text(refused.value)
    with translation.override("ja"):
        assert f"{until:%Y-%m-%d %H:%M} UTC" in error_text(refused.value)


def test_a_lock_expires_by_itself() -> None:
    environment = deployed()
    first = locked(environment, expires_at=timezone.now() + timedelta(hours=2))
    EnvironmentLock.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    operate.request_site_check(user=make_operator(), environment=environment)

    bob = make_operator("bob")
    second = locked(environment, user=bob)
    first.refresh_from_db()
    assert (first.end, first.active_key, second.active_key) == ("expired", None, environment.pk)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"reason": " "}, "ReasonMissing"),
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, "ExpiryPassed"),
    ],
)
def test_a_lock_needs_a_reason_and_ends_in_the_future(values: dict[str, Any], code: str) -> None:
    with pytest.raises(UserFixable) as refused:
        locked(deployed(), **values)

    assert (refused.value.code, refused.value.field) == (code, next(iter(values)))
    assert not EnvironmentLock.objects.exists()


def test_a_locked_environment_is_not_locked_again() -> None:
    environment = deployed()
    locked(environment)

    with pytest.raises(UserFixable) as refused:
        locked(environment, user=make_operator("bob"))

    assert error_text(refused.value) == "ana has already locked the environment."


def test_only_the_owner_unlocks() -> None:
    environment = deployed()
    lock = locked(environment)

    with pytest.raises(UserFixable, match="NotLockOwner"):
        unlock_environment(user=make_operator("bob"), environment=environment)
    unlock_environment(user=lock.owner, environment=environment)

    lock.refresh_from_db()
    assert (lock.end, lock.ended_by, lock.active_key) == ("unlocked", lock.owner, None)
    delete.request_deletion(user=make_operator(), **asked(environment, typed_name="staging", unprotect=True))


def test_breaking_a_lock_is_recorded_with_its_reason_and_whose_it_was() -> None:
    environment = deployed()
    lock = locked(environment)
    bob = make_operator("bob")

    with pytest.raises(UserFixable, match="ReasonMissing"):
        break_lock(user=bob, environment=environment, reason="")
    break_lock(user=bob, environment=environment, reason="The site is down.")

    lock.refresh_from_db()
    assert (lock.end, lock.ended_by, lock.end_reason) == ("broken", bob, "The site is down.")
    record = AuditRecord.objects.all()[0]
    assert (record.action, record.outcome, record.reason) == ("break_lock", "requested", "The site is down.")
    assert record.details == {"locked_by": "ana", "locked_because": "Waiting for the audit."}
    with pytest.raises(UserFixable, match="NotLocked"):
        break_lock(user=bob, environment=environment, reason="Again.")


def test_the_name_of_a_locked_environment_whose_stack_is_gone_is_not_used_again() -> None:
    values = SCENES[create.request_deployment]()
    environment = deployed(account=values["account"], missing_since=timezone.now())
    locked(environment)

    with pytest.raises(UserFixable, match="Locked"):
        create.request_deployment(user=make_operator(), **(values | {"name": environment.name}))
