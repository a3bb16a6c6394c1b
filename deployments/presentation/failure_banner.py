"""The banner of a failure: what failed first, its known cause, evidence, and what to do next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from deployments.core.causes.catalogue import by_code, recognize
from deployments.core.causes.cause import NextStep, RecognizedCause
from deployments.core.phases import Kind
from deployments.core.root_cause import Failure, RootCause
from deployments.core.schedule import PHASE
from deployments.forms import PREFIX
from deployments.models import Deployment, Evidence
from deployments.presentation.text import wording
from deployments.presentation.waterfall.rows import row_id
from deployments.wording import cause_advice, cause_title, stored_text

_ORDER = list(NextStep)
_AFTER_STACKS = {"AssociationFailed": "AssociationFailed", "NotReady": "TargetsUnhealthy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One name in the chain from the root stack down to what failed first."""

    name: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedAction:
    """One thing to do next: a link, or a text to copy."""

    label: str
    url: str = ""
    copy_text: str = ""
    is_destructive: bool = False
    needs_permission: bool = False
    is_external: bool = False

    @property
    def classes(self) -> str:
        """Return the CSS classes of its link."""
        more = (("danger", self.is_destructive), ("needs-deploy", self.needs_permission))
        return " ".join(["button", *(name for name, wanted in more if wanted)])


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBanner:
    """The banner. `title` and `advice` are "" when the cause is not in the catalog."""

    leaf: Failure
    title: str
    advice: str
    code: str
    chain: tuple[ChainLink, ...]
    ties: tuple[Failure, ...]
    later: tuple[Failure, ...]
    collateral: tuple[Failure, ...]
    evidence: Sequence[Evidence]
    actions: tuple[SuggestedAction, ...]
    failed_task: str = ""  # the instance and task that an association failed on and in


def of_failure(deployment: Deployment, cause: RootCause | None, *, is_latest: bool) -> FailureBanner | None:
    """Return the banner of a failure (one query for the evidence); None when nothing failed."""
    if cause is None:
        return None
    known = recognize(cause.leaf.type, cause.leaf.reason)
    evidence = list(Evidence.objects.of(deployment))
    return FailureBanner(
        leaf=cause.leaf,
        title=cause_title(known.cause.code, known.values) if known else "",
        advice=cause_advice(known.cause.code, known.values) if known else "",
        code=known.cause.code if known else "",
        chain=_chain(cause.leaf),
        ties=cause.ties,
        later=cause.later,
        collateral=cause.collateral,
        evidence=evidence,
        actions=tuple(_actions(deployment, known, is_latest=is_latest)),
        failed_task=_failed_task(evidence),
    )


def of_readiness(deployment: Deployment, *, is_latest: bool) -> FailureBanner | None:
    """Return the banner of a deployment whose stacks were created but whose environment did not become ready.

    None for any other result.
    """
    code = _AFTER_STACKS.get(deployment.error_code)
    known_cause = by_code(code) if code and not deployment.is_active else None
    if known_cause is None or deployment.ended_at is None:
        return None
    evidence = list(Evidence.objects.of(deployment))
    known = recognize("Sanso::Association", " ".join(piece.text for piece in evidence))
    values = known.values if known and known.cause is known_cause else {"reason_code": "…"}
    known = RecognizedCause(cause=known_cause, values={})
    phase = f"{PHASE}{deployment.last_phase}"
    leaf = Failure(
        path="",
        logical_id=phase,
        type="",
        status=wording.phase(deployment.last_phase),
        reason=stored_text(deployment.error_sentence, deployment.error_message),
        at=deployment.ended_at,
    )
    return FailureBanner(
        leaf=leaf,
        title=wording.error(deployment.error_code, kind=deployment.kind),
        advice=cause_advice(known_cause.code, values),
        code=known_cause.code,
        chain=(ChainLink(name=leaf.status, row=row_id(phase)),),
        ties=(),
        later=(),
        collateral=(),
        evidence=evidence,
        actions=tuple(_actions(deployment, known, is_latest=is_latest)),
        failed_task=_failed_task(evidence),
    )


def _failed_task(evidence: Sequence[Evidence]) -> str:
    piece = next((e for e in evidence if e.kind == "association_output" and e.text), None)
    return f"{piece.subject}: {piece.text.splitlines()[0]}" if piece else ""


