"""Texts about what remains in AWS after a deployment, and what a failure without a rollback has kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource, SearchState, billing_of
from deployments.cloudformation.status import is_complete, is_failed, is_failed_create, is_gone
from deployments.common.texts import message_text, stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.notifications.texts.remaining import remaining_text
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.stacks import STACK_TYPE, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingRow:
    """One resource. `value` is its name in the form, `why` the reason why it still exists."""

    value: str
    type: str
    name: str
    why: str
    billing: str
    is_billed: bool
    can_delete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingView:
    """All of them, with one sentence, and the failed searches. `problem`: why the last deletion failed."""

    sentence: str
    rows: Sequence[RemainingRow]
    problems: Sequence[tuple[str, str]]
    is_searching: bool
    is_deleting: bool = False
    problem: str = ""

    @property
    def can_delete(self) -> bool:
        """Return whether Sanso can delete any of them."""
        return any(row.can_delete for row in self.rows)


def remaining_view(deployment: Deployment) -> RemainingView | None:
    """Return what remains of a deployment that has ended (two queries); None if nothing was searched.

    Also None for a stack kept for a retry: the deployment's rows show it.
    """
    if not deployment.remaining or has_preserved(deployment):
        return None
    found = remaining_of(deployment)
    latest = ActionRequest.objects.deletions_of(deployment).first()
    return RemainingView(
        sentence=remaining_text(
            len(found.resources), len(found.billed), found.search, has_problems=bool(found.problems)
        ),
        rows=[_row(one) for one in found.resources],
        problems=[(name, message_text(message)) for name, message in found.problems.items()],
        is_searching=found.search is SearchState.PENDING,
        is_deleting=latest is not None and latest.is_active,
        problem=_problem(latest),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSnapshot:
    """A snapshot that outlived its cluster, from which the environment can be created again."""

    name: str
    taken_at: datetime | None


def kept_snapshots(deletion: Deployment) -> list[KeptSnapshot]:
    """Return the available snapshots of clusters that the search after a deletion found, the newest first."""
    found = [
        KeptSnapshot(name=one.id, taken_at=_taken_at(one))
        for one in remaining_of(deletion).resources
        if one.type == "AWS::RDS::DBClusterSnapshot" and one.details.get("status") == "available"
    ]
    return sorted(found, key=lambda one: one.taken_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def _taken_at(snapshot: RemainingResource) -> datetime | None:
    text = snapshot.details.get("created_at")
    return datetime.fromisoformat(text) if text else None


def _row(one: RemainingResource) -> RemainingRow:
    return RemainingRow(
        value=f"{one.type}|{one.id}",
        type=one.type,
        name=one.id,
        why=" ".join(part for part in (_why(one), _more(one)) if part),
        billing=billing_label(one.billing),
        is_billed=one.billing is Billing.BILLED,
        can_delete=one.can_delete,
    )


def billing_label(billing: Billing) -> str:
    """Return whether it is billed, in a word or two."""
    return {
        Billing.BILLED: _("Billed"),
        Billing.FREE: _("Not billed"),
        Billing.UNKNOWN: _("Billed by use"),
    }[billing]


def _why(one: RemainingResource) -> str:
    return {
        Reason.NOT_DELETED: _("CloudFormation has not deleted it."),
        Reason.RETAINED: _("Its DeletionPolicy is Retain."),
        Reason.SNAPSHOT: _("Snapshot of the database."),
        Reason.BACKUP: _("Automated backups of the deleted database."),
        Reason.LOGS: _("Log group of a function or database."),
        Reason.ARTIFACTS: _("Templates and zips that Sanso uploaded."),
        Reason.OUTPUTS: _("Outputs of the servers' associations."),
        Reason.INTERFACE: _("Network interface that keeps the VPC from being deleted."),
        Reason.TAGGED: _("Has the environment's tag. AWS may list it for a while after its deletion."),
    }[one.reason]


def _more(one: RemainingResource) -> str:
    """Return its size, and the environments that share it."""
    parts = []
    if versions := int(one.details.get("versions", 0)):
        parts.append(
            ngettext("%(count)d version of an object", "%(count)d versions of objects", versions)
            % {"count": versions}
        )
    if size := int(one.details.get("bytes", 0)):
        parts.append(filesizeformat(size))
    if days := int(one.details.get("retention_days", 0)):
        parts.append(ngettext("kept for %(count)d day", "kept for %(count)d days", days) % {"count": days})
    if shared := one.details.get("shared_with"):
        parts.append(_("also used by %(names)s") % {"names": shared})
    return f"({', '.join(parts)})" if parts else ""


def _problem(latest: ActionRequest | None) -> str:
    """Return why the last deletion did not delete everything; "" if it did or is in progress."""
    if latest is None or latest.is_active:
        return ""
    if latest.state == "failed":
        return stored_text(latest.result.get("sentence", {}), "")
    kept = latest.result.get("problems", {})
    return " ".join(f"{name}: {stored_text(message, '')}" for name, message in kept.items())


ASSOCIATION = "AWS::SSM::Association"
NAMED = 3
"""Maximum number of billed resources that the sentence names."""


def preserved_sentences(deployment: Deployment) -> tuple[str, ...]:
    """Return what was kept after a failed deployment of an environment (one query); () if nothing was.

    In a creation, nested stacks count as in the phase *Stacks* and in the tree; an update counts changes.
    """
    if not has_preserved(deployment):
        return ()
    placed = Resource.objects.placed_in(deployment)
    rows = [row for row in placed if deployment.creates or row.type != STACK_TYPE]
    return tuple(_sentences(deployment, rows))


def has_preserved(deployment: Deployment) -> bool:
    """Return whether the latest deployment of an environment failed and its stack was kept at the failure."""
    stands = is_allowed(deployment.environment.stack_status, Operation.ROLL_BACK)
    return deployment.state == State.FAILED and stands


def _sentences(deployment: Deployment, rows: list[Resource]) -> Iterator[str]:
    done = [row for row in rows if is_complete(row.status) and not is_gone(row.status)]
    failed = [row for row in rows if is_failed(row.status)]
    values = {"done": len(done), "total": len(rows), "failed": len(failed)}
    values["left"] = len(rows) - len(done) - len(failed)
    if deployment.creates:
        text = _(
            "Nothing was rolled back: %(done)d of %(total)d resources are complete, %(failed)d failed, "
            "%(left)d were not started."
        )
    else:
        text = _(
            "Nothing was rolled back: %(done)d of %(total)d changes are made, %(failed)d failed, %(left)d "
            "were not started. The environment is partly updated."
        )
    yield text % values
    if not deployment.creates:
        yield _billed([row for row in done if _is_new(row)])
    if not deployment.creates:
        yield _("Servers are checked and configured again after a retry or a rollback.")
    elif missing := sum(row.type == ASSOCIATION and row not in done for row in rows):
        yield ngettext(
            "Servers are not configured: %(count)d association does not exist yet.",
            "Servers are not configured: %(count)d associations do not exist yet.",
            missing,
        ) % {"count": missing}
    else:
        yield _("Sanso has not checked whether the servers are configured.")


def _billed(new: list[Resource]) -> str:
    billed = [row for row in new if billing_of(row.type) is Billing.BILLED]
    if not billed:
        return _("The update added nothing that is billed for being there.")
    names = ", ".join(row.logical_id for row in billed[:NAMED])
    if len(billed) > NAMED:
        names = _("%(names)s and %(number)d more") % {"names": names, "number": len(billed) - NAMED}
    return _("Billed in addition to before: %(names)s.") % {"names": names}


def _is_new(row: Resource) -> bool:
    """Return whether the deployment created a resource: in an update, its first event is a creation."""
    first = str(row.changes[0][1]) if row.changes else ""
    return first.startswith("CREATE_") and not is_failed_create(row.status)
