"""Pending and approved requests of a release without approval rules continue after the upgrade."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from deployments.actions.approve import approve
from deployments.core.approvals import Policy
from deployments.core.phases import State
from deployments.models import Approval, Deployment, Environment
from deployments.models.approval import policy_of
from deployments.runner import approvals
from tests.builders import allow_only, make_deployment, make_environment, make_user
from tests.previews import make_preview
from tests.upgrade import load

BEFORE = "0038_suspended_tokens"


def test_waiting_changes_are_approved_by_one_person_and_approved_ones_begin(empty_database: None) -> None:
    load.upgrade()
    ana = allow_only(make_user("ana"), "change_environment")
    ben = allow_only(make_user("ben"), "approve_change")
    environment = make_environment("shop", stack_status="UPDATE_COMPLETE", requires_approval=True)
    make_deployment(environment, state="succeeded", last_phase="ready")
    waiting = make_preview(Environment.objects.get(), requested_by=ana)
    approvals.request(waiting, ana)
    tomorrow = timezone.now() + timedelta(days=1)
    approved = make_preview(Environment.objects.get(), requested_by=ana)
    approvals.request(approved, ana, scheduled_for=tomorrow)
    approvals.decide(Approval.objects.waiting().get(deployment=approved), "approved", ben)
    approved.move_to(State.SCHEDULED, due_at=tomorrow)

    call_command("migrate", "deployments", BEFORE, verbosity=0)  # drops the tables of rules and votes
    load.upgrade()

    assert policy_of(Environment.objects.get()) == Policy(approvals=1)
    assert not approvals.is_missing(Deployment.objects.get(pk=approved.pk))
    request = Approval.objects.waiting().get()
    shown = Deployment.objects.for_page().get(pk=waiting.pk)
    approve(user=User.objects.get(pk=ben.pk), deployment=shown, approval_pk=request.pk, digest=request.digest)
    assert Deployment.objects.get(pk=waiting.pk).state == State.QUEUED
