"""Headlines of phases, failures, cancellations and notices. Rows store codes; these texts may change."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from deployments.common.rules.aws_error_codes import is_throttling, needs_access
from deployments.environments.models.deployments import STATES
from deployments.environments.rules.phases import ROLLBACKS, Kind


def phase(name: str) -> str:
    """Return a phase's name; an unknown phase unchanged."""
    return str(dict(STATES).get(name, name))


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
    """Return the headline of a notice: the kind of problem, and whether somebody must act."""
    if is_throttling(code):
        return _("Throttled by AWS: updates arrive more slowly, the outcome does not change")
    if code == "InternalError":
        return _("A step failed; retrying")
    if needs_access(code):
        return _("A permission is missing; the deployment continues once it is granted")
    return _("AWS is not responding as expected; retrying")


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
    "ReleaseStackChanged": lambda: _("Servers released, but the stacks could not be changed"),
    "ReleaseReturned": lambda: _("The release failed and went back by itself"),
    "ReleaseReturnFailed": lambda: _("The release failed, and it could not go back"),
    "NotReady": lambda: _("Stacks created, but the environment did not become ready"),
    "InternalError": lambda: _("A step failed"),
}
