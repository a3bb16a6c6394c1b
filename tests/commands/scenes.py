"""A scene for each action: the arguments of a request, and the rows that it can change."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.access.commands import sandbox
from deployments.access.models.grants import Grant, Team
from deployments.accounts.commands import accounts
from deployments.administration.commands import grants, invitations, tokens
from deployments.audit import commands
from deployments.call_logs import commands as support_commands
from deployments.changes.commands import apply, approve, create, databases, labels, preview, schedule
from deployments.deployment_pages import commands as recording_commands
from deployments.environments.models.accounts import Account
from deployments.first_contact import commands as contact_commands
from deployments.health.commands import operate
from deployments.locks.commands import locks
from deployments.notifications import commands as notification_commands
from deployments.recovery.commands import cancel, delete, recovering, remaining
from deployments.recovery.commands.delete import request_deletion_again
from deployments.recovery.commands.recovering import request_adoption
from deployments.restore_drills.commands import request_drill, schedule_drills
from deployments.template_sets.commands import sources, versions
from tests.builders import make_account, make_user
from tests.commands.scene_rows import (
    STUCK,
    a_creation,
    a_delivery,
    a_failed_change,
    a_first_contact,
    a_freeze,
    a_grant,
    a_lock,
    a_moved_tag,
    a_preview,
    a_restore,
    a_rule,
    a_saved_freeze,
    a_scheduled_creation,
    a_source,
    a_target,
    a_team,
    a_token,
    a_version,
    an_approval,
    an_association,
    an_earlier_one,
    asked,
    deployed,
    invited,
    not_protected,
    remains,
    went_back,
)
from tests.live import scenes

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
NOT_REQUESTED = {
    *("begin_waiting", "cancel_open_change", "labels_to_create", "refuse_without_label"),
    *("give_first_labels", "give_labels_again"),
    "may_give_grant",
    *("refuse_unless_all_theirs", "refuse_unless_theirs", "whole"),
    "may_set_up",
    "caught_by_creation",  # only reads
    "check_deployment",  # takes everything back that its request writes; tests/api has its tests
    "check_free_name",  # writes nothing
}
"""Public functions with a parameter `user` that are parts of requests, or check one without making it."""
CHANGES_NOTHING = {
    *(operate.request_association_run, operate.request_site_check, operate.request_protection),
    *(operate.request_snapshot, request_drill),
    *(remaining.request_new_search, recording_commands.request_recording, sandbox.request_of_sandbox),
    *(sources.request_fetch, commands.export_audit, support_commands.export_support_bundle),
    accounts.request_connection_test,
    *(contact_commands.request_run, contact_commands.request_cancel),
    *(contact_commands.request_clean_up, contact_commands.record_download),
}
"""Requests that change no value of the portal: they go to AWS, to a template set's server, or nowhere."""
WITH_VALUES = {
    one.__name__
    for one in (
        *(accounts, apply, approve, cancel, databases, preview, delete, create),
        *(locks, remaining, schedule, recovering, sources, versions),
    )
}
"""Modules whose actions record the values before and after the change."""
Scene = Callable[[], dict[str, Any]]
"""A function that writes the rows for one request and returns its arguments except the user."""


@pytest.fixture(autouse=True)
def template_set(tmp_path: Path, settings: Settings) -> None:
    """The template set that all scenes use."""
    (tmp_path / "root.yaml").write_text(
        "Parameters:\n"
        "  Size: {Type: String, Default: small}\n"
        "  Password: {Type: String, NoEcho: true, Default: change me}\n"
        "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
    )
    settings.SANSO_TEMPLATE_SET = tmp_path


