"""Run deployments in an in-memory account: claims, steps and leases as in the dispatcher and a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws
from tests.message_texts import attention

LIMIT = 200


@pytest.fixture
def aws() -> FakeAws:
    """An in-memory account."""
    return FakeAws()


@pytest.fixture
def template_set(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> template_files.TemplateSet:
    """A small template set that is not linted in each test."""
    folder = tmp_path_factory.mktemp("set")
    (folder / "root.yaml").write_text(
        "Description: small\n"
        "Parameters: {Bucket: {Type: String}, Prefix: {Type: String}, Size: {Type: Number, Default: 2}}\n"
        "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    )
    (folder / "template-set.yaml").write_text(
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
    )
    settings.SANSO_TEMPLATE_SET = folder
    return template_files.load(folder)


@pytest.fixture
def nested_set(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """The template set whose stacks FakeAws creates: a topic, and a nested stack that depends on it."""
    (template_set.folder / "network.yaml").write_text(
        "Parameters: {Topic: {Type: String}}\n"
        "Resources:\n"
        "  Vpc: {Type: AWS::SNS::Topic, Properties: {Name: !Ref Topic}}\n"
        "  Subnet: {Type: AWS::SNS::Topic, Properties: {Vpc: !GetAtt Vpc.Arn}}\n"
    )
    (template_set.folder / "root.yaml").write_text(
        "Parameters: {Bucket: {Type: String}, Prefix: {Type: String}, Size: {Type: Number, Default: 2}}\n"
        "Resources:\n"
        "  Topic: {Type: AWS::SNS::Topic}\n"
        "  Network:\n"
        "    Type: AWS::CloudFormation::Stack\n"
        "    Properties:\n"
        "      TemplateURL: !Sub 'https://${Bucket}.s3.amazonaws.com/${Prefix}/network.yaml'\n"
        "      Parameters: {Topic: !Ref Topic}\n"
    )
    return template_files.load(template_set.folder)


@pytest.fixture
def deployment(db: None, template_set: template_files.TemplateSet) -> Deployment:
    """A creation that was just requested."""
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return make_deployment(
        make_environment("staging"), template_digest=template_set.digest, parameters={"Size": "2"}
    )


@pytest.fixture
def removal(deployment: Deployment, aws: FakeAws) -> Deployment:
    """The deletion of a deployed environment."""
    run(deployment, aws)
    deployment.refresh_from_db()
    return make_deployment(deployment.environment, kind="delete")


def take_step(deployment: Deployment, aws: Callable[[AccountRef], Clients]) -> None:
    """Make the deployment due, and take one step as a worker does."""
    rows = Deployment.objects.active().filter(pk=deployment.pk)
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
        step.run_deployment(pk, version, aws)


def run(
    deployment: Deployment,
    aws: Callable[[AccountRef], Clients],
    until: Callable[[Deployment], bool] = lambda d: not d.is_active,
) -> Deployment:
    """Take steps until the deployment has ended or `until` is true, and return its current row."""
    for _ in range(LIMIT):
        reload = Deployment.objects.get(pk=deployment.pk)
        if until(reload):
            return Deployment.objects.for_page().get(pk=deployment.pk)
        take_step(reload, aws)
    raise AssertionError(f"still {reload.state} after {LIMIT} steps: {attention(reload)}")
