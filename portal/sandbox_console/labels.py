"""The labels of the sandbox's actions, faults and time scales. An unknown value is its own label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from deployments.cloudformation.status import DisplayStatus
from deployments.environments.display import badges
from deployments.environments.rules.timings import SIMULATED_SCALE
from portal.sandbox_console.control_plane import AssociationFault, Machine, Member

AWS_PACE = round(1 / SIMULATED_SCALE)
"""The time scale at which the sandbox is as fast as AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLabel:
    """The button of an action and the message after it; `%(name)s` is the affected instance.

    The user must confirm `warning` first.
    """

    label: Promise | str
    done: Promise | str
    warning: Promise | str = ""


# sanso_sandbox.protocols.machines.ACTIONS
MACHINES: Mapping[str, ActionLabel] = {
    "stop-service": ActionLabel(
        label=gettext_lazy("Stop service"), done=gettext_lazy("Stopped the service on %(name)s.")
    ),
    "start-service": ActionLabel(
        label=gettext_lazy("Start service"), done=gettext_lazy("Started the service on %(name)s.")
    ),
    "break-service": ActionLabel(
        label=gettext_lazy("Return 500"), done=gettext_lazy("%(name)s returns 500 for every request.")
    ),
    "repair-service": ActionLabel(
        label=gettext_lazy("Stop returning 500"), done=gettext_lazy("%(name)s responds normally again.")
    ),
    "fill-disk": ActionLabel(
        label=gettext_lazy("Fill disk"), done=gettext_lazy("The disk of %(name)s is full.")
    ),
    "free-disk": ActionLabel(
        label=gettext_lazy("Free disk"), done=gettext_lazy("The disk of %(name)s has space again.")
    ),
    "kill": ActionLabel(
        label=gettext_lazy("Kill"),
        done=gettext_lazy("Killed %(name)s. Its Auto Scaling group launches a replacement."),
        warning=gettext_lazy(
            "The instance stops immediately, as in a power failure, and is terminated. "
            "Requests in progress are lost."
        ),
    ),
}
# sanso_sandbox.server.database_actions.ACTIONS
DATABASES: Mapping[str, ActionLabel] = {
    "failover": ActionLabel(
        label=gettext_lazy("Fail over"),
        done=gettext_lazy("Failover started."),
    ),
    "kill_writer": ActionLabel(
        label=gettext_lazy("Kill writer"),
        done=gettext_lazy("Killed the writer %(name)s; the cluster recovers automatically."),
    ),
    "stop_writer": ActionLabel(
        label=gettext_lazy("Stop writer"),
        done=gettext_lazy("Stopped the writer %(name)s; the cluster recovers automatically."),
    ),
    "freeze_writer": ActionLabel(
        label=gettext_lazy("Freeze writer"),
        done=gettext_lazy("Froze the writer %(name)s: connections stay open without a response."),
    ),
    "kill_reader": ActionLabel(
        label=gettext_lazy("Kill reader"),
        done=gettext_lazy("Killed the reader %(name)s; the cluster recovers automatically."),
    ),
    "announce_maintenance": ActionLabel(
        label=gettext_lazy("Announce maintenance"),
        done=gettext_lazy("Announced an update of the operating system of the instances of %(name)s."),
    ),
}
MODES: Mapping[str, Promise] = {
    "throttle": gettext_lazy("throttled: not executed, “Rate exceeded”"),
    "denied": gettext_lazy("denied: not executed, a permission is missing"),
    "error_before": gettext_lazy("error before: not executed, internal error"),
    "error_after": gettext_lazy("error after: executed, but returns an internal error"),
    "timeout": gettext_lazy("timeout: executed, but never responds"),
}
OPERATIONS: Mapping[str, Promise] = {
    "create": gettext_lazy("when it is created"),
    "update": gettext_lazy("when it is updated"),
    "delete": gettext_lazy("when it is deleted"),
    "rollback": gettext_lazy("when it is rolled back"),
    "hook": gettext_lazy("when a hook checks it"),
}


