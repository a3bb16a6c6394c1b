"""One creation, update or deletion of an environment, with one transition function for its state."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.change_summary import Prediction
from deployments.cloudformation.changes import Effect
from deployments.cloudformation.drift import FoundState
from deployments.cloudformation.operations import EXPRESS
from deployments.cloudformation.release_kind import PHASED, Release, ReleaseKind
from deployments.common.errors import LostClaim
from deployments.common.models.fields import IdField
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import (
    ACTIVE,
    AFTER_FAILURE,
    BEFORE_STACKS,
    PAST_STACKS,
    TERMINAL,
    TRANSITIONS,
    WAITS,
    Kind,
    State,
)

KINDS = [
    ("create", _("Create")),
    ("update", _("Update")),
    ("delete", _("Delete")),
    ("rollback", _("Rollback")),
    ("rollback_update", _("Roll back update")),
    ("rollback_creation", _("Roll back creation")),
]
OPERATIONS = [
    ("", ""),
    ("continue", _("Continue rollback")),
    ("take_over", _("Take over")),
    ("plan", _("Plan")),
]
PROTECTION = [
    ("", _("Not recorded")),  # of an earlier version of Sanso, or an update or a delete
    ("unwanted", _("Not requested")),
    ("wanted", _("Pending")),
    ("on", _("On")),
    ("failed", _("Not protected")),
]
STATES = [
    ("preflight", _("Preflight")),
    ("artifacts", _("Artifacts")),
    ("change_set", _("Change set")),
    ("preview", _("Preview")),
    ("approval", _("Waiting for approval")),
    ("scheduled", _("Scheduled")),
    ("queued", _("Queued")),
    ("snapshot", _("Snapshot")),
    ("servers", _("Servers")),
    ("stacks", _("Stacks")),
    ("configuration", _("Configuration")),
    ("traffic", _("Traffic")),
    ("ready", _("Ready")),
    ("protect", _("Protect")),
    ("succeeded", _("Succeeded")),
    ("failed", _("Failed")),
    ("rolled_back", _("Rolled back")),
    ("canceled", _("Canceled")),
]
CANCEL_CODES = [
    ("", ""),
    ("discarded", _("Discarded")),
    ("denied", _("Denied")),
    ("expired", _("Expired")),
    ("missed", _("Scheduled time missed")),
    ("permission_lost", _("Permission withdrawn")),
    ("version_withdrawn", _("Version withdrawn")),
    ("environment_deleted", _("Environment deleted")),
    ("end", _("Canceled before its stacks")),
    ("delete", _("Canceled: stack deleted")),
    ("roll_back", _("Canceled: update rolled back")),
    ("stop_release", _("Release stopped")),
    ("stop_waiting", _("Canceled while waiting")),
    ("leave_unprotected", _("Protection canceled")),
]
SNAPSHOT_FIRST = "snapshot_first"
"""The option of a change with the snapshots to take first (`changes/models/snapshot_choices.py`)."""
DATABASES = "databases"
"""The option of a change with the values of the databases' parameters that it was last based on."""
NOT_APPLIED = frozenset({"discarded", "denied", "expired"})
"""Why a change ended that nobody applied: nothing was canceled."""


