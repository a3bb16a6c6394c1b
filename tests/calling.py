"""A program of an operator, a small template set and an environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.environments.models.environments import Environment
from tests.api.clients import Program
from tests.browsing import TEMPLATE
from tests.builders import make_operator
from tests.health_builders import make_whole


@pytest.fixture(autouse=True)
def _many_requests(settings: Settings) -> None:
    """Raise the request limits above the number that all tests send within a minute."""
    settings.SANSO_API_REQUESTS_PER_TOKEN = settings.SANSO_API_REQUESTS_PER_ADDRESS = 1_000_000
    settings.SANSO_API_WRONG_TOKENS = 1_000_000


@pytest.fixture
def operator(db: None) -> User:
    return make_operator("ana")


@pytest.fixture
def program(operator: User) -> Program:
    """A program with all scopes, and so with all rights of the operator."""
    return Program(operator)


@pytest.fixture
def template_set(tmp_path: Path, settings: Settings) -> None:
    """A small template set with parameters of every kind."""
    (tmp_path / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path


@pytest.fixture
def shop(operator: User) -> Environment:
    """A deployed environment."""
    return make_whole("shop", owner=operator, parameters={"Database": "orders", "Size": "small"})