def _chain(leaf: Failure) -> tuple[ChainLink, ...]:
    parts = [part for part in f"{leaf.path}/{leaf.logical_id}".split("/") if part]
    return tuple(
        ChainLink(name=name, row=row_id("/".join(parts[: number + 1]))) for number, name in enumerate(parts)
    )


def _actions(
    deployment: Deployment, known: RecognizedCause | None, *, is_latest: bool
) -> Iterator[SuggestedAction]:
    """Yield the actions that are possible now, those that fix the cause first.

    While CloudFormation rolls back, nothing can be deleted or requested.
    """
    wanted = set(known.cause.steps) if known else set()
    environment = deployment.environment
    if not deployment.is_active and is_latest and not environment.deleted_at:
        wanted |= _general_actions(deployment)
    else:
        wanted &= {NextStep.QUOTAS, NextStep.POLICY}
    for step in _ORDER:
        if step in wanted and (action := _action(step, deployment, known)):
            yield action


def _general_actions(deployment: Deployment) -> set[NextStep]:
    if deployment.kind == Kind.DELETE:
        return {NextStep.DELETE_AGAIN, NextStep.ENVIRONMENT}
    left = {NextStep.DELETE_FIRST} if deployment.environment.stack_id else set()
    return left | {NextStep.EDIT, NextStep.ENVIRONMENT}


def _action(step: NextStep, deployment: Deployment, known: RecognizedCause | None) -> SuggestedAction | None:
    environment = deployment.environment
    deleting = deployment.kind == Kind.DELETE
    again = f"{reverse('environment_new')}?from={deployment.pk}"
    if step is NextStep.EDIT and not deleting:
        return SuggestedAction(
            label=_("Edit and retry"), url=again + _field(deployment, known), needs_permission=True
        )
    if step is NextStep.DELETE_FIRST and not deleting and environment.stack_id:
        url = reverse("environment_delete", args=[environment.pk])
        return SuggestedAction(
            label=_("Delete remaining resources…"), url=url, is_destructive=True, needs_permission=True
        )
    if step is NextStep.DELETE_AGAIN and deleting:
        url = reverse("environment_delete", args=[environment.pk])
        return SuggestedAction(label=_("Delete again…"), url=url, needs_permission=True)
    if step is NextStep.ENVIRONMENT:
        return SuggestedAction(label=_("View environment"), url=environment.get_absolute_url())
    if step is NextStep.RUN_AGAIN and not deleting:
        url = f"{environment.get_absolute_url()}#associations"
        return SuggestedAction(label=_("Run association…"), url=url, needs_permission=True)
    if step is NextStep.QUOTAS:
        return _quotas(deployment, known)
    if step is NextStep.POLICY:
        return _policy(known)
    return None


def _field(deployment: Deployment, known: RecognizedCause | None) -> str:
    """Return the fragment that leads to the form's field which the cause is about, "" when it names none."""
    pattern = known.cause.parameter if known else ""
    if not pattern:
        return ""
    names = [name for name in deployment.parameters if re.search(pattern, name, re.IGNORECASE)]
    return f"#id_{PREFIX}{names[0]}" if names else ""


def _quotas(deployment: Deployment, known: RecognizedCause | None) -> SuggestedAction | None:
    """Return the way to the service's quotas; the sandbox has none."""
    account = deployment.environment.account
    if account.is_sandbox or known is None:
        return None
    place = f"https://{account.region}.console.aws.amazon.com/servicequotas/home"
    of = f"/services/{known.cause.service}/quotas" if known.cause.service else "/services"
    return SuggestedAction(
        label=_("Open Service Quotas"), url=f"{place}{of}?region={account.region}", is_external=True
    )


def _policy(known: RecognizedCause | None) -> SuggestedAction | None:
    """Return a policy statement that allows what was denied, to be copy_text."""
    if known is None:
        return None
    action = "iam:PassRole" if "role" in known.values else known.values.get("action", "")
    if ":" not in action:
        return None
    statement = {"Effect": "Allow", "Action": action, "Resource": known.values.get("role", "*")}
    return SuggestedAction(
        label=_("Copy a policy that allows %(action)s") % {"action": action}, copy_text=json.dumps(statement)
    )
