"""Servers of others that an association's tags match are named before the deployment."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments import catalog
from deployments.actions.change import request_change
from deployments.aws.ec2 import TaggedInstance
from deployments.core.phases import State
from deployments.errors import AwsAccessError
from deployments.models import Deployment, Environment, Event, FleetInstance, TemplateCheck
from deployments.presentation.text.event_texts import event
from tests.builders import make_deployment, make_environment, make_operator
from tests.fakes import FakeAws
from tests.runner.conftest import run
from tests.views.pages import page

pytestmark = pytest.mark.django_db
ASSOCIATION = """  Configure:
    Type: AWS::SSM::Association
    Properties: {Name: AWS-RunShellScript, Targets: [{Key: "tag:Server", Values: [ApacheWeb]}]}
"""
SENTENCE = (
    "The targets of association Configure, Server=ApacheWeb, also match 2 servers of environment shop: "
    "i-other, i-shop. The association would configure them, too."
)


def server(instance_id: str, environment: str = "") -> TaggedInstance:
    tags = {"Server": "ApacheWeb"} | ({"sanso:environment": environment} if environment else {})
    return TaggedInstance(instance_id=instance_id, tags=tags)


@pytest.fixture
def creation(template_set: catalog.TemplateSet, aws: FakeAws) -> Deployment:
    """A creation with the article's targets, in the account of an environment with such servers."""
    root = template_set.folder / "root.yaml"
    root.write_text(root.read_text() + ASSOCIATION)
    found = catalog.load(template_set.folder)
    TemplateCheck.objects.create(digest=found.digest, findings=[])
    own = make_environment("staging")
    shop = make_environment("shop", account=own.account)
    now = timezone.now()
    FleetInstance.objects.create(
        environment=shop, tier="web", group="g", instance_id="i-shop", first_seen_at=now, observed_at=now
    )
    aws.tagged_servers = [server("i-other"), server("i-shop", str(shop.key)), server("i-own", str(own.key))]
    return make_deployment(own, template_digest=found.digest, parameters={"Size": "2"})


def texts(deployment: Deployment) -> list[str]:
    return [event(one) for one in Event.objects.of(deployment).with_code("preflight.caught")]


def test_a_creation_names_them_before_anything_is_created(creation: Deployment, aws: FakeAws) -> None:
    ended = run(creation, aws)

    assert ended.state == State.SUCCEEDED
    assert texts(ended) == [SENTENCE]
    codes = list(Event.objects.of(ended).values_list("code", flat=True))
    assert codes.index("preflight.caught") < codes.index("artifacts.uploaded")


def test_the_preview_of_a_change_shows_them(creation: Deployment, aws: FakeAws, client: Client) -> None:
    ended = run(creation, aws)
    Environment.objects.filter(pk=ended.environment_id).update(parameters=ended.parameters)
    user = make_operator("ana")
    change = request_change(
        user=user,
        environment=Environment.objects.for_page().get(pk=ended.environment_id),
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    change = run(change, aws, lambda one: one.state == State.PREVIEW or not one.is_active)
    client.force_login(user)

    shown = page(client.get(reverse("change_preview_page", args=[change.pk])))

    assert SENTENCE in shown.one(id="caught").text


def test_servers_of_the_environment_alone_are_no_warning(creation: Deployment, aws: FakeAws) -> None:
    aws.tagged_servers = [one for one in aws.tagged_servers if one.instance_id == "i-own"]

    assert texts(run(creation, aws)) == []


def test_without_access_to_ec2_the_deployment_goes_on(creation: Deployment, aws: FakeAws) -> None:
    operation = "ec2:DescribeInstances"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))

    ended = run(creation, aws)

    assert (ended.state, texts(ended)) == (State.SUCCEEDED, [])
