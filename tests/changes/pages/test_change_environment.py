"""The form that changes an environment, and the requests about its preview."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow, make_deployment, make_environment
from tests.pages.pages import Element, page
from tests.previews import many_changes

VALUES = {
    "Size": "small", "Count": "2", "Fast": "true", "Database": "datelog", "Zones": "a,b", "Certificate": "",
}  # fmt: skip


@pytest.fixture
def operator(operator: User) -> User:
    """A second user who may change environments."""
    allow(operator, "change_environment")
    return User.objects.get(pk=operator.pk)


@pytest.fixture
def environment(template_set: Path, operator: User) -> Environment:
    """A deployed environment of a stored template set, in which the database is chosen once."""
    manifest = "root: root.yaml\nchoose_once: [Database]\nsame_region: [Certificate]\n"
    (template_set / "template-set.yaml").write_text(manifest)
    current = template_files.load(template_set)
    stored_sets.keep(current)
    shop = make_environment(
        "shop", owner=operator, stack_id="arn:stack", stack_status="CREATE_COMPLETE", parameters=VALUES
    )
    make_deployment(
        shop, state="succeeded", last_phase="ready", parameters=VALUES, template_digest=current.digest
    )
    return shop


def form_of(environment: Environment, **changes: str) -> dict[str, str]:
    sent = {f"parameter_{name}": value for name, value in (VALUES | changes).items()}
    return sent | {"reason": "more load", "request_key": str(uuid.uuid4()), "set": "deployed"}


def address(environment: Environment) -> str:
    return reverse("environment_change", args=[environment.pk])


def field(shown: Element, name: str) -> Element:
    return shown.one(id=f"id_parameter_{name}")


def test_the_form_has_the_present_values_and_no_secret(browser: Client, environment: Environment) -> None:
    Environment.objects.update(parameters=VALUES | {"Count": "5"})

    shown = page(browser.get(address(environment)))

    assert field(shown, "Count")["value"] == "5"
    changed = next(one for one in shown.all("div") if one.attributes.get("data-name") == "parameter_Count")
    assert changed["data-initial"] == "2"  # of the last good deployment: differences are marked
    assert "value" not in field(shown, "Password").attributes
    assert field(shown, "Password")["placeholder"] == "Unchanged"
    assert (
        shown.one(data_name="parameter_Password")["data-initial"] == ""
    )  # a typed value is marked as changed


def test_parameters_that_are_chosen_once_are_locked_with_the_reason(
    browser: Client, environment: Environment
) -> None:
    shown = page(browser.get(address(environment)))

    assert "disabled" in field(shown, "Database").attributes
    assert "changing it would lose data" in shown.text

    browser.post(address(environment), form_of(environment, Database="another"))
    assert Deployment.objects.get(kind="update").parameters["Database"] == "datelog"


def test_a_change_is_requested_with_the_values_and_keeps_secrets(
    browser: Client, environment: Environment
) -> None:
    answer = browser.post(address(environment), form_of(environment, Count="3"))

    requested = Deployment.objects.get(kind="update")
    assert answer["Location"] == requested.get_absolute_url()
    assert requested.parameters == VALUES | {"Count": "3"}
    assert (requested.sealed_parameters, requested.reason) == ("", "more load")
    assert requested.active_key is None


def test_a_secret_that_was_typed_is_not_said_to_be_unchanged(
    browser: Client, environment: Environment
) -> None:
    answer = browser.post(address(environment), form_of(environment, Count="99", Password="new and long"))

    assert field(page(answer), "Password")["placeholder"] == "Changed: enter it again"
    assert "new and long" not in answer.content.decode()


def test_an_invalid_value_is_an_error_at_its_field(browser: Client, environment: Environment) -> None:
    answer = browser.post(address(environment), form_of(environment, Count="99"))

    assert answer.status_code == 422
    assert field(page(answer), "Count")["aria-invalid"] == "true"
    assert not Deployment.objects.filter(kind="update").exists()


def test_a_certificate_of_another_region_is_an_error_at_its_field(
    browser: Client, environment: Environment
) -> None:
    elsewhere = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    answer = browser.post(address(environment), form_of(environment, Certificate=elsewhere))

    assert answer.status_code == 422
    region = environment.account.region
    error = page(answer).one(id="id_parameter_Certificate_error").text
    assert error == f"Must be in the region of the environment: arn:aws:acm:{region}:…"
    assert not Deployment.objects.filter(kind="update").exists()


def test_a_newer_template_set_is_offered_and_not_taken_by_itself(
    browser: Client, environment: Environment, template_set: Path
) -> None:
    deployed = Deployment.objects.get().template_digest
    root = template_set / "root.yaml"
    root.write_text(root.read_text() + "  Queue: {Type: AWS::SQS::Queue}\n")

    shown = page(browser.get(address(environment)))
    assert "A newer version of the template set is available" in shown.text
    browser.post(address(environment), form_of(environment))
    assert Deployment.objects.first().template_digest == deployed  # type: ignore[union-attr]

    shown = page(browser.get(f"{address(environment)}?set=current"))
    assert "also takes the current version" in shown.text
    browser.post(address(environment), form_of(environment) | {"set": "current"})
    newest = Deployment.objects.first()
    assert newest is not None
    assert newest.template_digest == template_files.load(template_set).digest != deployed


def test_an_environment_of_the_release_before_says_that_its_set_is_not_stored(
    browser: Client, environment: Environment
) -> None:
    Deployment.objects.update(template_digest="0" * 64)

    shown = page(browser.get(address(environment)))

    assert "is not stored, because an earlier version" in shown.text


def test_a_stack_that_cannot_be_changed_says_why(browser: Client, environment: Environment) -> None:
    Environment.objects.update(stack_status="ROLLBACK_COMPLETE")

    shown = page(browser.get(address(environment)))

    assert "This environment cannot be changed" in shown.text


def test_without_the_permission_nothing_is_shown_or_requested(
    viewer: Client, environment: Environment
) -> None:
    assert viewer.get(address(environment)).status_code == 403
    assert viewer.post(address(environment), form_of(environment)).status_code == 403
    assert not Deployment.objects.filter(kind="update").exists()


def shown_preview(environment: Environment) -> Deployment:
    row = make_deployment(
        environment, kind="update", state="preview", last_phase="preview", active_key=None,
        preview_digest="d1", changes=many_changes(2).to_json(),
    )  # fmt: skip
    first = Deployment.objects.order_by("pk").first()
    Environment.objects.update(latest=first)
    return row


def test_the_page_of_a_preview_applies_it_by_its_digest(browser: Client, environment: Environment) -> None:
    preview = shown_preview(environment)

    shown = page(browser.get(preview.get_absolute_url(), follow=True))
    form = shown.one(id="apply-form")
    assert "2 updated" in shown.text
    browser.post(form["action"], {"digest": "of an older preview"})
    assert Deployment.objects.get(pk=preview.pk).state == "preview"
    browser.post(form["action"], {"digest": form.one("input", name="digest")["value"]})

    applied = Deployment.objects.get(pk=preview.pk)
    assert (applied.state, applied.active_key) == ("queued", environment.pk)
    assert AuditRecord.objects.filter(action="apply").values_list("outcome", flat=True)[0] == "requested"


def test_a_queued_change_says_who_is_before(browser: Client, environment: Environment) -> None:
    preview = shown_preview(environment)
    holder = make_deployment(environment, kind="delete", state="stacks")
    browser.post(reverse("change_apply", args=[preview.pk]), {"digest": "d1"})

    shown = page(browser.get(preview.get_absolute_url(), follow=True))

    assert "Number 1 in the queue" in shown.text
    assert f"Delete {holder.pk}" in shown.text
    assert holder.requested_by.get_username() in shown.text


def test_the_environment_lists_its_previews_and_leads_back_to_an_earlier_deployment(
    browser: Client, environment: Environment
) -> None:
    first = Deployment.objects.get()
    make_deployment(environment, kind="update", state="succeeded", last_phase="ready")
    latest = Environment.objects.get().latest
    preview = shown_preview(environment)
    Environment.objects.update(latest=latest)

    shown = page(browser.get(reverse("environment_history", args=[environment.pk])))
    assert str(preview.pk) in shown.one(id=f"open-change-{preview.pk}").text
    back = next(
        one
        for one in shown.all("button")
        if one.attributes.get("formaction", "").endswith(f"/{first.pk}/roll-back")
    )
    answer = browser.post(back["formaction"])

    requested = Deployment.objects.first()
    assert requested is not None
    assert answer["Location"] == requested.get_absolute_url()
    assert (requested.rolls_back_to, requested.parameters) == (first, VALUES)


def test_the_values_of_a_preview_can_be_edited(browser: Client, environment: Environment) -> None:
    sent = form_of(environment, Count="3")
    browser.post(address(environment), sent)
    change = Deployment.objects.get(kind="update")
    assert change.parameters["Count"] == "3"
    Deployment.objects.filter(pk=change.pk).update(parameters=change.parameters | {"Database": "other"})

    preview = page(browser.get(change.get_absolute_url(), follow=True))
    link = next(one for one in preview.all("a") if one.text == "Edit values")
    shown = page(browser.get(link.attributes["href"]))

    assert field(shown, "Count").attributes["value"] == "3"
    assert field(shown, "Database").attributes["value"] == "datelog"  # it is chosen once
    other = make_environment("other", owner=environment.owner)
    Deployment.objects.filter(pk=change.pk).update(environment=other)
    assert field(page(browser.get(link.attributes["href"])), "Count").attributes["value"] == "2"


def test_a_change_that_adds_a_role_without_boundary_is_refused(
    browser: Client, environment: Environment, template_set: Path
) -> None:
    account = environment.account
    account.roles_need_boundary, account.boundary_arn = True, "arn:aws:iam::1:policy/sanso-boundary"
    account.save()
    root = template_set / "root.yaml"
    role = "\n  Server: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}"
    root.write_text(root.read_text().replace("Resources:", f"Resources:{role}", 1))

    refused = browser.post(address(environment), form_of(environment, set="current") | {"set": "current"})

    assert "(RolesNeedBoundary): Server." in page(refused).one("div", class_="summary").text
    assert not Deployment.objects.filter(kind="update").exists()
    assert browser.post(address(environment), form_of(environment)).status_code == 302
