"""What the page of an environment offers in every status of its stack, and what happens on each click."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.core.operations import Operation, refusal
from deployments.core.stuck import STUCK, StuckResource
from deployments.models import AuditRecord, Deployment, Environment
from deployments.presentation.operations import ROUTES, address
from deployments.wording import message_text
from tests.builders import make_deployment, make_environment, make_user, stack_id
from tests.core.test_operations import ACCEPTED, STATUSES
from tests.views.environment_pages import show
from tests.views.pages import page

PERMISSIONS = ("add_deployment", "change_environment", "delete_environment", "force_delete")
NAMED = StuckResource(
    path="Inner",
    stack_name="sanso-staging-Inner-1",
    stack_id=stack_id("sanso-staging-Inner-1"),
    logical_id="Named",
    physical_id="arn:aws:sns:x",
    type="AWS::SNS::Topic",
    reason="cannot go back",
)


@pytest.fixture
def boss(db: None) -> User:
    user = make_user("boss")
    user.user_permissions.add(*Permission.objects.filter(codename__in=PERMISSIONS))
    return user


@pytest.fixture
def browser(boss: User, client: Client, template_set: object) -> Client:
    client.force_login(boss)
    return client


def make(status: str, **values: Any) -> Environment:
    stuck = {"status": status, "updated": "", "resources": [NAMED.as_json()]} if status in STUCK else {}
    given = {"stack_id": stack_id("sanso-staging"), "stack_status": status, "stuck": stuck}
    environment = make_environment("staging", **(given | values))
    make_deployment(environment, state="succeeded", parameters={"Database": "first"})
    return environment


def url(environment: Environment, operation: Operation) -> str:
    return address(environment.stack_status, operation, environment.pk)


def posted(browser: Client, environment: Environment, operation: Operation, **more: str) -> Any:
    form = {"request_key": str(uuid.uuid4()), "typed_name": "staging", "reason": "", "mode": "all"}
    if operation is Operation.FORCE_DELETE:
        form["force"] = "1"
    if operation is Operation.CHANGE:
        form |= {f"parameter_{name}": value for name, value in CHANGED.items()}
    return browser.post(url(environment, operation).partition("#")[0], form | more)


CHANGED = {
    "Size": "large",
    "Count": "2",
    "Fast": "true",
    "Database": "first",
    "Password": "",
    "Token": "",
    "Zones": "a,b",
    "Certificate": "",
}
KINDS = {
    Operation.CHANGE: "update",
    Operation.CONTINUE: "rollback",
    Operation.DELETE: "delete",
    Operation.FORCE_DELETE: "delete",
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_offers_what_aws_accepts_and_says_why_not_the_rest(browser: Client, status: str) -> None:
    panel = show(browser, make(status), "configuration").one("section", id="operations")

    for operation in Operation:
        shown = panel.all(id=f"operation-{operation}")
        if operation in ACCEPTED[status]:
            assert [one.name for one in shown] == (["a"] if operation in ROUTES else [])
        else:
            why = refusal(status, operation)
            assert why
            assert message_text(why) in shown[0].text


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("operation", list(ROUTES))
def test_each_click_requests_what_its_button_says_or_says_why_not(
    browser: Client, status: str, operation: Operation
) -> None:
    environment = make(status)
    before = Deployment.objects.count()
    shown = browser.get(url(environment, operation))
    response = posted(browser, environment, operation)
    created = Deployment.objects.order_by("-pk").first() if Deployment.objects.count() > before else None

    if operation in ACCEPTED[status]:
        assert shown.status_code == 200
        assert created is not None, page(response).text
        assert response["Location"] == created.get_absolute_url()
        assert created.kind == KINDS[operation]
        assert created.due_at is not None
        assert (created.active_key is not None) is (operation is not Operation.CHANGE)
    elif operation is Operation.DELETE:
        # A deletion can be requested before CloudFormation accepts it: its preflight says why it does not.
        assert response.status_code in (200, 302, 422)
    elif operation is not Operation.CHANGE or created is None:
        assert created is None
        why = refusal(status, operation)
        assert why
        assert message_text(why) in page(shown).text


def test_a_rollback_is_continued_without_skipping_unless_that_is_chosen(browser: Client) -> None:
    environment = make("UPDATE_ROLLBACK_FAILED")
    shown = page(browser.get(reverse("environment_continue", args=[environment.pk])))
    assert "checked" in shown.one("input", id="id_mode_all").attributes
    assert "cannot go back" in shown.one("table", id="stuck").text

    posted(browser, environment, Operation.CONTINUE, resources="Inner/Named")
    assert Deployment.objects.get(kind="rollback").options == {}


def test_what_is_skipped_is_what_failed(browser: Client) -> None:
    environment = make("UPDATE_ROLLBACK_FAILED")
    none = posted(browser, environment, Operation.CONTINUE, mode="skip")
    other = posted(browser, environment, Operation.CONTINUE, mode="skip", resources="Topic")
    assert (none.status_code, other.status_code) == (422, 422)
    assert "Topic is not in the list any more" in page(other).text
    assert not Deployment.objects.filter(kind="rollback").exists()

    posted(browser, environment, Operation.CONTINUE, mode="skip", resources="Inner/Named")
    created = Deployment.objects.get(kind="rollback")
    assert created.options == {"skip": [NAMED.as_json()]}
    record = AuditRecord.objects.get(action="continue_rollback")
    assert (record.outcome, record.deployment, record.details) == (
        "requested",
        created,
        {"skip": ["Inner/Named"]},
    )


def test_a_deletion_leaves_only_what_was_chosen_of_what_failed(browser: Client) -> None:
    environment = make("DELETE_FAILED")
    assert browser.get(reverse("environment_delete", args=[environment.pk]))["Location"] == reverse(
        "environment_delete_again", args=[environment.pk]
    )
    wrong = posted(browser, environment, Operation.DELETE, resources="Topic")
    untyped = posted(browser, environment, Operation.DELETE, typed_name="stag")
    assert (wrong.status_code, untyped.status_code) == (422, 422)

    posted(browser, environment, Operation.DELETE, resources="Inner/Named")
    assert Deployment.objects.get(kind="delete").options == {"retain": [NAMED.as_json()]}


def test_a_deletion_is_forced_only_with_its_permission(browser: Client, boss: User) -> None:
    environment = make("DELETE_FAILED")
    boss.user_permissions.remove(Permission.objects.get(codename="force_delete"))
    shown = page(browser.get(reverse("environment_delete_again", args=[environment.pk])))
    assert not shown.all("button", id="force-delete")
    assert "deployments.force_delete" in shown.one("details", id="force").text

    assert posted(browser, environment, Operation.FORCE_DELETE).status_code == 403
    assert AuditRecord.objects.get(action="force_delete").outcome == "refused"
    assert not Deployment.objects.filter(kind="delete").exists()


@pytest.mark.parametrize("status", sorted(STUCK))
def test_until_sanso_has_read_what_failed_the_page_says_so(browser: Client, status: str) -> None:
    environment = make(status, stuck={})
    operation = Operation.CONTINUE if status.startswith("UPDATE") else Operation.DELETE
    shown = page(browser.get(url(environment, operation)))
    assert shown.one(id="reading").text
    assert not shown.one("main").all("form")


def test_a_stack_that_was_changed_outside_is_taken_over_from_its_page(browser: Client) -> None:
    environment = make("UPDATE_COMPLETE", changed_outside_at=timezone.now())
    banner = show(browser, environment).one("section", id="changed-outside")
    key = (
        banner.one("input", name_="request_key")["value"] if banner.all("input", name_="request_key") else ""
    )

    response = browser.post(
        reverse("environment_take_over", args=[environment.pk]), {"request_key": key or str(uuid.uuid4())}
    )
    created = Deployment.objects.get(operation="take_over")
    assert response["Location"] == created.get_absolute_url()
    assert created.get_kind_display() == "Take over"
    assert "Take over" in page(browser.get(created.get_absolute_url())).one("h1").text


def test_what_nobody_changed_is_not_taken_over(browser: Client) -> None:
    environment = make("UPDATE_COMPLETE")
    assert not show(browser, environment).all(id="changed-outside")
    browser.post(reverse("environment_take_over", args=[environment.pk]))
    assert not Deployment.objects.filter(operation="take_over").exists()
    assert AuditRecord.objects.get(action="take_over").outcome == "refused"


def test_a_stack_that_is_gone_leads_to_the_form_with_its_values_or_out_of_the_list(browser: Client) -> None:
    environment = make("", missing_since=timezone.now(), missing_code="StackGone")
    missing = show(browser, environment).one("section", id="missing")
    assert missing.one("a", id="create-again")["href"].endswith(f"?from={environment.latest_id}")
    assert missing.one("button", id="forget").text


def test_skipped_resources_are_named_before_and_at_the_next_change(browser: Client) -> None:
    environment = make("UPDATE_ROLLBACK_COMPLETE", skipped=[NAMED.as_json()])
    assert "Inner/Named" in show(browser, environment).one("section", id="skipped").text
    form = page(browser.get(reverse("environment_change", args=[environment.pk])))
    assert "Inner/Named" in form.one(id="skipped").text
