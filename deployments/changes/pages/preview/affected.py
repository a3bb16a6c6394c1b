"""The tiers that a change affects, and its outage: read by its page, the API and the command line."""

from __future__ import annotations

from deployments.changes.pages.preview.consequences import AffectedTier, tiers
from deployments.changes.pages.preview.local import planned_stacks
from deployments.cloudformation.changes import Changes
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.models.forecast import history
from deployments.template_sets.template_files.template_set import TemplateSet


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
