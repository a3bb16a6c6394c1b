"""The texts of the portal's own events, also as announcements. Rows store codes; these texts may change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as N_
from django.utils.translation import ngettext

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.server_associations import CATCHING, CAUGHT, CaughtServers
from deployments.cloudformation.validation import UNREAD, WARNING
from deployments.common.pages.counts import objects, resources, stacks
from deployments.common.pages.datetime_formats import timestamp
from deployments.common.texts import stored_text
from deployments.environments.display.headlines import phase
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import AFTER_FAILURE, Kind
from deployments.stacks.display.change_event_texts import CHANGE_EVENTS, DELETION_EVENTS, plain
from deployments.stacks.models.events import Event

Values = Mapping[str, Any]


def event(stored: Event) -> str:
    """Return the sentence of one of the portal's own events; its code and values if there is none."""
    if stored.code == "attention":
        return _message(stored.values)
    try:
        sentence = EVENTS[stored.code](stored.values)
    except (KeyError, TypeError, ValueError):
        return (
            f"{stored.code} {json.dumps(stored.values, ensure_ascii=False)}" if stored.values else stored.code
        )
    return (
        f"{sentence} {_message(stored.values)}".strip()
        if stored.code in ("ended", "waiting", "protect.failed", "cancel.refused", "release.server")
        else sentence
    )


def _message(values: Values) -> str:
    """Return the message of an event; one of the previous version of Sanso has its text beside it."""
    kept = values.get("sentence") or values.get("message") or {}
    return kept if isinstance(kept, str) else stored_text(kept, str(values.get("text") or ""))


def _requested(values: Values) -> str:
    texts = {
        "delete": _("%(user)s requested the deletion."),
        "continue": _("%(user)s requested that the rollback is continued."),
        "take_over": _("%(user)s requested to take over the stack as it is now."),
    }
    if text := texts.get(values["kind"]):
        return text % values
    if values["kind"] in AFTER_FAILURE:
        return _("%(user)s requested to roll back deployment %(failed)s.") % values
    if values.get("retry_of"):
        return _("%(user)s requested to retry deployment %(retry_of)s.") % values
    if values.get("back_to"):
        return _("%(user)s requested to go back to deployment %(back_to)s.") % values
    if values["kind"] == "update":
        return _("%(user)s requested the update.") % values
    if at := values.get("at"):
        when = timestamp(datetime.fromisoformat(str(at)))
        return _("%(user)s requested the creation for %(time)s.") % {"user": values["user"], "time": when}
    return _("%(user)s requested the creation.") % values


def _phase(values: Values) -> str:
    return _("Phase: %(phase)s") % {"phase": phase(values["phase"])}


def _templates(values: Values) -> str:
    templates, warnings = int(values["templates"]), int(values["warnings"])
    if warnings:
        return ngettext(
            "Templates checked: %(count)d warning.",
            "Templates checked: %(count)d warnings.",
            warnings,
        ) % {"count": warnings}
    return ngettext(
        "%(count)d template checked: no findings.",
        "%(count)d templates checked: no findings.",
        templates,
    ) % {"count": templates}


def _point_in_time(values: Values) -> str:
    time = timestamp(datetime.fromisoformat(str(values["time"])))
    text = _("The database will be restored from %(cluster)s to %(time)s.")
    return text % {"cluster": values["cluster"], "time": time}


def _bucket(values: Values) -> str:
    if values["created"]:
        return _("Created the artifact bucket %(bucket)s.") % values
    return _("Using the artifact bucket %(bucket)s.") % values


def _artifacts(values: Values) -> str:
    uploaded, reused = int(values["objects"]), int(values["reused"])
    if reused:
        return _("Uploaded %(uploaded)s; %(reused)s already existed.") % {
            "uploaded": objects(uploaded),
            "reused": objects(reused),
        }
    return _("Uploaded %(uploaded)s.") % {"uploaded": objects(uploaded)}


def _change_set(values: Values) -> str:
    return _("The change set creates %(resources)s in %(stacks)s.") % {
        "resources": resources(int(values["resources"])),
        "stacks": stacks(int(values["stacks"])),
    }


def _stacks_started(values: Values) -> str:
    if values.get("kind") == Kind.UPDATE:
        return _("Requested the update of %(stack_name)s from CloudFormation.") % values
    return _("Requested the creation of %(stack_name)s from CloudFormation.") % values


