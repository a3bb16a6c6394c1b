"""The one note beside the state of an environment: text and address of what to know first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.access.models.permissions import Person, can
from deployments.access.rules.roles import Right
from deployments.accounts.models import ConnectionTest
from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.datetime_formats import timestamp
from deployments.common.texts import stored_text
from deployments.environment_pages.display.last_failure import failed_changes_of, lead_of
from deployments.environments.display import headlines
from deployments.environments.display.badges import LABELS
from deployments.environments.display.tab_urls import DATABASE, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import Note, note_of
from deployments.environments.rules.outcome import SANDBOX_RESTARTED
from deployments.environments.rules.phases import Kind, State
from deployments.health.models.maintenance import DatabaseMaintenance, PendingMaintenance
from deployments.health.rules.maintenance import DUE_NOTICE, SUPPORT_NOTICE
from deployments.template_sets.models.versions import updates_by_environment

HAVE_A_NOTICE = frozenset(
    {
        Note.SANDBOX_RESTARTED,
        Note.STACK_MISSING,
        Note.NEEDS_ATTENTION,
        Note.CHANGE_FAILED,
        Note.NOT_READABLE,
        Note.CHANGED_OUTSIDE,
        Note.SKIPPED_RESOURCES,
        Note.WAITING,
    }
)
"""Notes that also have a notice on the environment's page, with details and actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """A note as text, and the address of the page that says more."""

    note: Note
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFacts:
    """An environment, what other rows say of it, and the route of its account for those who may open it."""

    environment: Environment
    failed: Deployment | None
    waiting: Sequence[Deployment]
    has_broken_account: bool
    accounts_url: str
    has_update: bool
    maintenance_at: datetime | None
    support_ends_at: datetime | None


def notes_of(environments: Collection[Environment], person: Person) -> dict[int, NoteLine | None]:
    """Return the note of each environment by its key, of rows with account, version and latest deployment.

    There are at most eight queries for all of them, besides the rights of the person.
    """
    waiting: dict[int, list[Deployment]] = defaultdict(list)
    for row in Deployment.objects.waiting_in([one.pk for one in environments]):
        waiting[row.environment_id].append(row)
    failed = failed_changes_of(environments)
    broken = ConnectionTest.objects.failed_in({one.account_id for one in environments})
    offered = updates_by_environment(environments)
    due, ending = maintenance_times([one.pk for one in environments])
    accounts_url = "aws_account" if can(person, Right.MANAGE_ACCOUNTS) else ""
    return {
        one.pk: line_of_note(
            NoteFacts(
                environment=one,
                failed=failed.get(one.pk),
                waiting=waiting[one.pk],
                has_broken_account=one.account_id in broken,
                accounts_url=accounts_url,
                has_update=offered[one.pk].is_available,
                maintenance_at=due.get(one.pk),
                support_ends_at=ending.get(one.pk),
            )
        )
        for one in environments
    }


def maintenance_times(keys: Collection[int]) -> tuple[dict[int, datetime], dict[int, datetime]]:
    """Return when maintenance is due, and when support ends, by environment, if soon (two queries)."""
    now = timezone.now()
    due = PendingMaintenance.objects.due_by(now + DUE_NOTICE, keys)
    return due, DatabaseMaintenance.objects.support_ends_by(now + SUPPORT_NOTICE, keys)


def line_of_note(known: NoteFacts, elsewhere: Collection[Note] = ()) -> NoteLine | None:
    """Return the note of one environment, except those that its page has elsewhere."""
    note = note_of(known.environment.state, _found(known).difference(elsewhere))
    if note is None:
        return None
    text, url = _TEXTS[note](known)
    return NoteLine(note=note, text=text, url=url or known.environment.get_absolute_url())


def _found(known: NoteFacts) -> set[Note]:
    """Return all notes of an environment, whatever its state."""
    environment, latest = known.environment, known.environment.latest
    is_restarted = environment.missing_code == SANDBOX_RESTARTED or environment.is_of_another_run
    return {
        note
        for note, holds in (
            (Note.SANDBOX_RESTARTED, environment.is_gone and is_restarted),
            (Note.STACK_MISSING, environment.is_gone),
            (Note.NEEDS_ATTENTION, latest is not None and latest.attention_code),
            (Note.DEPLOYMENT, latest is not None),
            (Note.CREATION_FAILED, latest is not None),
            (Note.COMPONENT, environment.health_sentence),
            (Note.DELETION_FAILED, latest is not None and latest.is_failed_deletion),
            (Note.CHANGE_FAILED, known.failed is not None and known.failed.dismissed_at is None),
            (Note.DRILL_FAILED, environment.drill_failed_at),
            (Note.CONNECTION_FAILED, known.has_broken_account),
            (Note.NOT_READABLE, environment.observe_error),
            (Note.CHANGED_OUTSIDE, environment.changed_outside_at),
            (Note.SKIPPED_RESOURCES, environment.skipped),
            (Note.NOT_PROTECTED, latest is not None and latest.protection == "failed"),
            (Note.WAITING, known.waiting),
            (Note.MAINTENANCE_DUE, known.maintenance_at),
            (Note.UPDATE_AVAILABLE, known.has_update),
            (Note.SUPPORT_ENDS, known.support_ends_at),
            (Note.NOT_MEASURED, environment.health_sentence),
        )
        if holds
    }


