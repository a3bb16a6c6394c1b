"""The result of a failure without a rollback: complete, billed and unconfigured resources."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.remaining import Billing, billing_of
from deployments.cloudformation.status import is_complete, is_failed, is_failed_create, is_gone
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import STACK_TYPE, Resource

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
