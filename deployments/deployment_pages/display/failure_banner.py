"""The banner of a failure: the first failure, the remaining resources in AWS, and the next steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from deployments.changes.display.previews import cause_of_rejection
from deployments.cloudformation.remaining import Remaining
from deployments.cloudformation.root_cause import Failure, RootCause
from deployments.cloudformation.schedule import PHASE
from deployments.common.texts import cause_advice, cause_title, stored_text
from deployments.deployment_pages.display import failure_sentences
from deployments.deployment_pages.display.recovery_options import SuggestedAction, recovery_options
from deployments.deployment_pages.display.waterfall.failed_servers import (
    CONFIGURED,
    FailedServer,
    failed_servers,
)
from deployments.deployment_pages.display.waterfall.rows import row_id
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State
from deployments.failures.models import Evidence, findings_in, trail_of, validation_of
from deployments.failures.rules import checks, connections
from deployments.failures.rules.catalogue import by_code, cause_of, recognize
from deployments.failures.rules.cause import EvidenceKind, RecognizedCause
from deployments.failures.rules.stopped_stack import StackFinding
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.display.paths import join, name_of
from deployments.stacks.display.remaining import preserved_sentences
from deployments.stacks.models.remaining import remaining_of

_AFTER_STACKS = {"AssociationFailed": "AssociationFailed", "NotReady": "TargetsUnhealthy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One name in the chain from the root stack to the first failure; `row` is "" without a row."""

    name: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBanner:
    """The banner. `headline`: what happened; `remains`: what is left in AWS ("" while it rolls back).

    `message` is AWS's reason, or that of the failed step; "" if the headline has all of it. `advice` is "" if
    the cause is not in the catalog. `trail` is what CloudTrail has about the first failure, `findings` what
    stopped the stack beyond its events. The first action is the main one. `kept` describes what a failure
    without a rollback left; () after a rollback.
    """

    leaf: Failure
    headline: SafeString
    message: str
    advice: str
    code: str
    remains: str = ""
    remaining: Remaining = field(default_factory=Remaining)
    request_id: str = ""
    chain: tuple[ChainLink, ...] = ()
    ties: tuple[Failure, ...] = ()
    evidence: Sequence[Evidence] = ()
    trail: Sequence[Evidence] = ()
    findings: Sequence[Evidence] = ()
    actions: tuple[SuggestedAction, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def main(self) -> SuggestedAction | None:
        """Return the main action."""
        return next((action for action in self.actions if action.is_main), None)

    @property
    def others(self) -> list[SuggestedAction]:
        """Return the actions beside the main one."""
        return [action for action in self.actions if not action.is_main]


def of_deployment(
    deployment: Deployment, cause: RootCause | None, *, is_latest: bool
) -> FailureBanner | None:
    """Return the banner of a deployment (up to three queries); None if nothing failed in it."""
    if cause is not None:
        return _of_resource(deployment, cause, is_latest=is_latest)
    if deployment.is_active or deployment.state == State.SUCCEEDED or deployment.ended_at is None:
        return None
    return _of_step(deployment, is_latest=is_latest)


def _of_resource(deployment: Deployment, cause: RootCause, *, is_latest: bool) -> FailureBanner:
    leaf = cause.leaf
    pieces = list(Evidence.objects.of(deployment))
    evidence = _beside(pieces)
    found = findings_in(pieces)
    known = cause_of(leaf.type, leaf.reason, _connections(evidence), found)
    title = cause_title(known.cause.code, known.values) if known else ""
    headline = failure_sentences.of_resource(deployment, leaf, title)
    servers = failed_servers(evidence) if leaf.type in CONFIGURED else []
    chain = _chain(leaf)
    if servers:
        own = join(leaf.path, leaf.logical_id)
        headline = _of_server(deployment, servers[0], own)
        chain = (*chain, _link(join(own, servers[0].instance)))
        evidence.sort(key=lambda piece: not piece.subject.startswith(servers[0].instance))
    message = _message(leaf.message, headline)
    if found:
        headline, message = _explained(deployment, found[0], known)
        chain = _chain_to(found[0].path) or chain
    remaining = _remaining(deployment, is_latest=is_latest)
    return FailureBanner(
        leaf=leaf,
        headline=headline,
        message=message,
        advice=_advice(known),
        code=known.cause.code if known else "",
        remains=_what_remains(deployment, remaining, is_latest=is_latest),
        remaining=remaining,
        chain=chain,
        ties=cause.ties,
        evidence=evidence,
        trail=trail_of(pieces),
        findings=validation_of(pieces),
        actions=recovery_options(deployment, known, remaining, is_latest=is_latest),
        kept=preserved_sentences(deployment) if is_latest else (),
    )


def _beside(pieces: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence that is not displayed in a list of its own."""
    return [piece for piece in pieces if piece.kind not in (EvidenceKind.TRAIL, EvidenceKind.VALIDATION)]


def _explained(
    deployment: Deployment, found: StackFinding, known: RecognizedCause | None
) -> tuple[SafeString, str]:
    """Return the headline about what stopped a stack, and the reason if the headline has not all of it."""
    is_general = known is None or known.cause in checks.CAUSES
    title = cause_title(known.cause.code, known.values) if known and not is_general else ""
    headline = failure_sentences.of_finding(deployment, found, title)
    return headline, _message(found.reason, headline)


def _advice(known: RecognizedCause | None) -> str:
    return cause_advice(known.cause.code, known.values) if known else ""


def _message(reason: str, headline: SafeString) -> str:
    """Return AWS's reason for the first failure; "" if the headline has all of it."""
    return "" if conditional_escape(reason.rstrip(".")) in headline else reason


def _of_step(deployment: Deployment, *, is_latest: bool) -> FailureBanner:
    """Return the banner of a deployment that failed in one of the portal's own steps."""
    message = stored_text(deployment.error_sentence, deployment.error_message)
    phase = f"{PHASE}{deployment.last_phase}"
    is_early = State(deployment.last_phase) in BEFORE_STACKS
    pieces = list(Evidence.objects.of(deployment))
    evidence = _beside(pieces)
    found = findings_in(pieces)
    known = _cause_of_step(deployment, evidence, found)
    title = headlines.error(deployment.error_code, kind=deployment.kind)
    headline: SafeString = conditional_escape(title)
    after_release = failure_sentences.after_release(deployment)
    configured = deployment.error_code == "AssociationFailed" or after_release
    servers = failed_servers(evidence) if configured else []
    if found:
        headline, message = _explained(deployment, found[0], known)
    elif servers:
        headline = _of_server(deployment, servers[0], phase)
    elif is_early and known:
        title = cause_title(known.cause.code, known.values)
        headline = failure_sentences.of_change_set(title, **_params(deployment))
        message = _params(deployment).get("reason", "") or message
    remaining = _remaining(deployment, is_latest=is_latest)
    name = headlines.phase(deployment.last_phase)
    return FailureBanner(
        leaf=Failure(
            path="",
            logical_id=phase,
            type="",
            status=name,
            reason=message,
            at=deployment.ended_at or deployment.created_at,
        ),
        headline=headline,
        message=message,
        advice=_advice(known),
        code=known.cause.code if known else "",
        remains=(after_release if is_latest else "")
        or _what_remains(deployment, remaining, is_latest=is_latest),
        remaining=remaining,
        request_id=str((deployment.error_sentence or {}).get("request_id", "")),
        chain=(ChainLink(name=name, row="" if is_early else row_id(phase)),),
        evidence=evidence,
        findings=validation_of(pieces),
        actions=recovery_options(deployment, known, remaining, is_latest=is_latest),
        kept=preserved_sentences(deployment) if is_latest else (),
    )


def _connections(evidence: Sequence[Evidence]) -> str:
    return "\n".join(piece.text for piece in evidence if piece.kind == EvidenceKind.CONNECTIONS)


def _cause_of_step(
    deployment: Deployment, evidence: Sequence[Evidence], found: Sequence[StackFinding]
) -> RecognizedCause | None:
    """Return the known cause of a failed step: by the reason of a change set, or the output of servers."""
    if found:
        return cause_of("", "", "", found)
    if deployment.error_code == "ChangeSetFailed":
        return cause_of_rejection(deployment)
    code = _AFTER_STACKS.get(deployment.error_code)
    cause = by_code(code) if code else None
    if cause is None:
        return None
    if blocked := recognize(connections.TYPE, _connections(evidence)):
        return blocked
    known = recognize("Sanso::Association", " ".join(piece.text for piece in evidence))
    values = known.values if known and known.cause is cause else {"reason_code": "…"}
    return RecognizedCause(cause=cause, values=values)


def _params(deployment: Deployment) -> dict[str, str]:
    """Return the values of the message of a deployment's error."""
    params = (deployment.error_sentence or {}).get("params")
    return {str(k): str(v) for k, v in params.items()} if isinstance(params, dict) else {}


def _of_server(deployment: Deployment, server: FailedServer, path: str) -> SafeString:
    runs = AssociationRun.objects.of(deployment.environment).not_succeeded().without_output()
    tiers = {run.instance_id: run.association.tier for run in runs}
    tier = tiers.get(server.instance, "")
    return failure_sentences.of_server(deployment, server, join(path, server.instance), tier)


def _remaining(deployment: Deployment, *, is_latest: bool) -> Remaining:
    """Return what remains; only for the latest deployment, since the rows of earlier ones are out of date."""
    return remaining_of(deployment) if is_latest and not deployment.environment.deleted_at else Remaining()


def _what_remains(deployment: Deployment, remaining: Remaining, *, is_latest: bool) -> str:
    if deployment.is_active or not is_latest or deployment.environment.deleted_at:
        return ""
    if deployment.kind in (Kind.UPDATE, Kind.ROLLBACK, Kind.ROLLBACK_UPDATE) and not deployment.creates:
        return ""  # the environment exists
    return failure_sentences.what_remains(deployment, remaining)


def _chain(leaf: Failure) -> tuple[ChainLink, ...]:
    return _chain_to(f"{leaf.path}/{leaf.logical_id}")


def _chain_to(path: str) -> tuple[ChainLink, ...]:
    parts = [part for part in path.split("/") if part]
    return tuple(_link("/".join(parts[: number + 1])) for number in range(len(parts)))


def _link(path: str) -> ChainLink:
    return ChainLink(name=name_of(path), row=row_id(path))