class Deployment(models.Model):
    """A creation, change or deletion of an environment.

    `active_key` is the environment's pk while the deployment is active in it and NULL afterwards: the
    database allows one per environment. A change has it from Apply on, or from its turn in the queue.
    `request_key` is computed from the key that comes with a form, so that a form that is sent twice starts
    only one deployment; `request_fingerprint` is that of the form's values
    (`stacks/commands/sent_again.py`). `token` is the client request token of every AWS call.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="deployments")
    kind = models.CharField(_("kind"), max_length=20, choices=KINDS)
    state = models.CharField(_("state"), max_length=20, choices=STATES, default="preflight")
    last_phase = models.CharField(max_length=20, choices=STATES, default="preflight")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request_fingerprint = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    # Its operation beyond its kind, and its choices: `skip` of a continued rollback, `retain` and `force` of
    # a delete, `in_line`, `go_back` and `snapshot_first` of a change.
    operation = models.CharField(max_length=20, blank=True, default="", choices=OPERATIONS, editable=False)
    options = models.JSONField(default=dict, blank=True, editable=False)
    active_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)

    parameters = models.JSONField(default=dict, blank=True)
    sealed_parameters = models.TextField(blank=True, default="", editable=False)
    # For a delete: turn off the deletion protection of databases and load balancers first.
    unprotect = models.BooleanField(default=False)
    # Whether deletion protection is switched on when the environment is ready, by which parameter ("" if
    # the set has none: then only the stack is protected), and why it failed.
    protection = models.CharField(max_length=10, blank=True, default="", choices=PROTECTION)
    protection_parameter = models.CharField(max_length=255, blank=True, default="")
    protection_message = models.JSONField(default=dict, blank=True, editable=False)
    # Ids of machine images by parameter: looked up once, so that later updates replace no server.
    images = models.JSONField(default=dict, blank=True, editable=False)
    # For a change: the deployment whose values it changes, and the earlier one that it goes back to.
    # For a retry and a rollback: the deployment that stopped at a failure.
    base = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    rolls_back_to = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    # Whether a failure is kept (DisableRollback) instead of rolled back, so that it can be fixed.
    keep_on_failure = models.BooleanField(_("keep on failure"), default=False)
    # For a change: it continues from a failure that was kept.
    is_retry = models.BooleanField(default=False, editable=False)
    # How often its preview was computed again, because the stack had changed.
    revision = models.PositiveSmallIntegerField(default=0, editable=False)
    # The preview: the changes of the root stack and of nested ones, their digest, and the stack that they
    # were computed for, {"status", "updated"}.
    changes = models.JSONField(default=dict, blank=True, editable=False)
    preview_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    preview_stack = models.JSONField(default=dict, blank=True, editable=False)
    applied_at = models.DateTimeField(null=True, blank=True, editable=False)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # For a change: the scheduled time at which it takes its place in the queue. For a creation: at which it
    # begins, which is then in `applied_at`.
    scheduled_for = models.DateTimeField(null=True, blank=True, editable=False)
    # Why it ends before its goal, from the request on, and who requested this (nobody: it expired).
    cancel_code = models.CharField(
        max_length=20, blank=True, default="", choices=CANCEL_CODES, editable=False
    )
    canceled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # When its cancellation was requested and, once it is stopping, accepted; or why that came too late.
    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_accepted_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_refusal = models.JSONField(default=dict, blank=True, editable=False)
    # The newest event of each nested stack before a change: newer ones belong to it.
    bookmarks = models.JSONField(default=dict, blank=True, editable=False)
    template_digest = models.CharField(max_length=64, blank=True, default="")
    # The version with this digest; NULL if the set had no version, or for earlier versions of Sanso.
    template_version = models.ForeignKey(
        "deployments.TemplateVersion",
        null=True,
        on_delete=models.SET_NULL,
        related_name="deployments",
        editable=False,
    )
    artifact_bucket = models.CharField(max_length=63, blank=True, default="")
    artifact_prefix = models.CharField(max_length=200, blank=True, default="")
    change_set_id = models.CharField(max_length=255, blank=True, default="")
    stack_id = IdField(max_length=255, blank=True, default="")

    last_seq = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=80, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_sentence = models.JSONField(default=dict, blank=True, editable=False)
    attention_code = models.CharField(max_length=80, blank=True, default="")
    attention = models.TextField(blank=True, default="")
    attention_sentence = models.JSONField(default=dict, blank=True, editable=False)
    # The unmet conditions of the last phases: messages as JSON.
    waiting_for = models.JSONField(default=list, blank=True, editable=False)
    # The results of the search after the end: see deployments/stacks/models/remaining.py.
    remaining = models.JSONField(default=dict, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0)
    quiet_passes = models.PositiveSmallIntegerField(default=0)
    # Who dismissed its failure, for everybody, and when. A name, as in audit records.
    dismissed_by = models.CharField(max_length=150, blank=True, default="", db_default="", editable=False)
    dismissed_at = models.DateTimeField(null=True, blank=True, editable=False)

    # The highest displayed percentages, forward and in a rollback: they never decrease.
    progress = models.PositiveSmallIntegerField(default=0, editable=False)
    rollback_progress = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    phase_at = models.DateTimeField(default=timezone.now)
    ticked_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # When the environment became ready; the time to ready is measured from created_at.
    ready_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(DeploymentQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("deployment")
        verbose_name_plural = _("deployments")
        indexes = (
            models.Index(fields=("state", "id"), name="deployments_by_state"),
            models.Index(fields=("environment", "ended_at"), name="deployments_by_end"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.environment.name}"

    def get_absolute_url(self) -> str:
        """Return the deployment's page."""
        return reverse("deployment", args=[self.pk])

    def get_kind_display(self) -> str:  # type: ignore[no-redef]  # that of the plugin has the kind alone
        """Return the name of its operation for pages: its own if it has one, otherwise its kind."""
        if self.kind == Kind.UPDATE and self.rolls_back_to_id is not None:
            return str(dict(KINDS)[Kind.ROLLBACK])
        return str(dict(OPERATIONS)[self.operation] if self.operation else dict(KINDS)[self.kind])

    def get_state_display(self) -> str:  # type: ignore[no-redef]  # that of the plugin has the state alone
        """Return the name of its state for pages: a change that nobody applied was not canceled."""
        if self.state == State.CANCELED and self.cancel_code in NOT_APPLIED:
            return self.get_cancel_code_display()
        return str(dict(STATES)[self.state])

    @property
    def is_active(self) -> bool:
        """Return whether the deployment has not ended."""
        return State(self.state) in ACTIVE

    @property
    def has_failed(self) -> bool:
        """Return whether it ended in a failure, rolled back or not; one that was canceled has not failed."""
        return self.state in (State.FAILED, State.ROLLED_BACK) and not self.was_canceled

    @property
    def is_failed_change(self) -> bool:
        """Return whether it failed to change an environment that exists; it did not create or delete it."""
        changes = self.kind in (Kind.UPDATE, Kind.ROLLBACK, Kind.ROLLBACK_UPDATE) and not self.creates
        return changes and self.has_failed

    @property
    def is_failed_deletion(self) -> bool:
        """Return whether it failed to delete its environment, after it had begun."""
        return self.kind == Kind.DELETE and self.state == State.FAILED and not self.failed_before_stacks

    @property
    def failed_before_stacks(self) -> bool:
        """Return whether it failed before it changed a stack that exists, such as in the preflight."""
        is_early = self.state == State.FAILED and State(self.last_phase) in BEFORE_STACKS
        return is_early and self.kind != Kind.CREATE

    @property
    def is_open_change(self) -> bool:
        """Return whether it is a change that has not begun, or a deletion that waits for approval."""
        before = State(self.state) in BEFORE_STACKS and self.active_key is None
        return before and (self.kind == Kind.UPDATE or self.state == State.APPROVAL)

    @property
    def is_deletion_request(self) -> bool:
        """Return whether it is a deletion that waits for approval, or has ended without one."""
        waits = self.state == State.APPROVAL or (self.state == State.CANCELED and self.applied_at is None)
        return self.kind == Kind.DELETE and waits

    @property
    def has_created_nothing(self) -> bool:
        """Return whether it failed to create the stacks of its environment, or has emptied them again."""
        failed = self.state in (State.FAILED, State.ROLLED_BACK) and State(self.last_phase) not in PAST_STACKS
        emptied = self.kind == Kind.ROLLBACK_CREATION and self.state == State.SUCCEEDED
        return emptied or (self.creates and failed)

    @property
    def is_scheduled_creation(self) -> bool:
        """Return whether it is a creation that waits for its time, or for the end of a freeze after it."""
        return self.kind == Kind.CREATE and State(self.state) in WAITS

    @property
    def is_never_begun(self) -> bool:
        """Return whether it is a scheduled creation that has not begun, and never will if it has ended."""
        return self.kind == Kind.CREATE and self.scheduled_for is not None and self.applied_at is None

    @property
    def is_canceled_before_begin(self) -> bool:
        """Return whether it is a scheduled creation that was canceled before it began."""
        return self.state == State.CANCELED and self.is_never_begun

    @property
    def is_applied_change(self) -> bool:
        """Return whether it was applied or approved after its first phases."""
        return self.kind != Kind.CREATE and self.applied_at is not None

    @property
    def began_at(self) -> datetime:
        """Return when its work began: for a change, when it was applied, not when it was requested.

        A scheduled creation that has not begun is expected to begin at its time.
        """
        if self.is_never_begun:
            return self.ended_at or self.scheduled_for or self.created_at
        return self.applied_at or self.created_at

    @property
    def preflight_at(self) -> datetime:
        """Return when its preflight began: of a change, before it was applied."""
        return self.began_at if self.kind == Kind.CREATE else self.created_at

    @property
    def is_good(self) -> bool:
        """Return whether it succeeded in creating or changing its environment."""
        is_change = self.kind in (Kind.CREATE, Kind.UPDATE)
        return is_change and self.state == State.SUCCEEDED and not self.changed_nothing

    @property
    def is_rollback(self) -> bool:
        """Return whether an operator requested it to roll back a failure that was kept."""
        return self.kind in AFTER_FAILURE

    @property
    def creates(self) -> bool:
        """Return whether it creates its environment, or completes a creation that was kept."""
        return self.kind == Kind.CREATE or (self.is_retry and self.protection != "")

    @property
    def prediction(self) -> Prediction | None:
        """Return the accuracy of its preview about unchanged resources; None if it is not known."""
        return Prediction.from_json(self.changes.get("prediction") or {})

    @property
    def unchanged(self) -> frozenset[str]:
        """Return the paths of the resources that its change set lists and its preview takes for unchanged."""
        listed = self.changes.get("resources", []) if isinstance(self.changes, dict) else []
        return frozenset(str(one["path"]) for one in listed if one.get("effect") == Effect.UNCHANGED.value)

    @property
    def replaced(self) -> dict[str, bool]:
        """Return which uncertain replacements of its preview happened, by path; empty before its end."""
        return dict(self.changes.get("replaced") or {})

    @property
    def found(self) -> FoundState:
        """Return what AWS had when its preview was computed, and the last good deployment had not."""
        return FoundState.from_json(self.changes.get("found"))

    @property
    def release(self) -> Release | None:
        """Return its release to running servers; None if its template set declares none."""
        return Release.from_json(self.changes.get("release"))

    @property
    def releases_to_servers(self) -> bool:
        """Return whether running servers get another version, by any method."""
        found = self.release
        return found is not None and found.kind is not ReleaseKind.NONE

    @property
    def is_only_servers(self) -> bool:
        """Return whether its stacks need no change, and only servers run another version."""
        return bool(self.changes.get("only_servers"))

    @property
    def is_release_by_server(self) -> bool:
        """Return whether its preview contains a release to running servers, one by one."""
        found = self.release
        return found is not None and found.kind in PHASED

    @property
    def has_servers_phase(self) -> bool:
        """Return whether it installs a release on running servers, one by one."""
        return State(self.last_phase) is State.SERVERS or self.is_release_by_server

    @property
    def is_cancel_pending(self) -> bool:
        """Return whether its cancellation was requested, and neither accepted nor refused so far."""
        is_open = self.is_active and self.cancel_accepted_at is None and not self.cancel_refusal
        return is_open and self.cancel_requested_at is not None

    @property
    def is_stopping(self) -> bool:
        """Return whether its cancellation was accepted, also after its end."""
        return self.cancel_accepted_at is not None

    @property
    def was_canceled(self) -> bool:
        """Return whether it ended because it was canceled: an update is rolled back then."""
        state = State(self.state)
        return state is State.CANCELED or (state is State.ROLLED_BACK and self.is_stopping)

    @property
    def is_express(self) -> bool:
        """Return whether the previewed stack was deployed in express mode, in which its change goes on."""
        return bool(self.preview_stack.get("mode") == EXPRESS)

    @property
    def changed_nothing(self) -> bool:
        """Return whether CloudFormation found nothing to change."""
        nothing = self.state == State.SUCCEEDED and self.last_phase == State.CHANGE_SET
        return self.kind == Kind.UPDATE and nothing

    @property
    def protects(self) -> bool:
        """Return whether switching on deletion protection is one of its phases."""
        return self.protection in ("wanted", "on", "failed")

    @property
    def optional_phases(self) -> frozenset[State]:
        """Return which phases it has of those that only some deployments have."""
        has = {
            State.SNAPSHOT: SNAPSHOT_FIRST in self.options,
            State.SERVERS: self.has_servers_phase,
            State.PROTECT: self.protects,
        }
        return frozenset(phase for phase, is_one in has.items() if is_one)

    @property
    def change_set_name(self) -> str:
        """Return the name of the change set; it is the same in every step, and new for each preview."""
        name = self.change_set_name_of(self.revision)
        return f"{name}-root" if self.is_root_only else name

    @property
    def is_root_only(self) -> bool:
        """Return whether its change set has no nested ones: CloudFormation rejected them."""
        return bool(self.changes.get("root_only"))

    def change_set_name_of(self, revision: int) -> str:
        """Return the name of the change set of one preview."""
        return f"sanso-{self.token}-{revision}" if revision else f"sanso-{self.token}"

    def advance_progress(self, percent: int, *, back: bool) -> int:
        """Return the progress in a direction after reaching `percent`: it never goes back."""
        name = "rollback_progress" if back else "progress"
        known: int = getattr(self, name)
        if percent <= known:
            return known
        type(self).objects.filter(pk=self.pk, **{f"{name}__lt": percent}).update(**{name: percent})
        setattr(self, name, percent)
        return percent

    def confirm_claim(self) -> None:
        """Raise LostClaim unless this step still owns the row. Call it before every change in AWS."""
        if not type(self).objects.filter(pk=self.pk, version=self.version).exists():
            raise LostClaim(self.pk)

    def record(self, **values: Any) -> None:
        """Write fields of the row other than its state, while this step owns the row.

        Raise LostClaim if it does not.
        """
        if not type(self).objects.filter(pk=self.pk, version=self.version).update(**values):
            raise LostClaim(self.pk)
        for name, value in values.items():
            setattr(self, name, value)

    def move_to(self, new: State, **values: Any) -> None:
        """Change the state by compare-and-set; no other code may. A final state releases the environment.

        Raise ValueError for a transition that is not in `TRANSITIONS`, LostClaim if another step has changed
        the state or the claim.
        """
        old = State(self.state)
        if new not in TRANSITIONS[old]:
            raise ValueError(f"a deployment cannot go from {old} to {new}")
        now = timezone.now()
        values |= {"state": str(new)}
        if new in TERMINAL:
            values |= {"failures": 0, "attention": "", "attention_code": ""}
            values |= {"ended_at": now, "due_at": None, "active_key": None, "sealed_parameters": ""}
        else:
            values |= {"phase_at": now} | ({} if new in WAITS else {"last_phase": str(new)})
        won = type(self).objects.filter(pk=self.pk, state=str(old), version=self.version).update(**values)
        if not won:
            raise LostClaim(self.pk)
        for name, value in values.items():
            setattr(self, name, value)
