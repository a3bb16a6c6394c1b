"""The portal's own events, errors and notices in the reader's language. Codes are stable, words are not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.core.aws_errors import is_throttling, needs_access
from deployments.core.phases import AFTER_FAILURE, ROLLBACKS, Kind
from deployments.models import Event
from deployments.models.deployment import STATES
from deployments.presentation.text.datetime_formats import timestamp
from deployments.wording import stored_text

Values = Mapping[str, Any]


def phase(name: str) -> str:
    """Return a phase's name; an unknown one as it is."""
    return str(dict(STATES).get(name, name))


def event(stored: Event) -> str:
    """Return the sentence of one of the portal's own events; code and values when there is none."""
    if stored.code == "attention":
        return _message(stored.values)
    try:
        sentence = _EVENTS[stored.code](stored.values)
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
    """Return the message of an event; one of the release before has its text beside it."""
    kept = values.get("sentence") or values.get("message") or {}
    return kept if isinstance(kept, str) else stored_text(kept, str(values.get("text") or ""))


def error(code: str, *, kind: str) -> str:
    """Return the headline of a deployment of this kind that ended with this error code."""
    if code in _ERRORS:
        return _ERRORS[code]()
    if kind == Kind.DELETE:
        return _("Deletion failed")
    if kind == Kind.UPDATE:
        return _("Update failed")
    if kind == Kind.ROLLBACK:
        return _("Rollback failed again")
    if kind in ROLLBACKS:
        return _("Rollback failed")
    return _("Creation failed")


def canceled(code: str, name: str) -> str:
    """Return the headline of a deployment of the environment `name` that was canceled."""
    texts = {
        "end": _("Creation of %(name)s canceled"),
        "delete": _("Creation of %(name)s canceled; its stack is deleted"),
        "roll_back": _("Update of %(name)s canceled; CloudFormation rolled it back"),
        "stop_release": _("Release to %(name)s stopped; no further server was changed"),
        "stop_waiting": _("Stopped waiting for %(name)s; its stack stays"),
        "discarded": _("Change discarded"),
        "denied": _("Change denied"),
        "expired": _("Preview expired"),
        "missed": _("Scheduled time missed"),
        "permission_lost": _("Permission withdrawn before the change began"),
        "version_withdrawn": _("Version withdrawn before the change began"),
        "environment_deleted": _("Environment deleted before the change was applied"),
    }
    return texts.get(code, _("Canceled")) % {"name": name}


def attention(code: str) -> str:
    """Return the headline of a notice: what kind of trouble, and whether somebody must act."""
    if is_throttling(code):
        return _("Throttled by AWS: updates arrive more slowly, the outcome does not change")
    if code == "InternalError":
        return _("A step failed; retrying")
    if needs_access(code):
        return _("A permission is missing; the deployment continues once it is granted")
    return _("AWS is not responding as expected; retrying")


def resources(number: int) -> str:
    """Return a number of resources in words."""
    return ngettext("%(count)d resource", "%(count)d resources", number) % {"count": number}


def stacks(number: int) -> str:
    """Return a number of stacks in words."""
    return ngettext("%(count)d stack", "%(count)d stacks", number) % {"count": number}


def objects(number: int) -> str:
    """Return a number of objects in a bucket in words."""
    return ngettext("%(count)d object", "%(count)d objects", number) % {"count": number}


def checks(number: int) -> str:
    """Return a number of checks in words."""
    return ngettext("%(count)d check", "%(count)d checks", number) % {"count": number}


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


def _change_canceled(values: Values) -> str:
    texts = {
        "discarded": _("%(user)s discarded the change. Nothing was changed in AWS."),
        "denied": _("%(user)s denied it. Nothing was changed in AWS.")
        if values["user"]
        else _("Denied: nobody approved it in time. Nothing was changed in AWS."),
        "missed": _(
            "Expired: it missed its scheduled time by more than an hour. Nothing was changed in AWS."
        ),
        "permission_lost": _("Who applied it no longer has the permission. Nothing was changed in AWS."),
        "version_withdrawn": _("Its version was withdrawn. Nothing was changed in AWS."),
        "expired": _("The preview expired before it was applied. Nothing was changed in AWS."),
        "environment_deleted": _("The environment was deleted before the change was applied."),
    }
    return texts[values["code"]] % values


def _change_nothing(_values: Values) -> str:
    return _("No changes: the stack already has these values and templates.")


def _change_out_of_date(_values: Values) -> str:
    return _("The stack has changed since the preview. A new preview is being computed; apply that one.")


def _root_only(values: Values) -> str:
    text = _("CloudFormation refused the change sets of nested stacks; continuing without them. %(reason)s")
    return text % values


def _delete_found(values: Values) -> str:
    return _("Found %(resources)s to delete.") % {"resources": resources(int(values["resources"]))}


def _delete_started(values: Values) -> str:
    return _("Requested the deletion of %(stack_name)s from CloudFormation.") % values


