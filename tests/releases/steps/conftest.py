"""Fixtures: a template set that declares releases, an operator, and an environment with two servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.aws.ssm import AssociationCall
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Stack
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import (
    make_deployment,
    make_environment,
    make_operator,
    make_resource,
)
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.releases.steps.running import (
    ASSOCIATION,
    CODE,
    GROUP,
    MANIFEST,
    OTHER,
    ROOT,
    SERVERS,
    make_servers,
    put,
)
from tests.stepping import aws, deployment, nested_set, removal, run

__all__ = ["aws", "deployment", "nested_set", "removal"]


@pytest.fixture
def template_set(settings: Settings, tmp_path: Path) -> template_files.TemplateSet:
    """A template set that declares releases."""
    files = {"root.yaml": ROOT, "servers.yaml": SERVERS, "template-set.yaml": MANIFEST}
    files |= {"playbook/playbook.yml": "[]\n", CODE: "one\n", OTHER: "[]\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        put(tmp_path / name, text)
    settings.SANSO_TEMPLATE_SET = tmp_path
    return template_files.load(tmp_path)


@pytest.fixture
def operator(db: None) -> User:
    return make_operator("operator")


@pytest.fixture
def shop(template_set: template_files.TemplateSet, operator: User, aws: FakeAws) -> Environment:
    """A running environment with two servers."""
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    stored_sets.keep(template_set)
    shop = make_environment("shop", owner=operator)
    created = run(make_deployment(shop, template_digest=template_set.digest, parameters={"Size": "2"}), aws)
    assert created.state == State.SUCCEEDED, reason(created)
    servers = Stack.objects.get(deployment=created, path="Network")
    make_resource(servers, "Group", type="AWS::AutoScaling::AutoScalingGroup", physical_id=GROUP)
    make_resource(servers, "App", type="AWS::SSM::Association", physical_id=ASSOCIATION)
    Environment.objects.update(parameters=created.parameters)
    old = f"https://b.s3.amazonaws.com/{created.artifact_prefix}/playbook.zip"
    aws.association_call_rows[ASSOCIATION] = AssociationCall(
        association_id=ASSOCIATION,
        name="shop-app-servers",
        document="shop-document",
        arguments={"SourceUrl": (old,), "ExtraVariables": ("DB_NAME=datelog",)},
    )
    make_servers(aws, "i-1", "i-2")
    return Environment.objects.for_page().get(pk=shop.pk)
