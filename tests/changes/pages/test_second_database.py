"""A database that is restored beside that of an environment: only commands of Sanso set its parameters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.preview import request_change, request_rollback
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.health.models.reads import observations_of
from deployments.health.rules.rollup import roll_up
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.browsing import TEMPLATE
from tests.builders import allow, make_deployment
from tests.changes.pages.test_create_again import VALUES
from tests.health_builders import make_whole
from tests.pages.environment_pages import show
from tests.pages.pages import page

PARAMETERS = """
  Databases: {Type: String, Default: A, AllowedValues: [A, both, B]}
  InUse: {Type: String, Default: A, AllowedValues: [A, B]}
  Unprotected: {Type: String, Default: none, AllowedValues: [none, A, B]}
  WithoutInstances: {Type: String, Default: none, AllowedValues: [none, A, B]}
  Snapshot: {Type: String, Default: ""}
  Source: {Type: String, Default: ""}
  Time: {Type: String, Default: ""}
Resources:
"""
NAMES = "databases: Databases, in_use: InUse, unprotected: Unprotected, without_instances: WithoutInstances"
MANIFEST = f"root: root.yaml\nsecond_database: {{{NAMES}, snapshot: Snapshot, cluster: Source, time: Time}}\n"
NONE = {"Unprotected": "none", "WithoutInstances": "none", "Snapshot": "", "Source": "", "Time": ""}
ONE = {"Databases": "A", "InUse": "A"} | NONE
TWO = ONE | {"Databases": "both", "Unprotected": "B", "Snapshot": "kept"}
SWITCHED = TWO | {"InUse": "B", "Unprotected": "none"}
EMPTIED = SWITCHED | {"Unprotected": "A", "WithoutInstances": "A"}
ONLY_B = SWITCHED | {"Databases": "B"}


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


def restore_url(shop: Environment, **query: str) -> str:
    return f"{reverse('environment_restore', args=[shop.pk])}?{urlencode(query)}"


def sent(**values: str) -> dict[str, str]:
    return {"reason": "a lost order", "request_key": str(uuid4())} | values


def added(shop: Environment) -> Deployment:
    """Return the change that adds a second database."""
    return Deployment.objects.get(environment=shop, kind="update")


def test_a_snapshot_is_restored_by_a_change_that_adds_only_the_second_database(
    browser: Client, shop: Environment
) -> None:
    url = restore_url(shop, snapshot="kept")
    shown = page(browser.get(url))
    assert "the data of the snapshot kept" in shown.one(id="consequence").text
    assert "AWS bills" in shown.one(id="cost").text

    answer = browser.post(url, sent())

    found = added(shop)
    assert answer["Location"] == found.get_absolute_url()
    assert found.parameters == VALUES | TWO
    assert (found.reason, found.requested_by.get_username()) == ("a lost order", "ana")
    edited = browser.get(reverse("environment_change", args=[shop.pk]), {"from": str(found.pk)})
    assert edited["Location"] == url


def test_a_second_is_restored_from_the_database_in_use(browser: Client, shop: Environment) -> None:
    latest = datetime(2026, 12, 2, 14, 5, tzinfo=UTC)
    DatabaseCluster.objects.update(
        earliest_restorable_at=latest - timedelta(days=7), latest_restorable_at=latest
    )
    chosen = {"cluster": "site-cluster", "zone": "Asia/Tokyo"}

    too_late = browser.post(restore_url(shop, at="2026-12-02T23:05:00", **chosen), sent())
    assert too_late.status_code == 422
    assert "RDS cannot restore site-cluster" in page(too_late).text
    assert not Deployment.objects.filter(environment=shop, kind="update").exists()

    browser.post(restore_url(shop, at="2026-12-02T23:03:20", **chosen), sent())
    assert added(shop).parameters == VALUES | TWO | {
        "Snapshot": "",
        "Source": "site-cluster",
        "Time": "2026-12-02T14:03:20Z",
    }


def test_the_tab_offers_it_while_there_is_one_database(browser: Client, shop: Environment) -> None:
    now = timezone.now()
    DatabaseCluster.objects.update(earliest_restorable_at=now - timedelta(days=7), latest_restorable_at=now)
    url = reverse("environment_restore", args=[shop.pk])
    offered = show(browser, shop, "database").one("form", id="restore-site-cluster")
    assert [one["formaction"] for one in offered.all("button") if "formaction" in one.attributes] == [url]

    with_values(shop, TWO)

    assert url not in browser.get(reverse("environment_database", args=[shop.pk])).content.decode()
    refused = browser.post(restore_url(shop, snapshot="other"), sent())
    assert "already has a second database" in page(refused).text


def test_a_set_without_a_second_database_says_what_to_do(
    browser: Client, shop: Environment, template_set: Path
) -> None:
    (template_set / "root.yaml").write_text(TEMPLATE)
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")
    former = template_files.load(template_set)
    stored_sets.keep(former)
    Deployment.objects.filter(environment=shop).update(template_digest=former.digest)

    refused = page(browser.get(restore_url(shop, snapshot="kept")))

    assert "Update the environment to a version with second_database" in refused.text


def test_both_databases_are_shown_by_role_and_only_the_one_in_use_counts(
    browser: Client, shop: Environment
) -> None:
    with_values(shop, TWO)
    Environment.objects.filter(pk=shop.pk).update(outputs={"DatabaseClusterId": "site-cluster"})
    before = roll_up(observations_of(Environment.objects.get(pk=shop.pk)), timezone.now()).status
    DatabaseCluster.objects.create(
        environment=shop, cluster_id="second", status="creating", observed_at=timezone.now()
    )

    shown = show(browser, shop, "database").one(id="database")

    assert [one.text for one in shown.all("strong")] == ["In use", "Restored from kept"]
    assert "The servers do not use this database." in shown.text
    assert roll_up(observations_of(Environment.objects.get(pk=shop.pk)), timezone.now()).status is before


def test_the_first_database_is_not_labeled_with_the_time_of_the_second_once_that_is_in_use(
    browser: Client, shop: Environment
) -> None:
    with_values(shop, TWO | {"InUse": "B", "Unprotected": "none"})
    Environment.objects.filter(pk=shop.pk).update(outputs={"DatabaseClusterId": "second"})
    DatabaseCluster.objects.create(
        environment=shop, cluster_id="second", status="available", observed_at=timezone.now()
    )

    shown = show(browser, shop, "database").one(id="database")

    assert [one.text for one in shown.all("strong")] == ["In use", "Not in use"]
    assert "Restored from kept" not in shown.text


def switch_url(shop: Environment, slot: str) -> str:
    return f"{reverse('environment_switch_database', args=[shop.pk])}?to={slot}"


def with_both_shown(shop: Environment, in_use: str, values: dict[str, str]) -> None:
    """Let an environment with two observed databases use one of them."""
    with_values(shop, values)
    Environment.objects.filter(pk=shop.pk).update(outputs={"DatabaseClusterId": in_use})
    if not DatabaseCluster.objects.filter(cluster_id="second").exists():
        DatabaseCluster.objects.create(
            environment=shop, cluster_id="second", status="available", observed_at=timezone.now()
        )


def test_the_servers_are_switched_by_a_change_that_touches_nothing_else(
    browser: Client, shop: Environment
) -> None:
    with_both_shown(shop, "site-cluster", TWO)
    button = show(browser, shop, "database").one("a", id="switch-database")
    assert "Switch to this database…" in button.text
    assert "second" in button.text
    url = button["href"]
    assert url == switch_url(shop, "B")
    shown = page(browser.get(url))
    assert "After this change the servers use database B." in shown.one(id="consequence").text
    assert "database B does not have the entries" in shown.one(id="left-behind").text

    answer = browser.post(url, sent())

    found = added(shop)
    assert answer["Location"] == found.get_absolute_url()
    assert found.parameters == VALUES | TWO | {"InUse": "B", "Unprotected": "none"}
    preview = page(browser.get(answer["Location"], follow=True))
    assert "the servers use database B" in preview.one(id="switch").text
    edited = browser.get(reverse("environment_change", args=[shop.pk]), {"from": str(found.pk)})
    assert edited["Location"] == url


@pytest.mark.parametrize("route", ["switch_database", "delete_database", "keep_database"])
@pytest.mark.parametrize("slot", ["", "to=&database="])
def test_an_address_without_a_database_requests_nothing_where_there_is_only_one(
    browser: Client, shop: Environment, route: str, slot: str
) -> None:
    url = f"{reverse(f'environment_{route}', args=[shop.pk])}?{slot}"
    before = Deployment.objects.count()

    assert not page(browser.get(url)).one("main").all("button")
    assert browser.post(url, sent()).status_code == 422
    assert Deployment.objects.count() == before


def test_the_way_back_is_the_same_switch_to_the_other_database(browser: Client, shop: Environment) -> None:
    with_both_shown(shop, "second", TWO | {"InUse": "B", "Unprotected": "none"})
    button = show(browser, shop, "database").one("a", id="switch-database")
    assert "site-cluster" in button.text

    browser.post(button["href"], sent())

    assert added(shop).parameters == VALUES | TWO | {"InUse": "A", "Unprotected": "none"}


@pytest.mark.parametrize(
    ("values", "slot", "why"),
    [
        (ONE, "B", "has only one database"),
        (TWO, "A", "already use database A"),
        (TWO, "C", "already use database C"),
    ],
)
def test_a_switch_that_is_not_possible_says_why(
    browser: Client, shop: Environment, values: dict[str, str], slot: str, why: str
) -> None:
    with_values(shop, values)

    refused = browser.post(switch_url(shop, slot), sent())

    assert refused.status_code == 422
    assert why in page(refused).text
    assert not Deployment.objects.filter(environment=shop, kind="update").exists()
    if values == ONE:
        tab = browser.get(reverse("environment_database", args=[shop.pk])).content.decode()
        assert "Switch to this database" not in tab


def test_other_changes_and_rollbacks_keep_the_database_in_use(shop: Environment, operator: User) -> None:
    switched = TWO | {"InUse": "B", "Unprotected": "none"}
    earlier = Deployment.objects.get(environment=shop)
    with_values(shop, switched)
    earlier.parameters = VALUES | ONE

    changed = request_change(
        user=operator, environment=shop, parameters=VALUES, reason="", request_key=uuid4()
    )
    back = request_rollback(user=operator, deployment=earlier, reason="", request_key=uuid4())

    for one in (changed, back):
        assert {name: one.parameters[name] for name in switched} == switched


def delete_url(shop: Environment, slot: str) -> str:
    return f"{reverse('environment_delete_database', args=[shop.pk])}?database={slot}"


def test_the_first_change_of_a_deletion_removes_instances_and_protection_alone(
    browser: Client, shop: Environment
) -> None:
    with_both_shown(shop, "second", SWITCHED)
    button = show(browser, shop, "database").one("a", id="delete-database")
    assert "site-cluster" in button.text
    url = button["href"]
    assert url == delete_url(shop, "A")
    shown = page(browser.get(url))
    assert (
        "removes the instances and the deletion protection of database A" in shown.one(id="consequence").text
    )
    assert "Entries of database A that are not in database B" in shown.one(id="lost").text

    answer = browser.post(url, sent())

    found = added(shop)
    assert answer["Location"] == found.get_absolute_url()
    assert found.parameters == VALUES | EMPTIED
    preview = page(browser.get(answer["Location"], follow=True))
    assert "which a second change deletes" in preview.one(id="database-deletion").text
    edited = browser.get(reverse("environment_change", args=[shop.pk]), {"from": str(found.pk)})
    assert edited["Location"] == url


def test_the_second_change_of_a_deletion_removes_the_cluster(browser: Client, shop: Environment) -> None:
    with_both_shown(shop, "second", EMPTIED)
    tab = show(browser, shop, "database")
    assert "it has no instances, and its data is still there" in tab.one(id="database").text
    assert not tab.all("a", id="switch-database")
    url = tab.one("a", id="delete-database")["href"]
    shown = page(browser.get(url))
    assert "deletes the cluster of database A" in shown.one(id="consequence").text

    answer = browser.post(url, sent())

    assert added(shop).parameters == VALUES | ONLY_B
    preview = page(browser.get(answer["Location"], follow=True))
    assert "whether CloudFormation takes a final snapshot" in preview.one(id="database-deletion").text


@pytest.mark.parametrize("switched_at", [None, datetime(2026, 12, 2, 14, 5, tzinfo=UTC)])
def test_what_is_lost_with_a_database_is_what_was_written_to_it(
    browser: Client, shop: Environment, operator: User, switched_at: datetime | None
) -> None:
    created = Deployment.objects.get(environment=shop)
    with_values(shop, SWITCHED if switched_at else TWO)
    for before, after, at in ((ONE, TWO, created.ended_at), (TWO, SWITCHED, switched_at)):
        if at is None:
            continue
        make_deployment(
            shop,
            kind="update",
            state="succeeded",
            last_phase="ready",
            ended_at=at,
            template_digest=created.template_digest,
            parameters=VALUES | after,
            base=make_deployment(shop, state="failed", parameters=VALUES | before, ended_at=at),
        )

    lost = page(browser.get(delete_url(shop, "A" if switched_at else "B"))).one(id="lost").text

    if switched_at:
        assert "The servers used database A until" in lost
        assert "2 Dec" in lost or "2026-12-02" in lost
    else:
        assert "The servers have never used database B" in lost


@pytest.mark.parametrize(
    ("values", "slot", "why"),
    [
        (ONE, "A", "has only one database, which is deleted with the environment"),
        (ONLY_B, "B", "has only one database, which is deleted with the environment"),
        (SWITCHED, "B", "The servers use database B. Switch to the other one"),
        (SWITCHED, "C", "The servers use database C"),
    ],
)
def test_a_deletion_that_is_not_possible_says_why(
    browser: Client, shop: Environment, values: dict[str, str], slot: str, why: str
) -> None:
    with_values(shop, values)

    refused = browser.post(delete_url(shop, slot), sent())

    assert refused.status_code == 422
    assert why in page(refused).text
    assert not Deployment.objects.filter(environment=shop, kind="update").exists()


def test_the_servers_cannot_be_switched_to_a_database_without_instances(
    browser: Client, shop: Environment
) -> None:
    with_values(shop, EMPTIED)

    refused = browser.post(switch_url(shop, "A"), sent())

    assert "Database A has no instances, since its deletion has begun" in page(refused).text


def test_other_changes_and_rollbacks_do_not_bring_a_deleted_database_back(
    shop: Environment, operator: User
) -> None:
    earlier = Deployment.objects.get(environment=shop)
    with_values(shop, ONLY_B)
    earlier.parameters = VALUES | SWITCHED

    changed = request_change(
        user=operator, environment=shop, parameters=VALUES, reason="", request_key=uuid4()
    )
    back = request_rollback(user=operator, deployment=earlier, reason="", request_key=uuid4())

    for one in (changed, back):
        assert {name: one.parameters[name] for name in ONLY_B} == ONLY_B


def test_a_set_that_cannot_delete_one_of_two_databases_says_what_to_do(
    browser: Client, shop: Environment, template_set: Path
) -> None:
    (template_set / "template-set.yaml").write_text(
        MANIFEST.replace(", without_instances: WithoutInstances", "")
    )
    older = template_files.load(template_set)
    stored_sets.keep(older)
    with_both_shown(shop, "second", SWITCHED)
    Deployment.objects.filter(environment=shop).update(template_digest=older.digest)

    assert not show(browser, shop, "database").all("a", id="delete-database")
    refused = browser.post(delete_url(shop, "A"), sent())

    assert "Update the environment to a version with without_instances" in page(refused).text


def test_a_database_whose_deletion_has_begun_can_be_kept(browser: Client, shop: Environment) -> None:
    url = f"{reverse('environment_keep_database', args=[shop.pk])}?database=A"
    with_values(shop, SWITCHED)
    assert "The deletion of database A has not begun" in page(browser.post(url, sent())).text
    with_both_shown(shop, "second", EMPTIED)
    assert show(browser, shop, "database").one("a", id="keep-database")["href"] == url
    assert "adds instances to database A again" in page(browser.get(url)).one(id="consequence").text

    browser.post(url, sent())

    assert added(shop).parameters == VALUES | SWITCHED
    edited = browser.get(reverse("environment_change", args=[shop.pk]), {"from": str(added(shop).pk)})
    assert edited["Location"] == url
