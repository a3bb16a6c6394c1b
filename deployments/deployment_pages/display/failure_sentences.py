"""The two sentences about a failure: what happened, and what remains in AWS and is billed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deployments.cloudformation.remaining import Billing, Reason, Remaining, RemainingResource, SearchState
from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import OperationKind, operation_of
from deployments.common.rules.plain_reason import plain_reason
from deployments.deployment_pages.display.waterfall.failed_servers import FailedServer
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.outcome import SANDBOX_RESTARTED
from deployments.environments.rules.phases import BEFORE_STACKS, State
from deployments.failures.rules.stopped_stack import FindingKind, StackFinding
from deployments.stacks.display.paths import join, name_of

_STACK_GONE = ("StackGone", "StackDeleted", SANDBOX_RESTARTED)
"""Error codes of deployments whose stack disappeared."""
NAMED = 3
"""Maximum number of billed resources that the sentence names."""
LONGEST = 160
"""Characters of AWS's reason in the sentence; the full reason is displayed below."""
_OPERATIONS = {
    OperationKind.CREATE: gettext_lazy("%(name)s could not be created: %(why)s"),
    OperationKind.UPDATE: gettext_lazy("%(name)s could not be updated: %(why)s"),
    OperationKind.DELETE: gettext_lazy("%(name)s could not be deleted: %(why)s"),
    OperationKind.ROLLBACK: gettext_lazy("%(name)s could not be rolled back: %(why)s"),
}


def of_resource(deployment: Deployment, failure: Failure, title: str) -> SafeString:
    """Return what happened to a resource; `title` is that of the known cause, "" to use AWS's reason."""
    path = join(failure.path, failure.logical_id)
    sentence = _OPERATIONS[operation_of(failure.status)]
    why = _cut(title) or essence(failure.reason) or failure.status
    return _filled(str(sentence), name=link(deployment, path, failure.logical_id), why=_ended(why))


def of_finding(deployment: Deployment, finding: StackFinding, title: str) -> SafeString:
    """Return what stopped a stack; `title` is that of the known cause, "" to use AWS's reason."""
    name = name_of(finding.path) or deployment.environment.stack_name
    why = _cut(title) or essence(finding.reason) or finding.check
    values = {"name": link(deployment, finding.path, name), "why": _ended(why)}
    if finding.kind is FindingKind.HOOK:
        return _filled(_("The hook %(hook)s stopped %(name)s: %(why)s"), hook=finding.check, **values)
    if finding.kind is FindingKind.ERROR:
        return _filled(str(_OPERATIONS[operation_of(finding.check)]), **values)
    return _filled(_("%(name)s did not pass CloudFormation's validation: %(why)s"), **values)


def of_server(deployment: Deployment, server: FailedServer, path: str, tier: str) -> SafeString:
    """Return what happened on the server whose row is at `path`."""
    values = {"server": link(deployment, path, server.instance), "message": _ended(server.message)}
    if not server.task:
        texts = {
            "app": _("The configuration of app server %(server)s failed: %(message)s"),
            "web": _("The configuration of web server %(server)s failed: %(message)s"),
        }
        return _filled(
            texts.get(tier, _("The configuration of server %(server)s failed: %(message)s")), **values
        )
    texts = {
        "app": _("App server %(server)s failed at task “%(task)s”: %(message)s"),
        "web": _("Web server %(server)s failed at task “%(task)s”: %(message)s"),
    }
    text = texts.get(tier, _("Server %(server)s failed at task “%(task)s”: %(message)s"))
    return _filled(text, task=server.task, **values)


def after_release(deployment: Deployment) -> str:
    """Return which version servers have after a failed release; "" for another failure."""
    texts = {
        "ReleaseFailed": _("No further server was changed. Servers may run different versions."),
        "ReleaseReturned": _(
            "The release went back by itself: every server has the earlier version. The stacks were not "
            "changed."
        ),
        "ReleaseStackChanged": _("Every server has the new version. The stacks were not changed."),
        "ReleaseReturnFailed": _(
            "The release could not go back on every server. Servers may run different versions."
        ),
    }
    return texts.get(deployment.error_code, "")


def of_change_set(title: str, *, where: str = "", file: str = "", **_others: str) -> SafeString:
    """Return why CloudFormation rejected the change set, and which nested stack and file it means."""
    if not where:
        return _filled(_("CloudFormation rejected the change set: %(title)s"), title=_ended(title))
    text = _("CloudFormation rejected the nested stack %(where)s (%(file)s): %(title)s")
    return _filled(text, where=where, file=file, title=_ended(title))