def _delete_nothing(_values: Values) -> str:
    return _("No stack was left to delete.")


def _kept_found(values: Values) -> str:
    return _("Found %(resources)s to roll back.") % {"resources": resources(int(values["resources"]))}


def _kept_rollback_started(values: Values) -> str:
    return _("Requested the rollback of %(stack_name)s from CloudFormation.") % values


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


def _rollback_found(values: Values) -> str:
    found = resources(int(values["stuck"]))
    if not int(values["skipped"]):
        return _("To roll back again: %(resources)s.") % {"resources": found}
    return _("To roll back again: %(resources)s, of which %(skipped)s are skipped.") % {
        "resources": found,
        "skipped": int(values["skipped"]),
    }


def _rollback_started(values: Values) -> str:
    return _("Requested that CloudFormation continues the rollback of %(stack_name)s.") % values


def _take_over_done(values: Values) -> str:
    if not values["with_set"]:
        return _(
            "Took over the parameters. The template set is not stored: choose the current one to change."
        )
    if values["same_templates"]:
        return _("Took over the parameters. The templates are those that Sanso deployed.")
    return _("Took over the templates and the parameters.")


def _nested_deleted(values: Values) -> str:
    return _("Requested the deletion of the nested stack %(stack)s without what is retained.") % values


def _review_purged(values: Values) -> str:
    return _("Deleted the empty stack %(stack_name)s: its change set was not executed for 7 days.") % values


def _waiting(_values: Values) -> str:
    return _("Not ready yet.")


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
    """Return a sentence with the status that the root stack had, if it had one."""
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
    }
    return texts[values["stage"]] % values


def _release_again(values: Values) -> str:
    return _("State Manager put the earlier version back on %(server)s; it is changed again.") % values


_EVENTS: dict[str, Callable[[Values], str]] = {
    "requested": _requested,
    "phase": _phase,
    "preflight.identity": _identity,
    "preflight.templates": _templates,
    "preflight.name": _name,
    "preflight.bucket": _bucket,
    "preflight.images": _images,
    "protect.started": _protect_started,
    "protect.on": _protect_on,
    "protect.failed": _protect_failed,
    "artifacts.uploaded": _artifacts,
    "change_set.created": _change_set,
    "change_set.root_only": _root_only,
    "release.server": _release_server,
    "release.again": _release_again,
    "stacks.started": _stacks_started,
    "approval.requested": _approval_requested,
    "approval.approved": _approval_approved,
    "approval.denied": _approval_denied,
    "approval.bypassed": _approval_bypassed,
    "approval.expired": _approval_expired,
    "approval.void": _approval_void,
    "schedule.due": _schedule_due,
    "change.applied": _change_applied,
    "change.canceled": _change_canceled,
    "change.nothing": _change_nothing,
    "cancel.requested": _cancel_requested,
    "cancel.accepted": _cancel_accepted,
    "cancel.refused": _cancel_refused,
    "change.out_of_date": _change_out_of_date,
    "kept.found": _kept_found,
    "kept.rollback_started": _kept_rollback_started,
    "delete.found": _delete_found,
    "delete.started": _delete_started,
    "delete.nothing": _delete_nothing,
    "delete.nested": _nested_deleted,
    "rollback.found": _rollback_found,
    "rollback.started": _rollback_started,
    "take_over.done": _take_over_done,
    "review.purged": _review_purged,
    "remaining.searched": _remaining_searched,
    "waiting": _waiting,
    "attention.over": _attention_over,
    "ended": _ended,
}
_ERRORS: dict[str, Callable[[], str]] = {
    "TemplateSetMissing": lambda: _("Template set not found"),
    "TemplateSetBroken": lambda: _("Template set cannot be read"),
    "TemplateSetHasErrors": lambda: _("Template set has errors"),
    "TemplateSetChanged": lambda: _("Template set changed since the form was filled in"),
    "LintFailed": lambda: _("Template set could not be checked"),
    "StackNameTaken": lambda: _("Stack name already in use"),
    "BucketOwnedByAnother": lambda: _("Artifact bucket owned by another account"),
    "BucketInOtherRegion": lambda: _("Artifact bucket in another region"),
    "ChangeSetFailed": lambda: _("CloudFormation rejected the change set"),
    "InsufficientCapabilities": lambda: _("The templates require a capability that Sanso may not grant"),
    "ResourceFailed": lambda: _("A resource failed"),
    "SandboxRestarted": lambda: _("The sandbox was restarted"),
    "StackGone": lambda: _("Stack deleted outside of Sanso"),
    "StackDeleted": lambda: _("Stack deleted outside of Sanso"),
    "AssociationFailed": lambda: _("Server configuration failed"),
    "ReleaseFailed": lambda: _("The release stopped at a server that failed"),
    "NotReady": lambda: _("Stacks created, but the environment did not become ready"),
    "InternalError": lambda: _("A step failed"),
}
