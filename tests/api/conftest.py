"""A program of an operator."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.api.clients import Program
from tests.builders import make_operator


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
