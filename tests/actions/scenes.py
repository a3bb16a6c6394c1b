"""A scene for each action: the arguments of a request, and the rows that it can change."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from pytest_django import Settings

from deployments import catalog
from deployments.actions import (
    access,
    account,
    apply_change,
    approval_rules,
    approve,
    audit,
    cancel,
    change,
    channels,
    clean_up,
    delete,
    deploy,
    freeze,
    invitations,
    labels,
    lock,
    notifications,
    open_change,
    operate,
    recovery,
    remaining,
    roll_back,
    sandbox,
    template_sources,
    tokens,
    versions,
)
from deployments.actions import recordings as recorded
from deployments.core.remaining import Billing, Reason, RemainingResource
from deployments.models import (
    Account,
    Approval,
    ApprovalRule,
    Association,
    AuditRecord,
    Delivery,
    Deployment,
    Environment,
    EnvironmentLock,
    FreezeWindow,
    Grant,
    Invitation,
    Team,
    TemplateRef,
    TemplateSource,
    TemplateVersion,
)
from deployments.runner import outbox
from deployments.runner import versions as recorded_versions
from tests.builders import make_account, make_deployment, make_environment, make_operator, make_user
from tests.built_health import make_whole
from tests.live import scenes
from tests.notification_builders import make_target
from tests.previews import make_preview

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
NOT_REQUESTED = {
    *("begin_waiting", "cancel", "give_labels", "labels_to_create", "refuse_without_label"),
    "may_give_grant",
    *("refuse_unless_all_theirs", "refuse_unless_theirs", "whole"),
    "may_set_up",
}
"""Public functions with a parameter `user` that are parts of requests."""
CHANGES_NOTHING = {
    *(operate.request_association_run, operate.request_site_check, operate.request_protection),
    *(remaining.request_new_search, recorded.request_recording, sandbox.request_of_sandbox),
    *(template_sources.request_fetch, audit.export_audit),
}
"""Requests that change no value of the portal: they go to AWS, to a template set's server, or nowhere."""
WITH_VALUES = {
    one.__name__
    for one in (
        *(account, apply_change, approval_rules, approve, cancel, change, channels, clean_up, delete, deploy),
        *(freeze, lock, open_change, remaining, roll_back, template_sources, versions, recovery),
    )
}
"""Modules whose actions record the values before and after the change."""
Scene = Callable[[], dict[str, Any]]
"""A function that writes the rows for one request and returns its arguments except the user."""


STUCK = {"status": "UPDATE_ROLLBACK_FAILED", "updated": "", "resources": []}
SNAPSHOT = RemainingResource(
    type="AWS::RDS::DBClusterSnapshot",
    id="final",
    reason=Reason.SNAPSHOT,
    billing=Billing.BILLED,
    can_delete=True,
)


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


def deployed(**values: Any) -> Environment:
    return make_whole("staging", parameters={"Size": "small"}, **values)


def a_preview() -> dict[str, Any]:
    preview = make_preview(deployed())
    return {"deployment": preview, "digest": preview.preview_digest}


def remains() -> dict[str, Any]:
    ended = make_deployment(
        make_environment("gone", deleted_at=timezone.now()),
        kind="delete",
        state="succeeded",
        remaining={"search": "done", "services": {"rds": {"resources": [SNAPSHOT.as_json()]}}},
    )
    return {
        "deployment": ended,
        "chosen": [("AWS::RDS::DBClusterSnapshot", "final")],
        "typed_name": "gone",
    }


def not_protected() -> dict[str, Any]:
    environment = deployed()
    Deployment.objects.update(protection="failed")
    return {"environment": environment}


def a_creation() -> dict[str, Any]:
    found = make_deployment(make_environment("shop"), state="configuration")
    return {"deployment": found, "effect": str(cancel.effect_of(found))}


def an_earlier_one() -> dict[str, Any]:
    found = deployed().latest
    assert found is not None
    found.template_digest = catalog.load(settings.SANSO_TEMPLATE_SET).digest
    found.save()
    return {"deployment": found, "reason": "", "request_key": uuid.uuid4()}


