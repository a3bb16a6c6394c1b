"""The texts of notifications, from their codes and values, in the active language and time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from deployments.common.texts import cause_advice, cause_title, stored_text, zone_text
from deployments.common.texts.message_texts import CAUSES
from deployments.environments.rules.labels import labels_text
from deployments.environments.texts.cancel_reasons import canceled_text
from deployments.notifications.rules.topics import Topic
from deployments.notifications.texts.drills import drill_lines
from deployments.notifications.texts.remaining import remaining_text

TOPICS: Final[Mapping[str, Promise]] = {
    Topic.DEPLOYMENT_FAILED: gettext_lazy("Deployment failed"),
    Topic.DEPLOYMENT_SUCCEEDED: gettext_lazy("Deployment succeeded"),
    Topic.DEPLOYMENT_CANCELED: gettext_lazy("Deployment canceled"),
    Topic.DEPLOYMENT_LATE: gettext_lazy("Deployment takes longer than forecast"),
    Topic.APPROVAL_REQUESTED: gettext_lazy("Approval requested"),
    Topic.APPROVAL_DECIDED: gettext_lazy("Approval given, denied, bypassed or expired"),
    Topic.HEALTH_CHANGED: gettext_lazy("Health changed"),
    Topic.UPDATE_AVAILABLE: gettext_lazy("Update available"),
    Topic.LOCK_BROKEN: gettext_lazy("Lock broken"),
    Topic.DRILL_FAILED: gettext_lazy("Restore drill failed"),
    Topic.DRILL_PASSED: gettext_lazy("Restore drill passed after a failed one"),
    Topic.TARGET_DISABLED: gettext_lazy("Target switched off"),
    Topic.DIGEST: gettext_lazy("Digest"),
    Topic.TEST: pgettext_lazy("notification", "Test"),
}
"""By the topic of a delivery. One of a newer version of Sanso is displayed as it is stored."""
Payload = Mapping[str, Any]
DESCRIBED: Final[dict[str, Callable[[Payload], str]]] = {}
"""The texts of parts of a request for approval, by their name, of packages above this one."""
_SUCCEEDED = {
    "create": gettext_lazy("%(name)s created"),
    "update": gettext_lazy("%(name)s updated"),
    "delete": gettext_lazy("%(name)s is deleted"),
    "rollback": gettext_lazy("%(name)s rolled back to its values from before the update"),
    "rollback_update": gettext_lazy("%(name)s is rolled back to its last complete state"),
    "rollback_creation": gettext_lazy("The creation of %(name)s is rolled back"),
    "take_over": gettext_lazy("The stack of %(name)s was taken over as it is"),
}
_FAILED = {
    "create": gettext_lazy("Create %(name)s failed"),
    "update": gettext_lazy("Update %(name)s failed"),
    "delete": gettext_lazy("Delete %(name)s failed"),
    "take_over": gettext_lazy("Taking over the stack of %(name)s failed"),
}
_CANCELED = {
    "create": gettext_lazy("Create %(name)s canceled"),
    "update": gettext_lazy("Update %(name)s canceled"),
    "delete": gettext_lazy("Delete %(name)s canceled"),
}
_RESULTS = {
    Topic.DEPLOYMENT_SUCCEEDED: (_SUCCEEDED, gettext_lazy("%(name)s updated")),
    Topic.DEPLOYMENT_FAILED: (_FAILED, gettext_lazy("Roll back %(name)s failed")),
    Topic.DEPLOYMENT_CANCELED: (_CANCELED, gettext_lazy("Canceled")),
}
_HEALTH = {
    "healthy": pgettext_lazy("health", "Healthy"),
    "degraded": pgettext_lazy("health", "Degraded"),
    "unhealthy": pgettext_lazy("health", "Unhealthy"),
}
_DECISIONS = {
    "given": gettext_lazy("A further approval was given for the change of %(name)s"),
    "approved": gettext_lazy("Change of %(name)s approved"),
    "bypassed": gettext_lazy("Approval of a change of %(name)s bypassed in an emergency"),
    "denied": gettext_lazy("Change of %(name)s denied"),
    "expired": gettext_lazy("Approval of %(name)s expired"),
}
_DELETION_DECISIONS = {
    "given": gettext_lazy("A further approval was given for the deletion of %(name)s"),
    "approved": gettext_lazy("Deletion of %(name)s approved"),
    "bypassed": gettext_lazy("Approval of the deletion of %(name)s bypassed in an emergency"),
    "denied": gettext_lazy("Deletion of %(name)s denied"),
}
_OUTPUT = re.compile(r"(?:\S+ : )?(?P<task>.+?): (?P<message>.*)")
"""The first line of a server's output: Ansible's task, after the role that it is in, and its message."""


def topic_name(topic: str) -> str:
    """Return the label of a topic."""
    return str(TOPICS.get(topic, topic))


def title(topic: str, payload: Payload) -> str:
    """Return the title of a notification: what happened to which environment."""
    if topic == Topic.TEST:
        return _("Test message")
    if topic in _RESULTS:
        texts, otherwise = _RESULTS[Topic(topic)]
        kind = "take_over" if payload.get("operation") == "take_over" else payload.get("kind", "")
        return str(texts.get(kind, otherwise)) % {"name": name_of(payload)}
    return _TITLES[Topic(topic)](payload) if topic in _TITLES else topic_name(topic)


def name_of(payload: Payload) -> str:
    """Return the name of the environment that a notification is about."""
    return str((payload.get("environment") or {}).get("name", ""))


def lines(topic: str, payload: Payload) -> list[str]:
    """Return the lines below the title."""
    if topic == Topic.TEST:
        return [_("Sanso's notifications will be delivered here.")]
    found = _LINES[Topic(topic)](payload) if topic in _LINES else []
    return [*found, *_facts(payload)]


def _failure(payload: Payload) -> list[str]:
    """Return the root cause, the resource that failed first, and AWS's own reason."""
    error = payload.get("error") or {}
    own = stored_text(error.get("message") or {}, str(error.get("code") or ""))
    first, cause = payload.get("first_failure") or {}, payload.get("cause") or {}
    found = [_("Cause: %(cause)s") % {"cause": _cause(cause) or own}]
    if first:
        parts = [part for part in (first.get("stack", ""), first.get("logical_id", "")) if part]
        values = {"resource": "/".join(parts), "type": first.get("type", "")}
        found.append(_("First failed resource: %(resource)s (%(type)s)") % values)
        if reason := first.get("reason"):
            found.append(_("AWS: %(reason)s") % {"reason": reason})
    if server := payload.get("server"):
        found.append(_server(server))
    if advice := _advice(cause):
        found.append(_("What to do: %(advice)s") % {"advice": advice})
    return [*found, *_remaining(payload)]