SCENES: dict[Callable[..., Any], Scene] = {
    commands.export_audit: lambda: {"filters": {"q": "shop"}, "kind": "csv"},
    support_commands.export_support_bundle: lambda: {"deployment": deployed().latest},
    create.request_deployment: lambda: {
        "account": make_account(),
        "name": "shop",
        "parameters": {"Size": "small"},
        "reason": "load test",
        "request_key": uuid.uuid4(),
    },
    delete.request_deletion: lambda: asked(deployed(), typed_name="staging", unprotect=True),
    delete.close_environment: lambda: {"environment": deployed(missing_since=timezone.now())},
    delete.request_clean_up: lambda: {"deployment": scenes.reload(scenes.rolled_back())},
    recovering.dismiss_failure: a_failed_change,
    preview.request_change: lambda: asked(deployed(), parameters={"Size": "large"}),
    preview.request_rollback: an_earlier_one,
    preview.request_version: a_version,
    databases.request_databases: a_restore,
    grants.give_role: lambda: {"grant": Grant(user=make_user("lee"), role="viewer")},
    grants.remove_grant: lambda: {"grant": a_grant()},
    grants.save_team: lambda: {"team": Team(), "name": "Payments", "description": ""},
    grants.delete_team: lambda: {"team": a_team()},
    grants.add_member: lambda: {"team": a_team(), "person": make_user("lee")},
    grants.remove_member: lambda: {"team": a_team(), "person": make_user("lee")},
    grants.add_service_account: lambda: {"name": "ci", "description": ""},
    grants.set_active: lambda: {"person": make_user("lee"), "active": False},
    invitations.invite: lambda: {"name": "lee", "email": "", "roles": ["viewer"], "teams": [a_team()]},
    invitations.renew_invitation: lambda: {"person": invited()},
    invitations.withdraw_invitation: lambda: {"person": invited()},
    labels.set_labels: lambda: {"environment": deployed(), "labels": {"team": "payments"}},
    versions.set_channel: lambda: {"environment": deployed(), "channel": "v1.*"},
    versions.resume_updates: went_back,
    apply.apply_change: a_preview,
    apply.discard_change: lambda: {"deployment": a_preview()["deployment"]},
    apply.preview_again: lambda: {"deployment": a_preview()["deployment"]},
    operate.request_association_run: an_association,
    operate.request_site_check: lambda: {"environment": deployed()},
    operate.request_protection: not_protected,
    operate.request_snapshot: lambda: {"environment": deployed()},
    request_drill: lambda: {"environment": deployed()},
    schedule_drills: lambda: {"environment": deployed(), "monthly": True},
    remaining.request_new_search: lambda: {"deployment": remains()["deployment"]},
    remaining.request_deletion_of: remains,
    recording_commands.request_recording: lambda: {"name": "failure"},
    sandbox.request_of_sandbox: lambda: {"account": make_account(), "what": "kill", "about": "i-1"},
    approve.approve: an_approval,
    approve.bypass: lambda: an_approval() | {"reason": "production is down"},
    approve.save_label_rule: lambda: {
        "label": ("stage", "production"),
        "approvals": 2,
        "role": "approver",
    },
    approve.delete_label_rule: lambda: {"rule": a_rule()},
    approve.deny: lambda: {k: v for k, v in an_approval().items() if k != "digest"} | {"reason": "no"},
    approve.set_approval_required: lambda: {
        "environment": deployed(),
        "required": True,
        "reason": "load test",
    },
    cancel.request_cancel: a_creation,
    schedule.reschedule: lambda: {"deployment": a_scheduled_creation(), "scheduled_for": None},
    recovering.request_stack_rollback: lambda: asked(deployed(stack_status="UPDATE_FAILED")),
    recovering.request_continue: lambda: asked(
        deployed(stack_status="UPDATE_ROLLBACK_FAILED", stuck=STUCK), skip=[]
    ),
    request_adoption: lambda: asked(deployed(changed_outside_at=timezone.now())),
    request_deletion_again: lambda: asked(
        deployed(stack_status="DELETE_FAILED", stuck=STUCK),
        resources=[],
        typed_name="staging",
        unprotect=True,
        force=True,
    ),
    locks.lock_environment: lambda: {"environment": deployed(), "reason": "load test"},
    locks.unlock_environment: a_lock,
    locks.break_lock: lambda: {"environment": a_lock()["environment"], "reason": "load test"},
    locks.save_freeze: lambda: {"window": a_freeze(), "changed": ["name"]},
    locks.delete_freeze: a_saved_freeze,
    versions.set_version_status: lambda: {
        "version": a_moved_tag().version,
        "status": "withdrawn",
        "reason": "load test",
    },
    versions.confirm_moved_tag: lambda: {"ref": a_moved_tag()},
    sources.save_source: lambda: {
        "source": None,
        "values": {"name": "shop", "kind": "git", "url": "https://git.example.com/shop.git", "refs": "main"},
        "credentials": {"username": "reader", "token": "secret"},
    },
    sources.remove_source: lambda: {"source": a_source()},
    sources.request_fetch: lambda: {"source": a_source()},
    sources.set_webhook: lambda: {"source": a_source(), "on": True},
    notification_commands.save_destination: lambda: {
        "target": None,
        "values": {"name": "hook", "topics": ["deployment.failed"], "language": "en"},
        "address": "https://hooks.example.com/",
        "shared": True,
    },
    notification_commands.remove_destination: a_target,
    notification_commands.set_enabled: lambda: a_target() | {"on": False},
    notification_commands.rotate_secret: a_target,
    notification_commands.request_test: a_target,
    notification_commands.request_retry: a_delivery,
    accounts.save_account: lambda: {
        "account": Account(name="new", region="ap-northeast-1"),
        "changed": ["name", "region"],
    },
    accounts.add_accounts: lambda: {"accounts": [Account(name="new", region="ap-northeast-1")]},
    accounts.delete_account: lambda: {"account": make_account()},
    accounts.request_connection_test: lambda: {"account": make_account()},
    contact_commands.request_run: lambda: {"account": make_account(), "steps": ["reads"]},
    contact_commands.request_cancel: lambda: {"run": a_first_contact()},
    contact_commands.request_clean_up: lambda: {"run": a_first_contact(left=True)},
    contact_commands.record_download: lambda: {"run": a_first_contact()},
    tokens.create_token: lambda: {"name": "CI", "scopes": ["deploy"], "lifetime_days": 30},
    tokens.revoke_token: a_token,
}


