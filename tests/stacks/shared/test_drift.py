"""The preview of a change after the stack was changed outside of Sanso: it compares with what AWS has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from deployments.changes.models.assessments import find_set
from deployments.changes.pages.preview.cards import outside_note
from deployments.changes.pages.preview.inputs import local_diff
from deployments.cloudformation.change_summary import counts
from deployments.cloudformation.changes import Changes, Effect
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from tests.changes.steps.test_change import apply, change, deployed, fresh, operator, previewed
from tests.fakes import FakeAws
from tests.stepping import run

pytestmark = pytest.mark.core

__all__ = ["deployed", "operator"]
OUTSIDE = "2126-11-25T10:00:00+00:00"


def set_outside(environment: Environment, aws: FakeAws, size: str, template: str = "") -> None:
    """Update the stack as with the AWS CLI."""
    stack = aws.stacks[environment.stack_id]
    stack.status, stack.updated = "UPDATE_COMPLETE", OUTSIDE
    stack.parameters["Size"] = size
    root = template_files.load(settings.SANSO_TEMPLATE_SET).root.read_text()
    aws.templates[environment.stack_id] = template or root


def parameters(deployment: Deployment) -> list[tuple[str, str | None, str | None, str]]:
    found = local_diff(deployment, find_set(deployment)).parameters
    return [(one.name, one.before, one.after, one.cause) for one in found]


def test_a_value_from_outside_that_a_change_undoes_is_the_side_before(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    set_outside(deployed, aws, "5")

    shown = previewed(change(deployed, operator, size="2"), aws)

    assert parameters(shown) == [("Size", "5", "2", "outside")]
    note = outside_note(shown.found)
    assert note is not None
    assert [(one.name, one.deployed, one.now, one.after) for one in note.undone] == [("Size", "2", "5", "2")]
    assert (note.kept, note.templates, note.is_unreadable) == ([], (), False)


def test_another_value_than_both_is_from_the_person_and_the_outside_value_is_said(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    set_outside(deployed, aws, "5")

    shown = previewed(change(deployed, operator, size="3"), aws)

    assert parameters(shown) == [("Size", "5", "3", "parameter")]
    note = outside_note(shown.found)
    assert note is not None
    assert [(one.now, one.after) for one in note.undone] == [("5", "3")]


def test_templates_from_outside_are_compared_and_named(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    text = template_files.load(settings.SANSO_TEMPLATE_SET).root.read_text()
    set_outside(deployed, aws, "2", text.replace("Description: small", "Description: outside"))

    shown = previewed(change(deployed, operator), aws)

    diff = local_diff(shown, find_set(shown))
    assert [(one.name, one.added, one.removed) for one in diff.templates] == [("root.yaml", 1, 1)]
    note = outside_note(shown.found)
    assert note is not None
    assert (note.templates, note.undone) == (("root.yaml",), [])


def test_with_templates_that_are_no_set_nothing_is_taken_for_unchanged(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    set_outside(deployed, aws, "2", "Resources: [")

    shown = previewed(change(deployed, operator), aws)

    note = outside_note(shown.found)
    assert note is not None
    assert note.is_unreadable
    assert Effect.UNCHANGED not in counts(Changes.from_json(shown.changes))
    assert local_diff(shown, find_set(shown)).set_unknown


def test_without_a_change_from_outside_no_template_is_read(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)

    assert outside_note(shown.found) is None
    assert "cloudformation:GetTemplate" not in aws.calls
    assert parameters(shown) == [("Size", "2", "3", "parameter")]


def test_values_of_a_deployment_that_failed_after_its_stacks_are_before_and_not_from_outside(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator, size="4"), aws)
    apply(shown, operator)
    run(shown, aws)
    Deployment.objects.filter(pk=shown.pk).update(state=State.FAILED, error_code="NotReady")

    again = previewed(change(fresh(deployed), operator, size="2"), aws)

    assert parameters(again) == [("Size", "4", "2", "parameter")]
    assert outside_note(again.found) is None


@pytest.mark.parametrize(("before", "is_replaced"), [("old-id", True), ("", False)])
def test_whether_an_uncertain_replacement_happened_is_stored(
    deployed: Environment, aws: FakeAws, operator: User, before: str, is_replaced: bool
) -> None:
    requested = run(change(deployed, operator), aws, until=lambda d: bool(d.change_set_id))
    created = aws.change_sets[requested.change_set_id]
    uncertain = replace(
        created.changes[0], replacement="Conditional", physical_id=before or created.changes[0].physical_id
    )
    aws.change_sets[requested.change_set_id] = replace(created, changes=(uncertain,))
    shown = previewed(requested, aws)
    assert Changes.from_json(shown.changes).resources[0].effect == Effect.MAY_BE_REPLACED
    apply(shown, operator)

    ended = run(shown, aws)

    assert ended.state == State.SUCCEEDED
    assert ended.replaced == {"Topic": is_replaced}
