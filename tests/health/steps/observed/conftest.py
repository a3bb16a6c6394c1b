"""An in-memory account with an environment that observers poll."""

from __future__ import annotations

import pytest

from deployments.environments.models.environments import Environment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import make_observed_environment


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def environment(aws: FakeAws) -> Environment:
    return make_observed_environment(aws)