def _canceled(payload: Payload) -> list[str]:
    """Return why it was canceled or by whom, and what remains."""
    canceled = payload.get("canceled") or {}
    user = str(canceled.get("by", ""))
    text = canceled_text(str(canceled.get("code", "")), user)
    found = [text] if text else [_("Canceled by: %(user)s") % {"user": user}] if user else []
    return [*found, *_remaining(payload)]


def _remaining(payload: Payload) -> list[str]:
    """Return the sentence about what remains in AWS, if it is known or searched for."""
    if not (found := payload.get("remaining")):
        return []
    has_problems = bool(found.get("problems"))
    return [remaining_text(found["resources"], found["billed"], found["search"], has_problems=has_problems)]


def _cause(cause: Payload) -> str:
    return cause_title(cause["code"], cause["values"]) if cause.get("code") in CAUSES else ""


def _advice(cause: Payload) -> str:
    return cause_advice(cause["code"], cause["values"]) if cause.get("code") in CAUSES else ""


def _server(server: Payload) -> str:
    output = str(server.get("output", ""))
    if head := _OUTPUT.fullmatch(output):
        values = {"server": server.get("id", ""), "task": head["task"], "message": head["message"]}
        return _("Server %(server)s failed at task “%(task)s”: %(message)s") % values
    values = {"server": server.get("id", ""), "message": output}
    return _("The configuration of server %(server)s failed: %(message)s") % values


def _facts(payload: Payload) -> list[str]:
    """Return where it happened, who requested it, and when."""
    found = []
    if name := name_of(payload):
        values = {
            "name": name,
            "account": payload.get("account", ""),
            "region": payload.get("region", ""),
        }
        found.append(_("Environment: %(name)s (%(account)s, %(region)s)") % values)
    if user := payload.get("requested_by"):
        found.append(_("Requested by: %(user)s") % {"user": user})
    if reason := payload.get("reason"):
        found.append(_("Reason: %(reason)s") % {"reason": reason})
    if labels := payload.get("labels"):
        pairs = ", ".join(labels_text(labels).splitlines())
        found.append(_("Labels: %(labels)s") % {"labels": pairs})
    if ended := payload.get("ended_at"):
        found.append(_("Ended: %(time)s") % {"time": _time(str(ended))})
    return found


def _time(iso: str) -> str:
    local = timezone.localtime(datetime.fromisoformat(iso))
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_text(local)}"


def _late_title(payload: Payload) -> str:
    return _("%(name)s takes longer than forecast") % {"name": name_of(payload)}


def _late(payload: Payload) -> list[str]:
    values = {"first": _time(payload["first_end"]), "now": _time(payload["end"])}
    return [_("Forecast at first: %(first)s") % values, _("Forecast now: %(now)s") % values]


def _approval_title(payload: Payload) -> str:
    if payload.get("kind") == "delete":
        return _("The deletion of %(name)s waits for approval") % {"name": name_of(payload)}
    return _("A change of %(name)s waits for approval") % {"name": name_of(payload)}


