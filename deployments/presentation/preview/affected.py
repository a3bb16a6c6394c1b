"""The tiers that a change affects, and its outage: read by its page, the API and the command line."""

from __future__ import annotations

from deployments.catalog import TemplateSet
from deployments.core.changes import Changes
from deployments.core.phases import Kind
from deployments.models import Deployment
from deployments.models.expected import history
from deployments.presentation.preview.consequences import AffectedTier, tiers
from deployments.presentation.preview.local import planned_stacks


def affected_tiers(deployment: Deployment, template_set: TemplateSet | None) -> list[AffectedTier]:
    """Return the tiers that the preview of a change affects.

    `template_set` is that of the change, None if it is not stored.
    """
    return tiers(
        Changes.from_json(deployment.changes),
        deployment.environment.stack_name,
        history(deployment.environment.account, Kind.UPDATE),
        planned_stacks(deployment, template_set),
        deployment.release,
    )
