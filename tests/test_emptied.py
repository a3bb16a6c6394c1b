"""Tests with transactions leave an empty database, and the rows that Django writes after migrations."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from tests import emptied
from tests.builders import make_environment

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def test_rows_go_and_what_migrations_wrote_stays() -> None:
    make_environment("staging")
    before = set(Permission.objects.values_list("pk", flat=True))

    emptied.empty()

    assert not Environment.objects.exists()
    assert not Account.objects.exists()
    assert set(Permission.objects.values_list("pk", flat=True)) == before
    assert before
    assert ContentType.objects.exists()


def test_the_test_before_has_left_nothing() -> None:
    assert not Environment.objects.exists()
    assert not Account.objects.exists()
