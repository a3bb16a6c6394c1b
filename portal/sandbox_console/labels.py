"""What the sandbox's actions, faults and paces are called on its page. An unknown word is shown as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from deployments.core.status import DisplayStatus
from deployments.core.usual_durations import SANDBOX_SCALE
from deployments.presentation import badges
from portal.sandbox_console.control_plane import AssociationFault, Machine, Member

AWS_PACE = round(1 / SANDBOX_SCALE)
"""The pace at which a second in the sandbox is one on AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLabel:
    """Something that is done on purpose: its button, what is said when it was done; `%(name)s` is who met it.

    `warning` is read and agreed to before.
    """

    label: Promise | str
    done: Promise | str
    warning: Promise | str = ""


# portal.sandbox.machines.ACTIONS
MACHINES: Mapping[str, ActionLabel] = {
    "stop-service": ActionLabel(
        label=gettext_lazy("Stop the service"), done=gettext_lazy("The service on %(name)s is stopped.")
    ),
    "start-service": ActionLabel(
        label=gettext_lazy("Start the service"), done=gettext_lazy("The service on %(name)s is started.")
    ),
    "break-service": ActionLabel(
        label=gettext_lazy("Answer 500"), done=gettext_lazy("%(name)s answers every request with 500.")
    ),
    "mend-service": ActionLabel(
        label=gettext_lazy("Answer well again"), done=gettext_lazy("%(name)s answers as it should again.")
    ),
    "kill": ActionLabel(
        label=gettext_lazy("Kill"),
        done=gettext_lazy("%(name)s is killed. Its Auto Scaling group launches another one."),
        warning=gettext_lazy(
            "The instance ends at once, as after a power cut, and is terminated. What it was serving is lost."
        ),
    ),
}
# portal.sandbox.database.members.ACTIONS
DATABASES: Mapping[str, ActionLabel] = {
    "failover": ActionLabel(
        label=gettext_lazy("Fail over"),
        done=gettext_lazy("The cluster fails over."),
    ),
    "kill_writer": ActionLabel(
        label=gettext_lazy("Kill the writer"),
        done=gettext_lazy("The writer %(name)s is killed; the cluster mends itself."),
    ),
    "stop_writer": ActionLabel(
        label=gettext_lazy("Stop the writer"),
        done=gettext_lazy("The writer %(name)s was shut down; the cluster mends itself."),
    ),
    "freeze_writer": ActionLabel(
        label=gettext_lazy("Freeze the writer"),
        done=gettext_lazy("The writer %(name)s is frozen: connections stay open and nothing answers."),
    ),
    "kill_reader": ActionLabel(
        label=gettext_lazy("Kill the reader"),
        done=gettext_lazy("The reader %(name)s is killed; the cluster mends itself."),
    ),
}
MODES: Mapping[str, Promise] = {
    "throttle": gettext_lazy("throttled: not carried out, “Rate exceeded”"),
    "denied": gettext_lazy("denied: not carried out, a permission is missing"),
    "error_before": gettext_lazy("error before: not carried out, internal error"),
    "error_after": gettext_lazy("error after: carried out, internal error all the same"),
    "timeout": gettext_lazy("timeout: carried out, never answered"),
}
OPERATIONS: Mapping[str, Promise] = {
    "create": gettext_lazy("when it is created"),
    "update": gettext_lazy("when it is updated"),
    "delete": gettext_lazy("when it is deleted"),
    "rollback": gettext_lazy("when it is rolled back"),
}


def action_label(known: Mapping[str, ActionLabel], action: str) -> ActionLabel:
    """Return what is known of an action; a new one of the sandbox's goes by its own word."""
    done = _("%(action)s was done to %(name)s.").replace("%(action)s", action)
    return known.get(action) or ActionLabel(label=action, done=done)


def machine_actions(machine: Machine, actions: Iterable[str]) -> list[str]:
    """Return which of the actions make sense for a machine as it is now."""
    useful = {
        "stop-service": bool(machine.service) and machine.running,
        "start-service": bool(machine.service) and not machine.running,
        "break-service": machine.service == "httpd" and not machine.broken,
        "mend-service": machine.service == "httpd" and machine.broken,
    }
    wanted = [action for action in actions if useful.get(action, True)]
    return sorted(wanted, key=lambda action: list(MACHINES).index(action) if action in MACHINES else 99)


def database_actions(members: Iterable[Member], actions: Iterable[str], *, embedded: bool) -> list[str]:
    """Return which of the actions make sense for a cluster with these members."""
    readers = any(not member.writes for member in members)
    needs_reader = {"failover", "kill_reader"}
    possible = [action for action in actions if readers or action not in needs_reader]
    if embedded:  # it has no server of its own that could be killed
        possible = [action for action in possible if action == "failover"]
    return sorted(possible, key=lambda action: list(DATABASES).index(action) if action in DATABASES else 99)


def tier(machine: Machine) -> str:
    """Return what a machine is for: by its service, and by its tag until it has one."""
    named = {"httpd": "web", "uwsgi": "app"}.get(machine.service) or {
        "ApacheWeb": "web",
        "App": "app",
    }.get(machine.tags.get("Server", ""))
    return {"web": _("Web server"), "app": _("App server")}.get(named or "", _("Server of no tier"))


def machine_badge(machine: Machine) -> SafeString:
    """Return how a machine's service is doing."""
    if not machine.service:
        return badges.status_badge(DisplayStatus.PENDING, pgettext("service", "Not set up yet"))
    if not machine.running:
        return badges.status_badge(DisplayStatus.FAILED, pgettext("service", "Stopped"))
    if machine.broken:
        return badges.status_badge(DisplayStatus.ATTENTION, pgettext("service", "Answers 500"))
    return badges.status_badge(DisplayStatus.DONE, pgettext("service", "Running"))


def member_badge(member: Member) -> SafeString:
    """Return whether a database instance answers, and of a reader whether it follows the writer."""
    if not member.answers:
        return badges.status_badge(DisplayStatus.FAILED, pgettext("database", "Does not answer"))
    if member.writes:
        return badges.status_badge(DisplayStatus.DONE, pgettext("database", "Answers"))
    if not member.follows:
        return badges.status_badge(DisplayStatus.ATTENTION, pgettext("database", "Answers, does not follow"))
    return badges.status_badge(DisplayStatus.DONE, pgettext("database", "Answers and follows"))


def where(fault: AssociationFault) -> str:
    """Return on which instances an association fails."""
    if isinstance(fault.on, bool):
        return _("on all instances")
    if isinstance(fault.on, int):
        return ngettext("on the first instance", "on the first %(number)s instances", fault.on) % {
            "number": fault.on
        }
    return _("on %(instances)s") % {"instances": ", ".join(fault.on)}


def pace(now: float) -> str:
    """Return what a pace means."""
    if now <= 0:
        return _("Nothing waits: what takes minutes on AWS is done at once.")
    ratio = AWS_PACE / now
    if round(ratio, 2) == 1:
        return _("As fast as AWS: an environment takes its eleven minutes.")
    if ratio > 1:
        return _("About %(times)s times as fast as AWS.") % {"times": f"{ratio:.3g}"}
    return _("AWS is about %(times)s times as fast.") % {"times": f"{1 / ratio:.3g}"}
