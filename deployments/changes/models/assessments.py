"""The assessment of a change from its row: its preview, its template set, and earlier durations."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.changes.rules.assessment import ChangeAssessment, ChangeDuration, assessment
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.nested_templates import TemplateStack, stacks_of
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.models.durations import Expectation
from deployments.stacks.models.forecast import history
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.template_set import TemplateSet


def assessment_of(
    deployment: Deployment, stacks: Mapping[str, TemplateStack] | None = None
) -> ChangeAssessment:
    """Return the assessment of a change. `stacks` are its planned ones; by default they are read."""
    found = Expectation.objects.filter(deployment=deployment).first()
    return assessment(
        Changes.from_json(deployment.changes),
        history(deployment.environment.account, Kind.UPDATE),
        planned_stacks(deployment, find_set(deployment)) if stacks is None else stacks,
        deployment.release,
        ChangeDuration(seconds=found.seconds, low=found.low, high=found.high, runs=found.runs)
        if found
        else None,
    )


def planned_stacks(deployment: Deployment, template_set: TemplateSet | None) -> dict[str, TemplateStack]:
    """Return the stacks of a template set with the values of a change, by path; none without a set."""
    if template_set is None:
        return {}
    values = {**deployment.environment.parameters, **deployment.parameters}
    return stacks_of(template_set.side(values))


def find_set(deployment: Deployment) -> TemplateSet | None:
    """Return the template set of a deployment; None if it is not stored, or this version cannot read it."""
    try:
        return stored_sets.find(deployment.template_digest)
    except UserFixable:
        return None