def action_label(known: Mapping[str, ActionLabel], action: str) -> ActionLabel:
    """Return the label of an action; that of an unknown one is its own name."""
    done = _("%(action)s: done for %(name)s.").replace("%(action)s", action)
    return known.get(action) or ActionLabel(label=action, done=done)


def machine_actions(machine: Machine, actions: Iterable[str]) -> list[str]:
    """Return the possible actions in the machine's current state."""
    useful = {
        "stop-service": bool(machine.service) and machine.running,
        "start-service": bool(machine.service) and not machine.running,
        "break-service": machine.service == "httpd" and not machine.broken,
        "repair-service": machine.service == "httpd" and machine.broken,
        "fill-disk": machine.disk_full is False,
        "free-disk": machine.disk_full is True,
    }
    possible = [action for action in actions if useful.get(action, True)]
    return sorted(possible, key=lambda action: list(MACHINES).index(action) if action in MACHINES else 99)


def database_actions(members: Iterable[Member], actions: Iterable[str], *, embedded: bool) -> list[str]:
    """Return the possible actions for a cluster with these members."""
    readers = any(not member.writes for member in members)
    needs_reader = {"failover", "kill_reader"}
    possible = [action for action in actions if readers or action not in needs_reader]
    if embedded:  # it has no separate server that could be killed
        possible = [action for action in possible if action in ("failover", "announce_maintenance")]
    return sorted(possible, key=lambda action: list(DATABASES).index(action) if action in DATABASES else 99)


def tier(machine: Machine) -> str:
    """Return the tier of a machine, by its service, or by its tag until it has one."""
    named = {"httpd": "web", "uwsgi": "app"}.get(machine.service) or {
        "ApacheWeb": "web",
        "App": "app",
    }.get(machine.tags.get("Server", ""))
    return {"web": _("Web server"), "app": _("App server")}.get(named or "", _("Server without a tier"))


def machine_badge(machine: Machine) -> SafeString:
    """Return the status of a machine's service."""
    if not machine.service:
        return badges.status_badge(DisplayStatus.PENDING, pgettext("service", "Not configured yet"))
    if not machine.running:
        return badges.status_badge(DisplayStatus.FAILED, pgettext("service", "Stopped"))
    if machine.broken:
        return badges.status_badge(DisplayStatus.ATTENTION, pgettext("service", "Returns 500"))
    if machine.disk_full:
        return badges.status_badge(DisplayStatus.ATTENTION, pgettext("service", "Disk full"))
    return badges.status_badge(DisplayStatus.DONE, pgettext("service", "Running"))


def member_badge(member: Member) -> SafeString:
    """Return the status of a database instance."""
    if not member.answers:
        return badges.status_badge(DisplayStatus.FAILED, pgettext("database", "Not responding"))
    if member.writes:
        return badges.status_badge(DisplayStatus.DONE, pgettext("database", "Responding"))
    if not member.follows:
        return badges.status_badge(
            DisplayStatus.ATTENTION, pgettext("database", "Responding, not replicating")
        )
    return badges.status_badge(DisplayStatus.DONE, pgettext("database", "Responding and replicating"))


def where(fault: AssociationFault) -> str:
    """Return the text for the instances on which an association fails."""
    if isinstance(fault.on, bool):
        return _("on all instances")
    if isinstance(fault.on, int):
        return ngettext("on the first instance", "on the first %(number)s instances", fault.on) % {
            "number": fault.on
        }
    return _("on %(instances)s") % {"instances": ", ".join(fault.on)}


def pace(now: float) -> str:
    """Return the description of a time scale."""
    if now <= 0:
        return _("No waiting: what takes minutes on AWS completes immediately.")
    ratio = AWS_PACE / now
    if round(ratio, 2) == 1:
        return _("As fast as AWS: an environment takes about eleven minutes.")
    if ratio > 1:
        return _("About %(times)s times as fast as AWS.") % {"times": f"{ratio:.3g}"}
    return _("AWS is about %(times)s times as fast.") % {"times": f"{1 / ratio:.3g}"}
