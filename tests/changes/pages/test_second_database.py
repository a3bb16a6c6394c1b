"""A database that is restored beside that of an environment: only commands of Sanso set its parameters."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.preview import request_change, request_rollback
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.browsing import TEMPLATE
from tests.builders import allow
from tests.changes.pages.test_create_again import VALUES
from tests.health_builders import make_whole

PARAMETERS = """
  Databases: {Type: String, Default: A, AllowedValues: [A, both, B]}
  InUse: {Type: String, Default: A, AllowedValues: [A, B]}
  Unprotected: {Type: String, Default: none, AllowedValues: [none, A, B]}
  Snapshot: {Type: String, Default: ""}
  Source: {Type: String, Default: ""}
  Time: {Type: String, Default: ""}
Resources:
"""
NAMES = "databases: Databases, in_use: InUse, unprotected: Unprotected"
MANIFEST = f"root: root.yaml\nsecond_database: {{{NAMES}, snapshot: Snapshot, cluster: Source, time: Time}}\n"
ONE = {"Databases": "A", "InUse": "A", "Unprotected": "none", "Snapshot": "", "Source": "", "Time": ""}
TWO = ONE | {"Databases": "both", "Unprotected": "B", "Snapshot": "kept"}


@pytest.fixture
def operator(operator: User) -> User:
    """A user who may change environments."""
    allow(operator, "change_environment")
    return User.objects.get(pk=operator.pk)


@pytest.fixture
def template_set(template_set: Path) -> Path:
    """The small set with the parameters of a second database."""
    (template_set / "root.yaml").write_text(TEMPLATE.replace("Resources:\n", PARAMETERS.lstrip("\n")))
    (template_set / "template-set.yaml").write_text(MANIFEST)
    return template_set


@pytest.fixture
def shop(template_set: Path, operator: User) -> Environment:
    """A deployed environment with one database."""
    current = template_files.load(template_set)
    stored_sets.keep(current)
    found = make_whole("shop", owner=operator)
    Deployment.objects.filter(environment=found).update(template_digest=current.digest, last_phase="ready")
    return with_values(found, ONE)


def with_values(environment: Environment, values: dict[str, str]) -> Environment:
    Deployment.objects.filter(environment=environment).update(parameters=VALUES | values)
    Environment.objects.filter(pk=environment.pk).update(parameters=VALUES | values)
    environment.refresh_from_db()
    return environment


def test_no_form_has_the_parameters(browser: Client, shop: Environment) -> None:
    shown = [
        browser.get(reverse("environment_change", args=[shop.pk])),
        browser.get(reverse("environment_new")),
    ]

    for response in shown:
        text = response.content.decode()
        assert 'name="parameter_Size"' in text
        assert not [name for name in ONE if f"parameter_{name}" in text]


@pytest.mark.parametrize("name", ["Databases", "InUse"])
def test_a_creation_with_a_second_database_is_refused(shop: Environment, operator: User, name: str) -> None:
    with pytest.raises(UserFixable) as refused:
        request_deployment(
            user=operator,
            account=shop.account,
            name="shop-2",
            parameters=VALUES | {"Password": "not-a-secret", name: "B"},
            reason="",
            request_key=uuid4(),
        )

    assert (refused.value.code, refused.value.field) == ("ParameterInternal", f"parameter_{name}")


def test_a_change_and_a_rollback_keep_the_databases(shop: Environment, operator: User) -> None:
    earlier = Deployment.objects.get(environment=shop)
    with_values(shop, TWO)
    earlier.parameters = VALUES | ONE

    back = request_rollback(user=operator, deployment=earlier, reason="", request_key=uuid4())

    assert {name: back.parameters[name] for name in TWO} == TWO


def test_a_set_that_would_delete_the_second_database_is_refused(
    shop: Environment, operator: User, template_set: Path
) -> None:
    with_values(shop, TWO)
    (template_set / "root.yaml").write_text(TEMPLATE)
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")

    with pytest.raises(UserFixable) as refused:
        request_change(user=operator, environment=shop, parameters=VALUES, reason="", request_key=uuid4())

    assert refused.value.code == "RestoredDatabase"
