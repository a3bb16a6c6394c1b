"""The texts of the portal's own events. Rows store codes; these texts may change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.validation import UNREAD, WARNING
from deployments.common.pages.counts import objects, resources, stacks
from deployments.common.pages.datetime_formats import timestamp
from deployments.common.texts import stored_text
from deployments.environments.display.headlines import phase
from deployments.environments.rules.phases import AFTER_FAILURE, Kind
from deployments.stacks.display.caught_servers import CAUGHT_EVENTS
from deployments.stacks.display.change_event_texts import CHANGE_EVENTS
from deployments.stacks.display.deletion_event_texts import DELETION_EVENTS
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


def _identity(values: Values) -> str:
    return _("The credentials belong to account %(account_id)s.") % values


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


def _name(values: Values) -> str:
    return _("The stack name %(stack_name)s is available.") % values


def _images(values: Values) -> str:
    return _("Found the machine images: %(images)s.") % values


def _snapshot(values: Values) -> str:
    return _("The database will be restored from the snapshot %(snapshot)s of %(cluster)s.") % values


def _point_in_time(values: Values) -> str:
    time = timestamp(datetime.fromisoformat(str(values["time"])))
    text = _("The database will be restored from %(cluster)s to %(time)s.")
    return text % {"cluster": values["cluster"], "time": time}


def _protect_started(values: Values) -> str:
    return _("Requested an update that sets %(parameter)s to true.") % values


def _protect_on(_values: Values) -> str:
    return _("Deletion protection is on.")


def _protect_failed(_values: Values) -> str:
    return _("Deletion protection could not be switched on.")


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


def _without_nested_change_sets(values: Values) -> str:
    text = _("CloudFormation refused the change sets of nested stacks; continuing without them. %(reason)s")
    return text % values


def _waiting(_values: Values) -> str:
    return _("Not ready yet.")


def _validation_warning(values: Values) -> str:
    return _("CloudFormation warns about %(place)s: %(reason)s (%(check)s)") % values


def _validation_unread(values: Values) -> str:
    return _("What CloudFormation's validation found could not be read. %(action)s: %(aws)s") % values


def _attention_over(_values: Values) -> str:
    return _("Resolved; continuing.")


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


EVENTS: dict[str, Callable[[Values], str]] = {
    "requested": _requested,
    "phase": _phase,
    "preflight.identity": _identity,
    "preflight.templates": _templates,
    "preflight.name": _name,
    "preflight.bucket": _bucket,
    "preflight.images": _images,
    "preflight.snapshot": _snapshot,
    "preflight.point_in_time": _point_in_time,
    **CAUGHT_EVENTS,
    "protect.started": _protect_started,
    "protect.on": _protect_on,
    "protect.failed": _protect_failed,
    "artifacts.uploaded": _artifacts,
    "change_set.created": _change_set,
    WARNING: _validation_warning,
    UNREAD: _validation_unread,
    "change_set.root_only": _without_nested_change_sets,
    "stacks.started": _stacks_started,
    "waiting": _waiting,
    "attention.over": _attention_over,
    "ended": _ended,
    **CHANGE_EVENTS,
    **DELETION_EVENTS,
}
