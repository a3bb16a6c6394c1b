"""Two people and a deployed environment whose changes require approval."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.changes.shared.approvals.requesting import person
from tests.fakes import FakeAws
from tests.stepping import run


@pytest.fixture
def ana(db: None) -> User:
    """The requester. She may approve changes of others, so tests can try to approve her own."""
    return person("ana", "change_environment", "approve_change", "require_approval")


@pytest.fixture
def ben(db: None) -> User:
    """The second person."""
    return person("ben", "approve_change")


@pytest.fixture
def deployed(deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet) -> Environment:
    """An environment that has been created, and whose changes require approval."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    assert ended.state == State.SUCCEEDED
    Environment.objects.update(parameters=ended.parameters, requires_approval=True)
    return Environment.objects.for_page().get()
