"""Servers of others that an association's tags match are named before the deployment."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.aws.ec2 import TaggedInstance
from deployments.changes.commands.preview import request_change
from deployments.common.errors import AwsAccessError
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.models.fleet import FleetInstance
from deployments.stacks.display.event_texts import event
from deployments.stacks.models.events import Event
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment, make_grant, make_operator
from tests.fakes import FakeAws
from tests.pages.pages import page
from tests.shared_tags import CATCHING, CAUGHT, make_tagged
from tests.stepping import run

pytestmark = pytest.mark.django_db
ASSOCIATION = """  Configure:
    Type: AWS::SSM::Association
    Properties: {Name: AWS-RunShellScript, Targets: [{Key: "tag:Server", Values: [ApacheWeb]}]}
"""
SENTENCES = [
    "The targets of association Configure, Server=ApacheWeb, also match 1 server of others: i-other. "
    "The association would configure it, too.",
    "The targets of association Configure, Server=ApacheWeb, also match 1 server of environment shop: "
    "i-shop. The association would configure it, too.",
]


def server(instance_id: str, environment: str = "") -> TaggedInstance:
    tags = {"Server": "ApacheWeb"} | ({"sanso:environment": environment} if environment else {})
    return TaggedInstance(instance_id=instance_id, tags=tags)


@pytest.fixture
def creation(template_set: template_files.TemplateSet, aws: FakeAws) -> Deployment:
    """A creation with the article's targets, in the account of an environment with such servers."""
    root = template_set.folder / "root.yaml"
    root.write_text(root.read_text() + ASSOCIATION)
    found = template_files.load(template_set.folder)
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
    assert texts(ended) == SENTENCES
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

    assert all(one in shown.one(id="caught").text for one in SENTENCES)


def test_servers_of_the_environment_alone_are_no_warning(creation: Deployment, aws: FakeAws) -> None:
    aws.tagged_servers = [one for one in aws.tagged_servers if one.instance_id == "i-own"]

    assert texts(run(creation, aws)) == []


def test_without_access_to_ec2_the_deployment_goes_on(creation: Deployment, aws: FakeAws) -> None:
    operation = "ec2:DescribeInstances"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))

    ended = run(creation, aws)

    assert (ended.state, texts(ended)) == (State.SUCCEEDED, [])


def shared(creation: Deployment, folder: Path) -> Deployment:
    """Return the creation with a set that shares the tag of another environment in the account."""
    other = make_tagged(creation.environment.account, folder, "shared")
    assert other.latest
    Deployment.objects.filter(pk=creation.pk).update(
        template_digest=other.latest.template_digest, parameters={"Role": "web"}
    )
    TemplateCheck.objects.create(digest=other.latest.template_digest, findings=[])
    creation.refresh_from_db()
    return creation


def test_associations_of_others_that_match_the_new_servers_are_named(
    creation: Deployment, aws: FakeAws, tmp_path: Path
) -> None:
    ended = run(shared(creation, tmp_path / "shared"), aws)

    assert texts(ended) == []  # EC2 has no such server
    events = Event.objects.of(ended).with_code("preflight.catching")
    assert [event(one) for one in events] == [CATCHING.replace("shop", "shared")]


def test_without_access_to_ec2_the_observed_servers_are_named(
    creation: Deployment, aws: FakeAws, tmp_path: Path
) -> None:
    operation = "ec2:DescribeInstances"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))

    ended = run(shared(creation, tmp_path / "shared"), aws)

    assert texts(ended) == [CAUGHT.replace("shop", "shared")]


def test_an_environment_that_the_requester_may_not_view_is_not_named(
    creation: Deployment, aws: FakeAws
) -> None:
    limited = make_grant(
        User.objects.create_user("ben"),
        role="deployer",
        scope="environment",
        environment=creation.environment,
    )
    Deployment.objects.filter(pk=creation.pk).update(requested_by=limited)
    creation.refresh_from_db()

    assert texts(run(creation, aws)) == [
        "The targets of association Configure, Server=ApacheWeb, also match 2 servers of others: i-other, "
        "i-shop. The association would configure them, too."
    ]