def _named(deployment: Deployment | None, text: str) -> tuple[str, str]:
    """Return a deployment by its name with a text, and its address."""
    if deployment is None:
        return text, ""
    name = f"{deployment.get_kind_display()} {deployment.pk}"
    return (f"{name}: {text}" if text else name), deployment.get_absolute_url()


def _creation(known: NoteFacts) -> tuple[str, str]:
    """Return why the creation failed, as far as a headline says more than the state."""
    latest = known.environment.latest
    code = latest.error_code if latest else ""
    general = headlines.error("", kind=Kind.CREATE)
    text = headlines.error(code, kind=Kind.CREATE)
    return _named(latest, "" if text == general else text)


def _change(known: NoteFacts) -> tuple[str, str]:
    if known.failed is None:
        return "", ""
    return lead_of(known.failed).rstrip(".。"), known.failed.get_absolute_url()


def _active(deployment: Deployment | None) -> tuple[str, str]:
    """Return the phase of a deployment, or for when it is scheduled."""
    if deployment is None:
        return _named(None, "")
    phase = headlines.phase(deployment.state)
    if deployment.state == State.SCHEDULED and deployment.scheduled_for is not None:
        phase = f"{phase} {timestamp(deployment.scheduled_for)}"
    return _named(deployment, phase)


def _outside(known: NoteFacts) -> tuple[str, str]:
    changing = known.environment.is_stack_changing
    return _("Being changed outside of Sanso") if changing else _("Changed outside of Sanso"), ""


def _maintenance(known: NoteFacts) -> tuple[str, str]:
    moment = timestamp(known.maintenance_at) if known.maintenance_at else ""
    url = f"{tab_url(known.environment, DATABASE)}#maintenance"
    return _("Maintenance of the database from %(moment)s") % {"moment": moment}, url


def _support(known: NoteFacts) -> tuple[str, str]:
    ends_at = known.support_ends_at or timezone.now()
    url = f"{tab_url(known.environment, DATABASE)}#maintenance"
    if ends_at < timezone.now():
        return _("Standard support of the database has ended"), url
    day = f"{ends_at.astimezone(UTC):%Y-%m-%d}"
    return _("Standard support of the database until %(day)s") % {"day": day}, url


def _reason(known: NoteFacts) -> tuple[str, str]:
    return stored_text(known.environment.health_sentence), ""


_TEXTS: Mapping[Note, Callable[[NoteFacts], tuple[str, str]]] = {
    Note.SANDBOX_RESTARTED: lambda _known: (pgettext("status", "Sandbox restarted"), ""),
    Note.STACK_MISSING: lambda _known: (pgettext("status", "Stack missing"), ""),
    Note.NEEDS_ATTENTION: lambda known: _named(
        known.environment.latest, str(LABELS[DisplayStatus.ATTENTION])
    ),
    Note.DEPLOYMENT: lambda known: _active(known.environment.latest),
    Note.CREATION_FAILED: _creation,
    Note.COMPONENT: _reason,
    Note.DELETION_FAILED: lambda known: _named(known.environment.latest, _("Deletion failed")),
    Note.CHANGE_FAILED: _change,
    Note.DRILL_FAILED: lambda known: (
        _("Restore drill failed"),
        f"{tab_url(known.environment, DATABASE)}#restore-drills",
    ),
    Note.CONNECTION_FAILED: lambda known: (
        _("Connection test of the account failed"),
        reverse(known.accounts_url, args=[known.environment.account_id]) if known.accounts_url else "",
    ),
    Note.NOT_READABLE: lambda _known: (_("Stack cannot be read at the moment"), ""),
    Note.CHANGED_OUTSIDE: _outside,
    Note.SKIPPED_RESOURCES: lambda _known: (_("Resources that a rollback skipped"), ""),
    Note.NOT_PROTECTED: lambda _known: (_("Not protected"), ""),
    Note.WAITING: lambda known: _active(known.waiting[0]),
    Note.MAINTENANCE_DUE: _maintenance,
    Note.SUPPORT_ENDS: _support,
    Note.UPDATE_AVAILABLE: lambda known: (
        _("Update available"),
        reverse("environment_update", args=[known.environment.pk]),
    ),
    Note.NOT_MEASURED: _reason,
}
