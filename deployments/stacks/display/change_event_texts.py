"""The texts of events of changes: approvals, schedules, cancellations and releases to servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from deployments.common.pages.datetime_formats import timestamp
from deployments.environments.texts.cancel_reasons import canceled_text

Values = Mapping[str, Any]


def _change_applied(values: Values) -> str:
    if at := values.get("at"):
        when = timestamp(datetime.fromisoformat(str(at)))
        return _("%(user)s applied the change for %(time)s.") % {"user": values["user"], "time": when}
    if values.get("keep"):
        return _("%(user)s applied the change. What was created is kept if it fails.") % values
    return _("%(user)s applied the change.") % values


def _approval_requested(values: Values) -> str:
    return _("%(user)s requested approval.") % values


def _approval_approved(values: Values) -> str:
    if int(values.get("needed", 1)) > 1:
        return _("%(user)s approved it: %(given)s of %(needed)s approvals.") % values
    return _("%(user)s approved it.") % values


def _approval_bypassed(values: Values) -> str:
    return _("%(user)s bypassed the approval in an emergency: %(reason)s") % values


def _approval_denied(values: Values) -> str:
    return _("%(user)s denied it: %(reason)s") % values


def _approval_expired(_values: Values) -> str:
    return _("Nobody decided on the request for approval in time.")


def _approval_void(values: Values) -> str:
    if values.get("code") == "not_permitted":
        return _("The approval of %(user)s is void: this person may no longer approve changes.") % values
    return _("The approved preview was replaced; the approval of %(user)s is void.") % values


def _schedule_due(_values: Values) -> str:
    return _("The scheduled time has come.")


def _schedule_changed(values: Values) -> str:
    if not values["at"]:
        return _("%(user)s started it now.") % values
    when = timestamp(datetime.fromisoformat(str(values["at"])))
    return _("%(user)s changed the time to %(time)s.") % {"user": values["user"], "time": when}


def _change_canceled(values: Values) -> str:
    return canceled_text(values["code"], values["user"])


def _change_nothing(_values: Values) -> str:
    return _("No changes: the stack already has these values and templates.")


def _change_out_of_date(_values: Values) -> str:
    return _("The stack has changed since the preview. A new preview is being computed; apply that one.")


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


def _cancel_refused(_values: Values) -> str:
    return _("Not canceled.")


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


def _release_returning(values: Values) -> str:
    return _("%(server)s failed: the changed servers get the earlier version.") % values


def _release_found(values: Values) -> str:
    return _("Servers of the release: %(servers)s.") % {"servers": ", ".join(values["servers"])}


def _release_again(values: Values) -> str:
    return _("State Manager put the earlier version back on %(server)s; it is changed again.") % values


CHANGE_EVENTS: dict[str, Callable[[Values], str]] = {
    "release.server": _release_server,
    "release.found": _release_found,
    "release.again": _release_again,
    "release.returning": _release_returning,
    "approval.requested": _approval_requested,
    "approval.approved": _approval_approved,
    "approval.denied": _approval_denied,
    "approval.bypassed": _approval_bypassed,
    "approval.expired": _approval_expired,
    "approval.void": _approval_void,
    "schedule.due": _schedule_due,
    "schedule.changed": _schedule_changed,
    "change.applied": _change_applied,
    "change.canceled": _change_canceled,
    "change.nothing": _change_nothing,
    "cancel.requested": _cancel_requested,
    "cancel.accepted": _cancel_accepted,
    "cancel.refused": _cancel_refused,
    "change.out_of_date": _change_out_of_date,
}
"""The text of each event, by its code."""
