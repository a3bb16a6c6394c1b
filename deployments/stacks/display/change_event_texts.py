"""The texts of events of changes (approvals, cancellations, releases), and of deletions and rollbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as N_
from django.utils.translation import ngettext

from deployments.common.pages.counts import resources
from deployments.common.pages.datetime_formats import timestamp
from deployments.environments.texts.cancel_reasons import canceled_text

Values = Mapping[str, Any]


def plain(text: str) -> Callable[[Values], str]:
    """Return the text of an event that needs nothing but its values."""
    return lambda values: _(text) % values


def _change_applied(values: Values) -> str:
    if at := values.get("at"):
        when = timestamp(datetime.fromisoformat(str(at)))
        return _("%(user)s applied the change for %(time)s.") % {"user": values["user"], "time": when}
    if values.get("keep"):
        return _("%(user)s applied the change. What was created is kept if it fails.") % values
    return _("%(user)s applied the change.") % values


def _approval_approved(values: Values) -> str:
    if int(values.get("needed", 1)) > 1:
        return _("%(user)s approved it: %(given)s of %(needed)s approvals.") % values
    return _("%(user)s approved it.") % values


def _approval_void(values: Values) -> str:
    if values.get("code") == "not_permitted":
        return _("The approval of %(user)s is void: this person may no longer approve changes.") % values
    return _("The approved preview was replaced; the approval of %(user)s is void.") % values


def _schedule_changed(values: Values) -> str:
    if not values["at"]:
        return _("%(user)s started it now.") % values
    when = timestamp(datetime.fromisoformat(str(values["at"])))
    return _("%(user)s changed the time to %(time)s.") % {"user": values["user"], "time": when}


def _change_canceled(values: Values) -> str:
    return canceled_text(values["code"], values["user"])


def _cancel_requested(values: Values) -> str:
    texts = {
        "discard": _("%(user)s requested to discard the change."),
        "end": _("%(user)s requested to cancel the creation before its stacks."),
        "delete": _("%(user)s requested to cancel the creation and delete its stack."),
        "roll_back": _("%(user)s requested to cancel the update and roll it back."),
        "stop_release": _("%(user)s requested to stop the release after the present server."),
        "stop_waiting": _("%(user)s requested to stop waiting; the stack stays."),
        "leave_unprotected": _("%(user)s requested not to wait for deletion protection."),
    }
    return _with_status(texts[values["effect"]] % values, values)


def _cancel_accepted(values: Values) -> str:
    if not values.get("action"):
        return _with_status(_("Cancellation accepted; no call to AWS is needed."), values)
    return _with_status(_("Cancellation accepted: AWS accepted %(action)s.") % values, values)


def _with_status(sentence: str, values: Values) -> str:
    """Return a sentence with the root stack's status at that time, if it had one."""
    return f"{sentence} ({values['status']})" if values.get("status") else sentence


def _release_server(values: Values) -> str:
    texts = {
        "draining": _("%(server)s leaves its target groups."),
        "configuring": _("%(server)s gets the new version."),
        "checking": _("%(server)s has the new version; waiting until it is healthy."),
        "watching": _("%(server)s is healthy; watching errors and latency."),
        "done": _("%(server)s serves the new version."),
        "failed": _("%(server)s failed."),
        "gone": _("%(server)s left the group."),
        "waiting": _("%(server)s waits until the others serve."),
        "returned": _("%(server)s serves the earlier version."),
    }
    back = {
        "configuring": _("%(server)s gets the earlier version."),
        "checking": _("%(server)s has the earlier version; waiting until it is healthy."),
    }
    return (texts | (back if values.get("back") else {}))[values["stage"]] % values


def _release_found(values: Values) -> str:
    return _("Servers of the release: %(servers)s.") % {"servers": ", ".join(values["servers"])}


