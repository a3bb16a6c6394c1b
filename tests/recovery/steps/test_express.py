"""Environments whose stack somebody deployed in CloudFormation's express mode, outside of Sanso."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User

from deployments.aws.cloudformation import DeploymentConfig
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.cloudformation.operations import EXPRESS, Operation
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.recovering import request_stack_rollback
from deployments.recovery.display.operations import situation_of, why_not
from deployments.template_sets import template_files
from tests.builders import allow, make_user
from tests.fakes import FakeAws
from tests.recovery.steps.test_recovery import poll
from tests.stepping import run


@pytest.fixture
def operator(db: None) -> User:
    user = make_user("operator")
    allow(user, "change_environment")
    return user


@pytest.fixture
def express(deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet) -> Environment:
    """An environment whose stack was updated in express mode after its creation."""
    ended = run(deployment, aws)
    assert ended.state == State.SUCCEEDED
    aws.stacks[ended.stack_id].deployment_mode = EXPRESS
    return poll(Environment.objects.for_page().get(pk=ended.environment_id), aws)


def previewed(environment: Environment, aws: FakeAws, operator: User) -> Deployment:
    change = request_change(
        user=operator,
        environment=environment,
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    return run(change, aws, until=lambda one: one.state == State.PREVIEW)


def test_a_change_goes_on_in_the_mode_of_the_stack_and_is_rolled_back_on_failure(
    express: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(express, aws, operator)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)

    assert run(shown, aws).state == State.SUCCEEDED
    assert aws.requests[-1].deployment_config == DeploymentConfig(EXPRESS, keeps_on_failure=False)
    assert aws.kept == [False, None]  # the creation in the standard mode, and the change


def test_a_failure_cannot_be_kept(express: Environment, aws: FakeAws, operator: User) -> None:
    shown = previewed(express, aws, operator)

    with pytest.raises(UserFixable) as refused:
        apply_change(user=operator, deployment=shown, digest=shown.preview_digest, keep_on_failure=True)

    assert refused.value.code == "NotKept"


def test_what_failed_is_not_rolled_back_by_cloudformation(
    express: Environment, aws: FakeAws, operator: User
) -> None:
    aws.stacks[express.stack_id].status = "UPDATE_FAILED"
    seen = poll(express, aws)

    why = why_not(situation_of(seen), Operation.ROLL_BACK)

    assert why is not None
    assert why.code == "express_not_rolled_back"
    assert why_not(situation_of(seen), Operation.RETRY) is None
    with pytest.raises(UserFixable):
        request_stack_rollback(user=operator, environment=seen, reason="", request_key=uuid.uuid4())


def test_a_preview_is_out_of_date_after_the_mode_has_changed(
    express: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(express, aws, operator)
    aws.stacks[express.stack_id].deployment_mode = "STANDARD"
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)

    again = run(shown, aws, until=lambda one: one.state == State.PREVIEW)

    assert (again.revision, again.is_express) == (1, False)
    assert aws.requests[-1].deployment_config is None