def link(deployment: Deployment, path: str, name: str) -> SafeString:
    """Return the link that selects the row of the first failure on the deployment's page."""
    url = f"{deployment.get_absolute_url()}?{urlencode({'row': path})}"
    return format_html('<a href="{}" data-first-failure>{}</a>', url, name)


def essence(reason: str) -> str:
    """Return AWS's reason without the wrapping of its resource handlers and without request ids."""
    return _cut(plain_reason(reason))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]}…"


def _ended(text: str) -> str:
    if text.endswith((".", "…", "。", "!", "?")):
        return text
    return _("%(sentence)s.") % {"sentence": text}


def _filled(text: str, **values: str) -> SafeString:
    """Fill the placeholders of a text with escaped values or safe HTML."""
    safe = {name: conditional_escape(value) for name, value in values.items()}
    return SafeString(escape(text) % safe)


# --- what remains -------------------------------------------------------------------------------------


def what_remains(deployment: Deployment, remaining: Remaining) -> str:
    """Return what a deployment that has ended left in AWS, and which of it is billed."""
    number = len(remaining.resources)
    if not number:
        return _nothing(deployment, remaining)
    known = remaining.billed
    unknown = [one for one in remaining.resources if one.billing is Billing.UNKNOWN]
    if len(known) == number:
        text = ngettext(
            "%(count)d resource remains in AWS and is billed: %(names)s.",
            "%(count)d resources remain in AWS and are billed: %(names)s.",
            number,
        )
    elif known:
        text = ngettext(
            "%(count)d resources remain in AWS and %(billed)d is billed: %(names)s.",
            "%(count)d resources remain in AWS and %(billed)d are billed: %(names)s.",
            len(known),
        )
    elif unknown:
        text = ngettext(
            "%(count)d resource remains in AWS and may be billed.",
            "%(count)d resources remain in AWS and may be billed.",
            number,
        )
    else:
        text = ngettext(
            "%(count)d resource remains in AWS; it is not billed.",
            "%(count)d resources remain in AWS; none of them is billed.",
            number,
        )
    sentence = text % {"count": number, "billed": len(known), "names": _names(known)}
    if State(deployment.last_phase) in BEFORE_STACKS and not deployment.environment.stack_id:
        nothing = _("CloudFormation created nothing.")
        sentence = f"{nothing} {sentence}"
    elif remaining.stack_status and not remaining.of_stacks:
        empty = _("The empty stack keeps the name “%(name)s” in use.")
        sentence = f"{sentence} {empty % {'name': deployment.environment.name}}"
    return _with_search(sentence, remaining)


def _names(resources: Sequence[RemainingResource]) -> str:
    """Return the names of the first few; for resources without a name in a template, their kind."""
    numbers = Counter(one.reason for one in resources)
    logs, snapshots = numbers[Reason.LOGS], numbers[Reason.SNAPSHOT]
    kinds = {
        Reason.ARTIFACTS: _("the artifact objects in S3"),
        Reason.OUTPUTS: _("the output of servers in S3"),
        Reason.LOGS: ngettext("a log group", "%(count)d log groups", logs) % {"count": logs},
        Reason.SNAPSHOT: ngettext("a database snapshot", "%(count)d database snapshots", snapshots)
        % {"count": snapshots},
        Reason.BACKUP: _("automated database backups"),
    }
    names = Counter(kinds.get(one.reason) or name_of(one.path) or one.id for one in resources)
    text = ", ".join(list(names)[:NAMED])
    more = sum(list(names.values())[NAMED:])
    return _("%(names)s and %(number)d more") % {"names": text, "number": more} if more else text


def _nothing(deployment: Deployment, remaining: Remaining) -> str:
    name = deployment.environment.name
    if remaining.stack_status:
        text = _(
            "No resources remain in AWS; the empty stack is not billed, but keeps the name “%(name)s” in use."
        )
        return _with_search(text % {"name": name}, remaining)
    if deployment.error_code in _STACK_GONE:
        return _("Nothing is left of the stack.")
    if remaining.search is not SearchState.DONE and State(deployment.last_phase) in BEFORE_STACKS:
        return _with_search(_("CloudFormation created nothing."), remaining)
    if remaining.search is SearchState.PENDING:
        return _("The search for remaining resources is in progress.")
    return _with_search(_("Nothing remains in AWS."), remaining)


def _with_search(sentence: str, remaining: Remaining) -> str:
    """Return the sentence with what the search could not determine, or has not yet."""
    if remaining.search is SearchState.PENDING:
        more = _("The search for other remaining resources is in progress.")
        return f"{sentence} {more}"
    if remaining.search is SearchState.INCOMPLETE:
        more = _("Not searched: %(services)s.") % {"services": ", ".join(sorted(remaining.problems))}
        return f"{sentence} {more}"
    return sentence