def a_version() -> dict[str, Any]:
    version = recorded_versions.bundled(catalog.load(settings.SANSO_TEMPLATE_SET))
    return asked(deployed(), version=version)


def went_back() -> dict[str, Any]:
    version = recorded_versions.bundled(catalog.load(settings.SANSO_TEMPLATE_SET))
    return {"environment": deployed(went_back_from=version)}


def an_approval() -> dict[str, Any]:
    environment = deployed(requires_approval=True)
    preview = make_preview(environment)
    requester = make_operator("requester")
    apply_change.apply_change(user=requester, deployment=preview, digest=preview.preview_digest)
    QuerySet(AuditRecord).delete()
    approval = Approval.objects.waiting().get(deployment=preview)
    return {"deployment": preview, "approval_pk": approval.pk, "digest": preview.preview_digest}


def a_rule() -> ApprovalRule:
    label = ("stage", "production")
    return ApprovalRule.objects.create(
        label_key=label[0], label_value=label[1], approvals=2, key=ApprovalRule.key_for(None, label)
    )


def a_lock(owner: User | None = None) -> dict[str, Any]:
    environment = deployed()
    EnvironmentLock.objects.create(
        environment=environment,
        active_key=environment.pk,
        owner=owner or make_user("root", is_superuser=True),
        reason="Waiting for the audit.",
    )
    return {"environment": environment}


def a_freeze() -> FreezeWindow:
    return FreezeWindow(
        account=make_account(),
        name="weekend",
        reason="load test",
        kind="weekly",
        start_day=5,
        start_time=time(0),
        end_day=0,
        end_time=time(0),
    )


def a_saved_freeze() -> dict[str, Any]:
    window = a_freeze()
    window.save()
    return {"window": window}


def a_source() -> TemplateSource:
    return TemplateSource.objects.create(name="shop", live_key="shop", kind="git")


def a_moved_tag() -> TemplateRef:
    source = a_source()
    first, second = (
        TemplateVersion.objects.create(source=source, number=n, commit=c * 40, digest=c * 64)
        for n, c in ((1, "a"), (2, "b"))
    )
    return TemplateRef.objects.create(
        source=source,
        name="refs/tags/v1",
        is_tag=True,
        version=second,
        moved_from=first,
        moved_at=timezone.now(),
    )


def a_token() -> dict[str, Any]:
    owner = make_user("root", is_superuser=True)
    token, _value = tokens.create_token(user=owner, name="CI", scopes=[], lifetime_days=30)
    QuerySet(AuditRecord).delete()
    return {"token": token}


def a_team() -> Team:
    return Team.objects.create(name="Payments", key="payments")


def invited() -> User:
    person = make_user("lee")
    Invitation.objects.create(user=person, digest="d", expires_at=timezone.now())
    return person


def a_grant() -> Grant:
    """A grant whose removal leaves another user who can manage access."""
    make_user("root", is_superuser=True)
    return Grant.objects.get(user=make_user("lee"))


def an_association() -> dict[str, Any]:
    environment = deployed()
    found = Association.objects.of(environment)[0]
    return {"environment": environment, "association_id": found.association_id, "only_failed": False}


def asked(environment: Environment, **values: Any) -> dict[str, Any]:
    return {"environment": environment, "reason": "load test", "request_key": uuid.uuid4()} | values


def a_target() -> dict[str, Any]:
    return {"target": make_target("https://hooks.example.com/")}


def a_delivery() -> dict[str, Any]:
    delivery = outbox.test(make_target("https://hooks.example.com/"), "first", timezone.now())
    Delivery.objects.update(state="failed", due_at=None)
    return {"delivery": delivery}