CHANGE_EVENTS: dict[str, Callable[[Values], str]] = {
    "release.server": _release_server,
    "release.found": _release_found,
    "release.again": plain(
        N_("State Manager put the earlier version back on %(server)s; it is changed again.")
    ),
    "release.returning": plain(N_("%(server)s failed: the changed servers get the earlier version.")),
    "approval.requested": plain(N_("%(user)s requested approval.")),
    "approval.approved": _approval_approved,
    "approval.denied": plain(N_("%(user)s denied it: %(reason)s")),
    "approval.bypassed": plain(N_("%(user)s bypassed the approval in an emergency: %(reason)s")),
    "approval.expired": plain(N_("Nobody decided on the request for approval in time.")),
    "approval.void": _approval_void,
    "schedule.due": plain(N_("The scheduled time has come.")),
    "schedule.changed": _schedule_changed,
    "change.applied": _change_applied,
    "change.canceled": _change_canceled,
    "change.nothing": plain(N_("No changes: the stack already has these values and templates.")),
    "snapshot.begun": plain(N_("RDS takes the snapshot %(snapshot)s of %(cluster)s.")),
    "snapshot.available": plain(N_("The snapshot %(snapshot)s of %(cluster)s is available.")),
    "cancel.requested": _cancel_requested,
    "cancel.accepted": _cancel_accepted,
    "cancel.refused": plain(N_("Not canceled.")),
    "change.out_of_date": plain(
        N_("The stack has changed since the preview. A new preview is being computed; apply that one.")
    ),
}
"""The text of each event, by its code."""


def _delete_found(values: Values) -> str:
    return _("Found %(resources)s to delete.") % {"resources": resources(int(values["resources"]))}


def _delete_unprotected(values: Values) -> str:
    count = int(values["resources"])
    if not count:
        return _("There was no deletion protection to turn off.")
    return _("Turned off the deletion protection of %(resources)s.") % {"resources": resources(count)}


def _kept_found(values: Values) -> str:
    return _("Found %(resources)s to roll back.") % {"resources": resources(int(values["resources"]))}


def _remaining_searched(values: Values) -> str:
    count, problems = int(values["resources"]), int(values["problems"])
    found = (
        ngettext(
            "Searched for what remains in AWS: found %(count)d resource, %(billed)s of them billed.",
            "Searched for what remains in AWS: found %(count)d resources, %(billed)s of them billed.",
            count,
        )
        % {"count": count, "billed": values["billed"]}
        if count
        else _("Searched for what remains in AWS: found nothing.")
    )
    if not problems:
        return found
    missing = ngettext(
        "%(count)d service could not be searched.", "%(count)d services could not be searched.", problems
    ) % {"count": problems}
    return f"{found} {missing}"


def _trail_found(values: Values) -> str:
    count = int(values["calls"])
    return ngettext(
        "CloudTrail has %(count)d call behind the first failure.",
        "CloudTrail has %(count)d calls behind the first failure.",
        count,
    ) % {"count": count}


def _rollback_found(values: Values) -> str:
    found = resources(int(values["stuck"]))
    if not int(values["skipped"]):
        return _("To roll back again: %(resources)s.") % {"resources": found}
    return _("To roll back again: %(resources)s, of which %(skipped)s are skipped.") % {
        "resources": found,
        "skipped": int(values["skipped"]),
    }


def _drift_adopted(values: Values) -> str:
    if not values["with_set"]:
        return _(
            "Took over the parameters. The template set is not stored: choose the current one to change."
        )
    if values["same_templates"]:
        return _("Took over the parameters. The templates are those that Sanso deployed.")
    return _("Took over the templates and the parameters.")


DELETION_EVENTS: dict[str, Callable[[Values], str]] = {
    "kept.found": _kept_found,
    "kept.rollback_started": plain(N_("Requested the rollback of %(stack_name)s from CloudFormation.")),
    "delete.found": _delete_found,
    "delete.started": plain(N_("Requested the deletion of %(stack_name)s from CloudFormation.")),
    "delete.nothing": plain(N_("No stack was left to delete.")),
    "delete.unprotected": _delete_unprotected,
    "delete.nested": plain(
        N_("Requested the deletion of the nested stack %(stack)s without what is retained.")
    ),
    "rollback.found": _rollback_found,
    "rollback.started": plain(N_("Requested that CloudFormation continues the rollback of %(stack_name)s.")),
    "take_over.done": _drift_adopted,
    "review.purged": plain(
        N_("Deleted the empty stack %(stack_name)s: its change set was not executed for 7 days.")
    ),
    "remaining.searched": _remaining_searched,
    "trail.found": _trail_found,
}
