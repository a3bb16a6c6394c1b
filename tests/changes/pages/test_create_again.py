"""A deleted environment's snapshots, and the form that creates it again with the data of one."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow, disallow, make_deployment, make_environment
from tests.pages.pages import Element, page

MANIFEST = "root: root.yaml\nsnapshot_parameter: Certificate\n"
VALUES = {"Size": "large", "Count": "7", "Fast": "false", "Database": "shop", "Zones": "z", "Certificate": ""}
SNAPSHOT = "sanso-shop-final"
NEW = reverse("environment_new")


@pytest.fixture
def operator(operator: User) -> User:
    """A second user who may change environments."""
    allow(operator, "change_environment")
    return User.objects.get(pk=operator.pk)


@pytest.fixture
def template_set(template_set: Path) -> Path:
    """The small set; its certificate stands for the parameter of the snapshot."""
    (template_set / "template-set.yaml").write_text(MANIFEST)
    return template_set


@pytest.fixture
def deployed(template_set: Path, operator: User) -> Environment:
    """A deployed environment."""
    current = template_files.load(template_set)
    stored_sets.keep(current)
    shop = make_environment(
        "shop", owner=operator, stack_id="arn:stack", stack_status="CREATE_COMPLETE", parameters=VALUES
    )
    make_deployment(
        shop, state="succeeded", last_phase="ready", parameters=VALUES, template_digest=current.digest
    )
    return shop


@pytest.fixture
def deleted(deployed: Environment) -> Environment:
    """A deleted environment whose database has left a final snapshot."""
    found = RemainingResource(
        type="AWS::RDS::DBClusterSnapshot",
        id=SNAPSHOT,
        reason=Reason.SNAPSHOT,
        billing=Billing.BILLED,
        details={"status": "available", "kind": "manual", "created_at": "2026-11-30T12:00:00+00:00"},
    )
    remaining = {"search": "done", "services": {"RDS": {"resources": [found.as_json()]}}}
    latest = make_deployment(deployed, kind="delete", state="succeeded", remaining=remaining)
    Environment.objects.filter(pk=deployed.pk).update(
        deleted_at=timezone.now(), live_key=None, stack_id="", latest=latest
    )
    return Environment.objects.get(pk=deployed.pk)


def link_of(shown: Element) -> str:
    (link,) = [one for one in shown.all("a") if one.text.startswith("Create again with this data")]
    return link["href"]


def field(shown: Element, name: str) -> Element:
    return shown.one(id=f"id_parameter_{name}")


def test_the_page_of_a_deleted_environment_leads_to_the_form_with_its_values_and_its_data(
    browser: Client, deleted: Environment
) -> None:
    data = page(browser.get(deleted.get_absolute_url())).one(id="kept-data")
    assert SNAPSHOT in data.one("tbody").text

    shown = page(browser.get(link_of(data)))

    assert f"The database is restored from the snapshot {SNAPSHOT}" in shown.one(id="restored-from").text
    assert (shown.one(id="id_name")["value"], field(shown, "Count")["value"]) == ("shop", "7")
    assert field(shown, "Certificate")["value"] == SNAPSHOT
    assert "value" not in field(shown, "Password").attributes


def test_the_form_creates_it_under_another_name_and_the_record_names_the_snapshot(
    browser: Client, deleted: Environment, operator: User
) -> None:
    values = VALUES | {"Password": "a long secret", "Token": "", "Certificate": SNAPSHOT}
    form = {f"parameter_{name}": value for name, value in values.items()}
    form |= {
        "account": str(deleted.account_id),
        "name": "shop-2",
        "reason": "",
        "request_key": str(uuid.uuid4()),
    }

    assert browser.post(NEW, form).status_code == 302

    created = Deployment.objects.get(environment__name="shop-2")
    assert created.parameters["Certificate"] == SNAPSHOT
    record = AuditRecord.objects.filter(action="deploy").latest("pk")
    assert (record.after or {})["Certificate"] == SNAPSHOT


def test_who_may_not_change_the_environment_gets_neither_the_link_nor_its_values(
    browser: Client, deleted: Environment, operator: User
) -> None:
    disallow(operator, "change_environment")

    data = page(browser.get(deleted.get_absolute_url())).one(id="kept-data")
    assert not data.all("a")
    shown = page(browser.get(NEW, {"data_of": str(deleted.pk), "snapshot": SNAPSHOT}))
    assert "value" not in shown.one(id="id_name").attributes
    assert field(shown, "Certificate").attributes.get("value", "") == ""


def test_a_set_without_the_parameter_says_that_the_database_would_be_empty(
    browser: Client, deleted: Environment, template_set: Path
) -> None:
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")
    stored_sets.keep(template_files.load(template_set))
    digest = template_files.load(template_set).digest
    Deployment.objects.filter(environment=deleted, kind="create").update(template_digest=digest)

    shown = page(browser.get(NEW, {"data_of": str(deleted.pk), "snapshot": SNAPSHOT}))

    assert "cannot restore a snapshot" in shown.one(id="cannot-restore").text


def change(environment: Environment, **values: str) -> dict[str, str]:
    form = {
        f"parameter_{name}": value
        for name, value in ({**VALUES, "Password": "", "Token": ""} | values).items()
    }
    return form | {"reason": "", "request_key": str(uuid.uuid4()), "set": "deployed"}


def test_a_change_cannot_give_an_environment_other_data(browser: Client, deployed: Environment) -> None:
    url = reverse("environment_change", args=[deployed.pk])
    shown = page(browser.get(url))
    assert "disabled" in field(shown, "Certificate").attributes

    browser.post(url, change(deployed, Count="3", Certificate="other-data"))

    requested = Deployment.objects.get(kind="update")
    assert (requested.parameters["Count"], requested.parameters["Certificate"]) == ("3", "")


def test_an_environment_from_before_the_parameter_cannot_get_a_value_for_it(
    browser: Client, deployed: Environment
) -> None:
    before = {name: value for name, value in VALUES.items() if name != "Certificate"}
    Deployment.objects.filter(environment=deployed).update(parameters=before)
    Environment.objects.filter(pk=deployed.pk).update(parameters=before)

    shown = page(browser.get(reverse("environment_change", args=[deployed.pk])))

    assert "disabled" in field(shown, "Certificate").attributes


def test_a_set_that_forgets_the_snapshot_of_a_restored_database_is_refused(
    browser: Client, deployed: Environment, template_set: Path
) -> None:
    restored = VALUES | {"Certificate": SNAPSHOT}
    Deployment.objects.filter(environment=deployed).update(parameters=restored)
    Environment.objects.filter(pk=deployed.pk).update(parameters=restored)
    (template_set / "template-set.yaml").write_text("root: root.yaml\n")

    answer = browser.post(
        reverse("environment_change", args=[deployed.pk]), change(deployed) | {"set": "current"}
    )

    assert answer.status_code == 422
    assert f"restored from the snapshot {SNAPSHOT}" in page(answer).one(role="alert").text
    assert not Deployment.objects.filter(kind="update").exists()
