"""Rows that the scenes of actions need: environments, changes, teams, grants and so on."""

from __future__ import annotations

import uuid
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team
from deployments.administration.commands import tokens
from deployments.administration.models.invitations import Invitation
from deployments.changes.commands import apply
from deployments.changes.models.approvals import Approval, ApprovalRule
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.first_contact.models import FINISHED, ContactRun
from deployments.first_contact.rules.answers import Left
from deployments.first_contact.shared import runs
from deployments.health.models.configuration import Association
from deployments.locks.models import EnvironmentLock, FreezeWindow
from deployments.notifications.models import Delivery
from deployments.notifications.shared import outbox
from deployments.recovery.commands import cancel
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.shared import versions
from deployments.template_sets.template_files.restored_data import DatabaseChange, RestoredData
from tests.builders import make_account, make_deployment, make_environment, make_operator, make_user
from tests.health_builders import make_whole
from tests.notification_builders import make_target
from tests.previews import make_preview

STUCK = {"status": "UPDATE_ROLLBACK_FAILED", "updated": "", "resources": []}


SNAPSHOT = RemainingResource(
    type="AWS::RDS::DBClusterSnapshot",
    id="final",
    reason=Reason.SNAPSHOT,
    billing=Billing.BILLED,
    can_delete=True,
)


def deployed(**values: Any) -> Environment:
    return make_whole("staging", parameters={"Size": "small"}, **values)


def a_failed_change() -> dict[str, Any]:
    environment = deployed(stack_status="UPDATE_ROLLBACK_COMPLETE")
    ended = {"state": "rolled_back", "last_phase": "stacks"}
    return {"deployment": make_deployment(environment, kind="update", **ended)}


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


def a_scheduled_creation() -> Deployment:
    tomorrow = timezone.now() + timedelta(days=1)
    values = {"state": "scheduled", "active_key": None, "scheduled_for": tomorrow, "due_at": tomorrow}
    return make_deployment(make_environment("shop"), **values)


def an_earlier_one() -> dict[str, Any]:
    found = deployed().latest
    assert found is not None
    found.template_digest = template_files.load(settings.SANSO_TEMPLATE_SET).digest
    found.save()
    return {"deployment": found, "reason": "", "request_key": uuid.uuid4()}


def a_version() -> dict[str, Any]:
    version = versions.bundled(template_files.load(settings.SANSO_TEMPLATE_SET))
    return asked(deployed(), version=version)


def a_restore() -> dict[str, Any]:
    folder = Path(settings.SANSO_TEMPLATE_SET)
    names = ("databases", "in_use", "unprotected", "snapshot", "cluster", "time")
    defaults = ("A", "A", "none", '""', '""', '""')
    declared = "".join(
        f"  {name}: {{Type: String, Default: {default}}}\n"
        for name, default in zip(names, defaults, strict=True)
    )
    root = folder / "root.yaml"
    root.write_text(root.read_text().replace("Resources:", f"{declared}Resources:"))
    (folder / "template-set.yaml").write_text(
        f"root: root.yaml\nsecond_database: {{{', '.join(f'{name}: {name}' for name in names)}}}\n"
    )
    found = template_files.load(folder)
    stored_sets.keep(found)
    environment = deployed()
    Deployment.objects.filter(environment=environment).update(template_digest=found.digest)
    return asked(environment, wanted=DatabaseChange(restore=RestoredData(snapshot="kept")))


def went_back() -> dict[str, Any]:
    version = versions.bundled(template_files.load(settings.SANSO_TEMPLATE_SET))
    return {"environment": deployed(went_back_from=version)}


def an_approval() -> dict[str, Any]:
    environment = deployed(requires_approval=True)
    preview = make_preview(environment)
    requester = make_operator("requester")
    apply.apply_change(user=requester, deployment=preview, digest=preview.preview_digest)
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


def a_first_contact(*, left: bool = False) -> ContactRun:
    """Return a first contact in progress, or one that has ended and left a network."""
    run = runs.begin(make_account(), ["reads"])
    if left:
        network = Left(type="AWS::EC2::VPC", id="vpc-1", billing=str(Billing.FREE))
        run.state, run.left, run.due_at = FINISHED, [network.as_json()], None
        run.save()
    return run


def a_delivery() -> dict[str, Any]:
    delivery = outbox.test(make_target("https://hooks.example.com/"), "first", timezone.now())
    Delivery.objects.update(state="failed", due_at=None)
    return {"delivery": delivery}