def _ended(values: Values) -> str:
    labels = {
        "succeeded": _("Deployment succeeded."),
        "canceled": _("Deployment canceled."),
        "failed": _("Deployment failed."),
        "rolled_back": _("Deployment failed; CloudFormation rolled it back."),
    }
    if values.get("canceled") and values["state"] == "rolled_back":
        return _("Update canceled; CloudFormation rolled it back.")
    return labels[values["state"]]


@dataclass(frozen=True, slots=True)
class CaughtNote:
    """The sentences of a form. `digest` is sent with it: it changes when another pair shares tags."""

    sentences: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, found: Sequence[CaughtServers]) -> CaughtNote | None:
        """Return the note; None if nothing is shared."""
        if not found:
            return None
        keys = "\n".join(sorted(f"{one.code} {one.key}" for one in found))
        return cls(tuple(map(caught_sentence, found)), hashlib.sha256(keys.encode()).hexdigest()[:16])


def caught_sentence(found: CaughtServers) -> str:
    """Return the sentence about an association and the servers that it would configure, too."""
    return CAUGHT_EVENTS[found.code](found.values)


def _caught(values: Values) -> str:
    whose = _("of environment %(environments)s") % values if values["environments"] else _("of others")
    return ngettext(
        "The targets of association %(association)s, %(tags)s, also match %(count)d server %(whose)s: "
        "%(servers)s. The association would configure it, too.",
        "The targets of association %(association)s, %(tags)s, also match %(count)d servers %(whose)s: "
        "%(servers)s. The association would configure them, too.",
        int(values["count"]),
    ) % {**values, "whose": whose}


def _catching(values: Values) -> str:
    whose = (
        _("of environment %(environments)s") % values
        if values["environments"]
        else _("of another environment")
    )
    return _(
        "The targets of association %(association)s %(whose)s, %(tags)s, also match the servers that this "
        "environment launches: %(servers)s. That association would configure them, too."
    ) % {**values, "whose": whose}


CAUGHT_EVENTS: dict[str, Callable[[Values], str]] = {CAUGHT: _caught, CATCHING: _catching}


EVENTS: dict[str, Callable[[Values], str]] = {
    "requested": _requested,
    "phase": _phase,
    "preflight.identity": plain(N_("The credentials belong to account %(account_id)s.")),
    "preflight.templates": _templates,
    "preflight.name": plain(N_("The stack name %(stack_name)s is available.")),
    "preflight.bucket": _bucket,
    "preflight.images": plain(N_("Found the machine images: %(images)s.")),
    "preflight.snapshot": plain(
        N_("The database will be restored from the snapshot %(snapshot)s of %(cluster)s.")
    ),
    "preflight.point_in_time": _point_in_time,
    **CAUGHT_EVENTS,
    "protect.started": plain(N_("Requested an update that sets %(parameter)s to true.")),
    "protect.on": plain(N_("Deletion protection is on.")),
    "protect.failed": plain(N_("Deletion protection could not be switched on.")),
    "artifacts.uploaded": _artifacts,
    "change_set.created": _change_set,
    WARNING: plain(N_("CloudFormation warns about %(place)s: %(reason)s (%(check)s)")),
    UNREAD: plain(N_("What CloudFormation's validation found could not be read. %(action)s: %(aws)s")),
    "change_set.root_only": plain(
        N_("CloudFormation refused the change sets of nested stacks; continuing without them. %(reason)s")
    ),
    "stacks.started": _stacks_started,
    "waiting": plain(N_("Not ready yet.")),
    "attention.over": plain(N_("Resolved; continuing.")),
    "ended": _ended,
    **CHANGE_EVENTS,
    **DELETION_EVENTS,
}

LONGEST_REASON = 120


def announcements(deployment: Deployment, events: Iterable[Event], first: Failure | None) -> list[str]:
    """Return an announcement for each event that needs one. `first` is the deployment's first failure."""
    found: list[str] = []
    for one in events:
        if one.source == "portal" and one.code in ("phase", "attention", "attention.over"):
            found.append(event(one))
        elif one.code == "ended" and one.source == "portal":
            found.append(
                _("%(name)s: %(end)s") % {"name": deployment.environment.name, "end": _cut(event(one))}
            )
        elif first and one.as_failure() == first:
            reason = first.reason or first.status
            values = {"name": first.logical_id, "reason": _cut(reason)}
            found.append(_("%(name)s failed: %(reason)s") % values)
    return found


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