FOR_EVERYBODY = {tokens.create_token, tokens.revoke_token}
"""Actions that every user may request for themselves."""


PERMISSION: dict[Callable[..., Any], str] = {
    commands.export_audit: "view_auditrecord",
    support_commands.export_support_bundle: "view_auditrecord",
    create.request_deployment: "add_deployment",
    delete.request_deletion: "delete_environment",
    delete.close_environment: "delete_environment",
    delete.request_clean_up: "delete_environment",
    cancel.request_cancel: "add_deployment",
    schedule.reschedule: "add_deployment",
    operate.request_association_run: "operate_environment",
    operate.request_site_check: "operate_environment",
    operate.request_protection: "operate_environment",
    operate.request_snapshot: "operate_environment",
    request_drill: "operate_environment",
    schedule_drills: "operate_environment",
    remaining.request_new_search: "operate_environment",
    remaining.request_deletion_of: "delete_remaining",
    recording_commands.request_recording: "add_deployment",
    sandbox.request_of_sandbox: "add_deployment",
    grants.give_role: "manage_access",
    grants.remove_grant: "manage_access",
    grants.save_team: "manage_access",
    grants.delete_team: "manage_access",
    grants.add_member: "manage_access",
    grants.remove_member: "manage_access",
    grants.add_service_account: "manage_access",
    grants.set_active: "manage_access",
    invitations.invite: "manage_access",
    invitations.renew_invitation: "manage_access",
    invitations.withdraw_invitation: "manage_access",
    approve.approve: "approve_change",
    approve.bypass: "bypass_approval",
    approve.save_label_rule: "require_approval",
    approve.delete_label_rule: "require_approval",
    approve.deny: "approve_change",
    approve.set_approval_required: "require_approval",
    request_deletion_again: "force_delete",
    locks.lock_environment: "lock_environment",
    locks.unlock_environment: "lock_environment",
    locks.break_lock: "break_lock",
    versions.set_version_status: "manage_template_sets",
    versions.confirm_moved_tag: "manage_template_sets",
    sources.save_source: "manage_template_sets",
    sources.remove_source: "manage_template_sets",
    sources.request_fetch: "manage_template_sets",
    sources.set_webhook: "manage_template_sets",
    notification_commands.save_destination: "manage_notifications",
    notification_commands.remove_destination: "manage_notifications",
    notification_commands.set_enabled: "manage_notifications",
    notification_commands.rotate_secret: "manage_notifications",
    notification_commands.request_test: "manage_notifications",
    notification_commands.request_retry: "manage_notifications",
    locks.save_freeze: "manage_accounts",
    locks.delete_freeze: "manage_accounts",
    accounts.save_account: "manage_accounts",
    accounts.add_accounts: "manage_accounts",
    accounts.delete_account: "manage_accounts",
    accounts.request_connection_test: "manage_accounts",
    contact_commands.request_run: "manage_accounts",
    contact_commands.request_cancel: "manage_accounts",
    contact_commands.request_clean_up: "manage_accounts",
    contact_commands.record_download: "manage_accounts",
}
"""The one permission that each action requires; actions that are not listed require `change_environment`."""


REQUESTS = pytest.mark.parametrize("action", SCENES, ids=lambda action: action.__name__)