SCENES: dict[Callable[..., Any], Scene] = {
    audit.export_audit: lambda: {"filters": {"q": "shop"}, "kind": "csv"},
    deploy.request_deployment: lambda: {
        "account": make_account(),
        "name": "shop",
        "parameters": {"Size": "small"},
        "reason": "load test",
        "request_key": uuid.uuid4(),
    },
    delete.request_deletion: lambda: asked(deployed(), typed_name="staging", unprotect=True),
    delete.close_environment: lambda: {"environment": deployed(missing_since=timezone.now())},
    clean_up.request_clean_up: lambda: {"deployment": scenes.reload(scenes.rolled_back())},
    change.request_change: lambda: asked(deployed(), parameters={"Size": "large"}),
    change.request_rollback: an_earlier_one,
    change.request_version: a_version,
    access.give_role: lambda: {"grant": Grant(user=make_user("lee"), role="viewer")},
    access.remove_grant: lambda: {"grant": a_grant()},
    access.save_team: lambda: {"team": Team(), "name": "Payments", "description": ""},
    access.delete_team: lambda: {"team": a_team()},
    access.add_member: lambda: {"team": a_team(), "person": make_user("lee")},
    access.remove_member: lambda: {"team": a_team(), "person": make_user("lee")},
    access.add_service_account: lambda: {"name": "ci", "description": ""},
    access.set_active: lambda: {"person": make_user("lee"), "active": False},
    invitations.invite: lambda: {"name": "lee", "email": "", "roles": ["viewer"], "teams": [a_team()]},
    invitations.renew_invitation: lambda: {"person": invited()},
    invitations.withdraw_invitation: lambda: {"person": invited()},
    labels.set_labels: lambda: {"environment": deployed(), "labels": {"team": "payments"}},
    channels.set_channel: lambda: {"environment": deployed(), "channel": "v1.*"},
    channels.resume_updates: went_back,
    apply_change.apply_change: a_preview,
    open_change.discard_change: lambda: {"deployment": a_preview()["deployment"]},
    open_change.preview_again: lambda: {"deployment": a_preview()["deployment"]},
    operate.request_association_run: an_association,
    operate.request_site_check: lambda: {"environment": deployed()},
    operate.request_protection: not_protected,
    remaining.request_new_search: lambda: {"deployment": remains()["deployment"]},
    remaining.request_deletion_of: remains,
    recorded.request_recording: lambda: {"name": "failure"},
    sandbox.request_of_sandbox: lambda: {"account": make_account(), "what": "kill", "about": "i-1"},
    approve.approve: an_approval,
    approve.bypass: lambda: an_approval() | {"reason": "production is down"},
    approval_rules.save_label_rule: lambda: {
        "label": ("stage", "production"),
        "approvals": 2,
        "role": "approver",
    },
    approval_rules.delete_label_rule: lambda: {"rule": a_rule()},
    approve.deny: lambda: {k: v for k, v in an_approval().items() if k != "digest"} | {"reason": "no"},
    approve.set_approval_required: lambda: {
        "environment": deployed(),
        "required": True,
        "reason": "load test",
    },
    cancel.request_cancel: a_creation,
    roll_back.request_stack_rollback: lambda: asked(deployed(stack_status="UPDATE_FAILED")),
    recovery.request_continue: lambda: asked(
        deployed(stack_status="UPDATE_ROLLBACK_FAILED", stuck=STUCK), skip=[]
    ),
    recovery.request_take_over: lambda: asked(deployed(changed_outside_at=timezone.now())),
    recovery.request_deletion_again: lambda: asked(
        deployed(stack_status="DELETE_FAILED", stuck=STUCK),
        resources=[],
        typed_name="staging",
        unprotect=True,
        force=True,
    ),
    lock.lock_environment: lambda: {"environment": deployed(), "reason": "load test"},
    lock.unlock_environment: a_lock,
    lock.break_lock: lambda: {"environment": a_lock()["environment"], "reason": "load test"},
    freeze.save_freeze: lambda: {"window": a_freeze(), "changed": ["name"]},
    freeze.delete_freeze: a_saved_freeze,
    versions.set_version_status: lambda: {
        "version": a_moved_tag().version,
        "status": "withdrawn",
        "reason": "load test",
    },
    versions.confirm_moved_tag: lambda: {"ref": a_moved_tag()},
    template_sources.save_source: lambda: {
        "source": None,
        "values": {"name": "shop", "kind": "git", "url": "https://git.example.com/shop.git", "refs": "main"},
        "credentials": {"username": "reader", "token": "secret"},
    },
    template_sources.remove_source: lambda: {"source": a_source()},
    template_sources.request_fetch: lambda: {"source": a_source()},
    template_sources.set_webhook: lambda: {"source": a_source(), "on": True},
    notifications.save_target: lambda: {
        "target": None,
        "values": {"name": "hook", "topics": ["deployment.failed"], "language": "en"},
        "address": "https://hooks.example.com/",
        "shared": True,
    },
    notifications.remove_target: a_target,
    notifications.set_enabled: lambda: a_target() | {"on": False},
    notifications.rotate_secret: a_target,
    notifications.request_test: a_target,
    notifications.request_retry: a_delivery,
    account.save_account: lambda: {
        "account": Account(name="new", region="ap-northeast-1"),
        "changed": ["name", "region"],
    },
    account.delete_account: lambda: {"account": make_account()},
    tokens.create_token: lambda: {"name": "CI", "scopes": ["deploy"], "lifetime_days": 30},
    tokens.revoke_token: a_token,
}
FOR_EVERYBODY = {tokens.create_token, tokens.revoke_token}
"""Actions that every user may request for themselves."""
PERMISSION: dict[Callable[..., Any], str] = {
    audit.export_audit: "view_auditrecord",
    deploy.request_deployment: "add_deployment",
    delete.request_deletion: "delete_environment",
    delete.close_environment: "delete_environment",
    clean_up.request_clean_up: "delete_environment",
    cancel.request_cancel: "add_deployment",
    operate.request_association_run: "operate_environment",
    operate.request_site_check: "operate_environment",
    operate.request_protection: "operate_environment",
    remaining.request_new_search: "operate_environment",
    remaining.request_deletion_of: "delete_remaining",
    recorded.request_recording: "add_deployment",
    sandbox.request_of_sandbox: "add_deployment",
    access.give_role: "manage_access",
    access.remove_grant: "manage_access",
    access.save_team: "manage_access",
    access.delete_team: "manage_access",
    access.add_member: "manage_access",
    access.remove_member: "manage_access",
    access.add_service_account: "manage_access",
    access.set_active: "manage_access",
    invitations.invite: "manage_access",
    invitations.renew_invitation: "manage_access",
    invitations.withdraw_invitation: "manage_access",
    approve.approve: "approve_change",
    approve.bypass: "bypass_approval",
    approval_rules.save_label_rule: "require_approval",
    approval_rules.delete_label_rule: "require_approval",
    approve.deny: "approve_change",
    approve.set_approval_required: "require_approval",
    recovery.request_deletion_again: "force_delete",
    lock.lock_environment: "lock_environment",
    lock.unlock_environment: "lock_environment",
    lock.break_lock: "break_lock",
    versions.set_version_status: "manage_template_sets",
    versions.confirm_moved_tag: "manage_template_sets",
    template_sources.save_source: "manage_template_sets",
    template_sources.remove_source: "manage_template_sets",
    template_sources.request_fetch: "manage_template_sets",
    template_sources.set_webhook: "manage_template_sets",
    notifications.save_target: "manage_notifications",
    notifications.remove_target: "manage_notifications",
    notifications.set_enabled: "manage_notifications",
    notifications.rotate_secret: "manage_notifications",
    notifications.request_test: "manage_notifications",
    notifications.request_retry: "manage_notifications",
    freeze.save_freeze: "manage_accounts",
    freeze.delete_freeze: "manage_accounts",
    account.save_account: "manage_accounts",
    account.delete_account: "manage_accounts",
}
"""The one permission that each action requires; actions that are not listed require `change_environment`."""
REQUESTS = pytest.mark.parametrize("action", SCENES, ids=lambda action: action.__name__)
