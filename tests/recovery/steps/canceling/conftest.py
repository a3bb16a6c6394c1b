"""An operator who may cancel, and an update in its stacks."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow, make_user
from tests.fakes import FakeAws
from tests.stepping import run


@pytest.fixture
def operator(db: None) -> User:
    """A user who may create and change environments."""
    user = make_user("operator")
    allow(user, "add_deployment", "delete_environment", "change_environment")
    return user


@pytest.fixture
def updating(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> Deployment:
    """An update that has just been requested from CloudFormation."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    Environment.objects.update(parameters=ended.parameters)
    requested = request_change(
        user=operator,
        environment=Environment.objects.for_page().get(),
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = run(requested, aws, until=lambda d: d.state == State.PREVIEW)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    return run(shown, aws, until=lambda d: d.state == State.STACKS)
