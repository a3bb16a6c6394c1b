"""What a change does to running servers: decided when its preview is computed, and stored with it."""

from __future__ import annotations

from deployments import catalog
from deployments.core.changes import Changes
from deployments.core.release_kind import Release, release_of
from deployments.core.template_stacks import TemplateSide, stacks_of
from deployments.models import Deployment
from deployments.runner import launch, template_sets


def of_change(deployment: Deployment, changes: Changes) -> Release | None:
    """Return the release of a change whose preview is computed, None if its template set declares none."""
    template_set = template_sets.uploaded(deployment)
    rule = template_set.release
    if rule is None:
        return None
    base = template_sets.find(deployment.base.template_digest) if deployment.base else None
    differing = catalog.differing_files(base, template_set, rule.artifacts) if base else None
    known: dict[str, str] = deployment.environment.parameters
    values = known | deployment.parameters | launch.filled(deployment, template_set)
    side = TemplateSide(templates=template_set.contents, root=template_set.root.name, values=values)
    return release_of(rule, differing, changes, stacks_of(side))