def _approval(payload: Payload) -> list[str]:
    described = [text(payload[name]) for name, text in DESCRIBED.items() if payload.get(name)]
    return [*described, _("Expires: %(time)s") % {"time": _time(payload["expires_at"])}]


def _decision_title(payload: Payload) -> str:
    decision = payload.get("decision", "")
    texts = _DECISIONS | (_DELETION_DECISIONS if payload.get("kind") == "delete" else {})
    return str(texts.get(decision, decision)) % {"name": name_of(payload)}


def _decision(payload: Payload) -> list[str]:
    found = []
    if user := payload.get("decided_by"):
        found.append(_("Decided by: %(user)s") % {"user": user})
    if payload.get("needed"):
        found.append(_("Approvals: %(given)s of %(needed)s") % payload)
    return found


def _health_title(payload: Payload) -> str:
    now = payload.get("now", "")
    return _("%(name)s: %(status)s") % {"name": name_of(payload), "status": _HEALTH.get(now, now)}


def _health(payload: Payload) -> list[str]:
    before = payload.get("before", "")
    found = [_("Before: %(status)s") % {"status": _HEALTH.get(before, before)}]
    if text := stored_text(payload.get("message") or {}):
        found.append(text)
    return [*found, _("Since: %(time)s") % {"time": _time(payload["since"])}]


def _update_title(payload: Payload) -> str:
    values = {"name": name_of(payload), "version": payload.get("version", "")}
    return _("Update available for %(name)s: %(version)s") % values


def _update(payload: Payload) -> list[str]:
    values = {"set": payload.get("set", ""), "before": payload.get("before", "")}
    return [_("Template set: %(set)s") % values, _("Version now: %(before)s") % values]


def _lock_title(payload: Payload) -> str:
    values = {"name": name_of(payload), "user": payload.get("broken_by", "")}
    return _("%(user)s broke the lock of %(name)s") % values


def _lock(payload: Payload) -> list[str]:
    values = {"user": payload.get("locked_by", ""), "reason": payload.get("lock_reason", "")}
    return [_("Locked by %(user)s: “%(reason)s”") % values]


def _drill_failed_title(payload: Payload) -> str:
    return _("The restore drill of %(name)s failed") % {"name": name_of(payload)}


def _drill_passed_title(payload: Payload) -> str:
    return _("The restore drill of %(name)s passed again") % {"name": name_of(payload)}


def _disabled_title(payload: Payload) -> str:
    values = {"name": payload.get("target", "")}
    return _("The notification target “%(name)s” was switched off") % values


def _disabled(payload: Payload) -> list[str]:
    return [stored_text(payload.get("message") or {})]


def _digest_title(payload: Payload) -> str:
    number = int(payload.get("number", 0))
    if not number:  # it is being collected
        return topic_name(Topic.DIGEST)
    return ngettext("%(number)d notification", "%(number)d notifications", number) % {"number": number}


def _digest(payload: Payload) -> list[str]:
    items = payload.get("items") or []
    found = [title(str(one.get("topic", "")), one.get("payload") or {}) for one in items]
    if (more := int(payload.get("number", 0)) - len(items)) > 0:
        found.append(ngettext("%(number)d more", "%(number)d more", more) % {"number": more})
    return found


_TITLES: dict[Topic, Callable[[Payload], str]] = {
    Topic.DEPLOYMENT_LATE: _late_title,
    Topic.APPROVAL_REQUESTED: _approval_title,
    Topic.APPROVAL_DECIDED: _decision_title,
    Topic.HEALTH_CHANGED: _health_title,
    Topic.UPDATE_AVAILABLE: _update_title,
    Topic.LOCK_BROKEN: _lock_title,
    Topic.DRILL_FAILED: _drill_failed_title,
    Topic.DRILL_PASSED: _drill_passed_title,
    Topic.TARGET_DISABLED: _disabled_title,
    Topic.DIGEST: _digest_title,
}
_LINES: dict[Topic, Callable[[Payload], list[str]]] = {
    Topic.DEPLOYMENT_FAILED: _failure,
    Topic.DEPLOYMENT_SUCCEEDED: _remaining,
    Topic.DEPLOYMENT_CANCELED: _canceled,
    Topic.DEPLOYMENT_LATE: _late,
    Topic.APPROVAL_REQUESTED: _approval,
    Topic.APPROVAL_DECIDED: _decision,
    Topic.HEALTH_CHANGED: _health,
    Topic.UPDATE_AVAILABLE: _update,
    Topic.LOCK_BROKEN: _lock,
    Topic.DRILL_FAILED: drill_lines,
    Topic.DRILL_PASSED: drill_lines,
    Topic.TARGET_DISABLED: _disabled,
    Topic.DIGEST: _digest,
}
