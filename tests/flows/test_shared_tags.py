"""The article's set beside a bundled environment: its tags match the other's servers (a real run)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.changes.commands.create import request_deployment
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.commands.operate import request_association_run
from deployments.health.models.fleet import FleetInstance
from deployments.health.models.reads import observations_of
from deployments.stacks.display.event_texts import event
from deployments.stacks.models.events import Event
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateVersion
from tests.api.clients import Program
from tests.builders import make_operator
from tests.message_texts import reason
from tests.pages.pages import page
from tests.running import Portal, new_account
from tests.running import client as aws_client
from tests.sandbox.article_set.conftest import pack_wheel, with_offered_version
from tests.services import LIMIT, Redis, Sandbox, start_sandbox, wait_until
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.timeout(600)
PACE = 0.25
WEB, APP = "AssociationStack/WebServerAssociation", "AssociationStack/AppServerAssociation"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox whose functions can install the article's driver, and where its names are allowed."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pack_wheel("pymysql", wheels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        started = start_sandbox(tmp_path / "sandbox", permissions="report")
    yield started
    started.stop()


@pytest.fixture
def portal(
    process_environment: dict[str, str],
    sandbox: Sandbox,
    redis_server: Redis,
    transactional_db: None,
    tmp_path: Path,
) -> Iterator[Portal]:
    environment = process_environment | sandbox.portal_settings | {"SANSO_DATA_DIR": str(tmp_path / "data")}
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def account(portal: Portal, sandbox: Sandbox) -> Account:
    fresh = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=fresh.sandbox_account_id)
    return fresh


@pytest.fixture
def operator(transactional_db: None) -> User:
    return make_operator("ana")


@pytest.fixture
def article(transactional_db: None, tmp_path: Path) -> TemplateVersion:
    """The article's set as it is, except for the database version, which RDS no longer creates."""
    folder = with_offered_version(tmp_path / "article_set")
    root = folder / "fa-094.yaml"
    version = make_version(make_source("article"), folder, files={root.name: root.read_text()})
    TemplateCheck.objects.create(digest=version.digest, findings=[])
    return version


def servers(environment: Environment, tier: str) -> set[str]:
    rows = FleetInstance.objects.of(environment).present().filter(tier=tier)
    return set(rows.values_list("instance_id", flat=True))


def caught(deployment: Deployment, code: str) -> list[str]:
    return [event(one) for one in Event.objects.of(deployment).with_code(code)]


def shown_on_the_form(browser: Client, version: str) -> list[str]:
    shown = page(browser.get(reverse("environment_new"), {"version": version}))
    return [one.text for one in shown.one(id="caught").all("p")]


def deployed(portal: Portal, deployment: Deployment) -> Environment:
    (ended,) = portal.wait_for_end(deployment, seconds=4 * LIMIT)
    assert (ended.state, reason(ended)) == ("succeeded", "")
    return ended.environment


def test_the_articles_associations_are_kept_apart_from_another_environments_servers(
    portal: Portal,
    account: Account,
    sandbox: Sandbox,
    operator: User,
    article: TemplateVersion,
    client: Client,
) -> None:
    shop = deployed(portal, portal.deploy("shop", account))
    wait_until(lambda: bool(servers(shop, "web") and servers(shop, "app")), what="the observed servers")
    foreign = {"web": servers(shop, "web"), "app": servers(shop, "app")}

    # Before anything is deployed, the form and a plan name them.
    client.force_login(operator)
    program = Program(operator)
    body = {"name": "article", "account": account.pk}
    plan = program.post("/environment-checks", body | {"template_version": article.pk}).json()["caught"]
    assert [(one["association"], one["environment"], one["is_own"]) for one in plan] == [
        (WEB, "shop", True),
        (APP, "shop", True),
    ]
    assert [set(one["servers"].split(", ")) for one in plan] == [foreign["web"], foreign["app"]]
    named = [one["text"] for one in plan]
    assert shown_on_the_form(client, str(article.pk)) == named
    assert not Environment.objects.filter(name="article").exists()

    # Its deployment says the same of the servers that EC2 has, before it uploads anything.
    created = request_deployment(
        user=operator,
        account=account,
        name="article",
        parameters={},
        reason="",
        request_key=uuid.uuid4(),
        version=article,
    )
    environment = deployed(portal, created)
    assert caught(created, "preflight.caught") == named
    codes = list(Event.objects.of(created).order_by("seq").values_list("code", flat=True))
    assert codes.index("preflight.caught") < codes.index("artifacts.uploaded")

    # State Manager ran the associations on servers of both. Those of the other do not count as its own.
    def has_run_on_all() -> bool:
        return all(
            foreign[one.tier] <= {run.instance_id for run in one.runs if run.is_foreign}
            for one in observations_of(environment).associations
        )

    wait_until(has_run_on_all, seconds=2 * LIMIT, what="the runs on the servers of the other environment")
    for one in observations_of(environment).associations:
        own = [run for run in one.runs if not run.is_foreign]
        assert {run.instance_id for run in own} == servers(environment, one.tier)
        assert sum(one.counts.values()) == len(own)
    shown = page(client.get(environment.get_absolute_url() + "servers"))
    assert shown.text.count("server of another environment") >= len(foreign["web"] | foreign["app"])
    for tier in ("web", "app"):
        assert all(one not in shown.one(id=f"servers-{tier}").text for one in foreign["web"] | foreign["app"])

    # Running an association on all instances reaches only its own.
    web = next(one for one in observations_of(environment).associations if one.tier == "web")
    requested = request_association_run(
        user=operator, environment=environment, association_id=web.association_id, only_failed=False
    )

    def is_over() -> bool:
        requested.refresh_from_db()
        return requested.ended_at is not None

    wait_until(is_over, what="the request to run the association")
    assert requested.state == "done"
    assert reached(account, sandbox) == servers(environment, "web")

    # The other way round: its associations would also configure a new bundled environment's servers.
    again = program.post("/environment-checks", {"name": "second", "account": account.pk}).json()["caught"]
    assert [(one["association"], one["environment"], one["is_own"], one["servers"]) for one in again] == [
        (WEB, "article", False, "WebServers/AutoScalingGroup"),
        (APP, "article", False, "AppServers/AutoScalingGroup"),
    ]
    texts = [one["text"] for one in again]
    assert shown_on_the_form(client, "") == texts
    second = portal.deploy("second", account)
    wait_until(lambda: caught(second, "preflight.catching") == texts, what="the log of the preflight")
    assert caught(second, "preflight.caught") == []


def reached(account: Account, sandbox: Sandbox) -> set[str]:
    """Return the instances that commands to run an association again were sent to."""
    ssm: Any = aws_client(account, "ssm", sandbox)
    commands = ssm.list_commands()["Commands"]
    refreshed = [one for one in commands if one["DocumentName"] == "AWS-RefreshAssociation"]
    assert len(refreshed) == 1
    return set(refreshed[0]["InstanceIds"])
