"""Changes that end in another order than that of their requests: the last to end is what AWS has."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.changes.commands.preview import request_change
from deployments.cloudformation.release_kind import ReleaseKind
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.releases.models import ServerRelease
from deployments.stacks.commands.change_base import base_of
from deployments.stacks.shared import finalize
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.releases.steps.running import CODE, apply, fail_on, go, previewed, stages, write
from tests.stepping import run


@pytest.fixture
def earlier(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> tuple[Deployment, Deployment]:
    """Two changes: the second one succeeded while the first one, of an older version, was only a preview."""
    write(settings, CODE, "first\n")
    first = previewed(shop, operator, aws)
    write(settings, CODE, "the second\n")
    second = succeeded(previewed(shop, operator, aws), operator, aws)
    return previewed_again(first, operator, aws), second


def succeeded(shown: Deployment, operator: User, aws: FakeAws) -> Deployment:
    """Apply a preview, take steps until its stacks are complete, and end the change as ready."""
    go(apply(shown, operator), aws)
    complete = run(shown, aws, until=lambda d: d.state == State.CONFIGURATION or not d.is_active)
    assert complete.state == State.CONFIGURATION, reason(complete)
    environment = Environment.objects.get(pk=shown.environment_id)
    complete.move_to(State.TRAFFIC)
    complete.move_to(State.READY)
    finalize.finalize(complete, State.SUCCEEDED, "UPDATE_COMPLETE", dict(environment.outputs))
    return Deployment.objects.get(pk=shown.pk)


def previewed_again(shown: Deployment, operator: User, aws: FakeAws) -> Deployment:
    """Apply a preview that another change has made out of date, and return the new preview."""
    apply(shown, operator)
    again = run(shown, aws, until=lambda d: d.state == State.PREVIEW and d.revision == 1)
    assert again.revision == 1
    return again


def test_a_new_preview_is_based_on_the_change_that_ended_meanwhile(
    earlier: tuple[Deployment, Deployment],
) -> None:
    first, second = earlier
    assert first.base_id == second.pk


def test_the_last_change_to_end_is_the_base_of_the_next_one_and_what_the_site_should_answer(
    shop: Environment, earlier: tuple[Deployment, Deployment], operator: User, aws: FakeAws
) -> None:
    first, second = earlier
    assert first.pk < second.pk
    ended = succeeded(first, operator, aws)

    environment = Environment.objects.for_page().get(pk=shop.pk)
    assert Deployment.objects.good_of(environment.pk).first() == ended
    assert Deployment.objects.attempts_of(environment).first() == ended
    assert base_of(environment) == ended
    current = previewed(environment, operator, aws)  # the set of the second change
    assert current.release is not None
    assert current.release.kind is ReleaseKind.CODE


def test_a_change_back_to_the_files_that_another_change_replaced_meanwhile_reaches_the_servers(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    requested = request_change(
        user=operator,
        environment=Environment.objects.for_page().get(pk=shop.pk),
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    same = run(requested, aws, until=lambda d: d.state == State.PREVIEW)
    assert same.release is not None
    assert same.release.kind is ReleaseKind.NONE
    write(settings, CODE, "changed\n")
    succeeded(previewed(shop, operator, aws), operator, aws)

    again = previewed_again(same, operator, aws)

    assert again.release is not None
    assert again.release.kind is ReleaseKind.CODE


def test_servers_of_a_failed_release_are_mixed_although_a_later_numbered_one_succeeded_before(
    shop: Environment, earlier: tuple[Deployment, Deployment], operator: User, aws: FakeAws
) -> None:
    first, _second = earlier
    fail_on(aws, "i-2")
    ended = go(apply(first, operator), aws)

    assert ended.state == State.FAILED
    assert stages(ended) == {"i-1": "done", "i-2": "failed"}
    unfinished = ServerRelease.objects.unfinished_of(shop)
    assert unfinished is not None
    assert unfinished.deployment == ended
    newest = ServerRelease.objects.newest_of(shop)
    assert newest is not None
    assert newest.deployment == ended


def test_a_success_ends_the_mix_of_a_later_numbered_release_that_failed_before(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    write(settings, CODE, "first\n")
    first = previewed(shop, operator, aws)
    write(settings, CODE, "the second\n")
    second = previewed(shop, operator, aws)
    fail_on(aws, "i-2")
    assert go(apply(second, operator), aws).state == State.FAILED
    aws.after_command = lambda command: None

    succeeded(first, operator, aws)

    assert ServerRelease.objects.unfinished_of(shop) is None
