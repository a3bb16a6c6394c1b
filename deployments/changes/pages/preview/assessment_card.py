"""The assessment at the top of a preview: its sentence, what is replaced, the outage and the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.changes.pages.preview.ready_at import ReadyAt, ready_at
from deployments.changes.rules.assessment import ChangeAssessment, Likelihood
from deployments.changes.texts import assessment as texts
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display.duration_estimate import ChangeForecast, change_forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentCard:
    """The content of the card. `interrupted` are the stacks with the outage."""

    sentence: str
    replaced: str
    outage: str
    is_noticed: bool
    interrupted: Sequence[str]
    keeps_data: bool
    forecast: ChangeForecast | None
    ready: ReadyAt | None


def assessment_card(deployment: Deployment, found: ChangeAssessment, now: datetime) -> AssessmentCard:
    """Return the card of a change."""
    is_noticed = found.outage.likelihood is not Likelihood.NOT_EXPECTED
    root, takes = deployment.environment.stack_name, found.duration
    return AssessmentCard(
        sentence=texts.sentence(found),
        replaced=texts.replaced_text(found),
        outage=texts.outage_text(found.outage),
        is_noticed=is_noticed,
        interrupted=[tier.name or root for tier in found.tiers if is_noticed and tier.outage == found.outage],
        keeps_data=not (found.lost or found.may_be_lost or found.not_computed),
        forecast=change_forecast(
            deployment.environment.account, takes.seconds, takes.low, takes.high, takes.runs
        )
        if takes
        else None,
        ready=ready_at(deployment, takes, now),
    )
