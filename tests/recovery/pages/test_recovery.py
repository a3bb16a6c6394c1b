"""The operations on an environment's page in every status of its stack, and the effect of each click."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.stuck_resources import STUCK, StuckResource
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.recovery.display.operations import ROUTES, address
from tests.builders import (
    allow_only,
    disallow,
    make_deployment,
    make_environment,
    make_stack,
    make_user,
    stack_id,
)
from tests.cloudformation.test_operations import ACCEPTED, STATUSES
from tests.pages.environment_pages import show
from tests.pages.pages import page

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
    allow_only(user, *PERMISSIONS)
    return user


@pytest.fixture
def browser(boss: User, client: Client, template_set: object) -> Client:
    client.force_login(boss)
    return client


def make(status: str, **values: Any) -> Environment:
    """Return an environment in a status; in a failed status its latest deployment has failed."""
    stuck = {"status": status, "updated": "", "resources": [NAMED.as_json()]} if status in STUCK else {}
    given = {"stack_id": stack_id("sanso-staging"), "stack_status": status, "stuck": stuck}
    environment = make_environment("staging", **(given | values))
    known = {"parameters": {"Database": "first"}, "stack_id": environment.stack_id}
    kept = {"state": "failed", "last_phase": "stacks", "keep_on_failure": True}
    if status == "CREATE_FAILED":
        make_deployment(environment, **known, **kept)
        return environment
    make_deployment(environment, state="succeeded", last_phase="ready", **known)
    if status == "UPDATE_FAILED":
        make_deployment(environment, kind="update", **known, **kept)
    return environment


def url(environment: Environment, operation: Operation) -> str:
    return address(environment.stack_status, operation, environment.pk)


def posted(browser: Client, environment: Environment, operation: Operation, **more: str) -> Any:
    form = {"request_key": str(uuid.uuid4()), "typed_name": "staging", "reason": "", "mode": "all"}
    if operation is Operation.FORCE_DELETE:
        form["force"] = "1"
    if operation in (Operation.CHANGE, Operation.RETRY):
        form |= {f"parameter_{name}": value for name, value in CHANGED.items()}
    if operation is Operation.RETRY:
        form["retry"] = str(environment.latest_id)
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
    Operation.RETRY: "update",
    Operation.CONTINUE: "rollback",
    Operation.DELETE: "delete",
    Operation.FORCE_DELETE: "delete",
}
ROLLBACKS = {"CREATE_FAILED": "rollback_creation", "UPDATE_FAILED": "rollback_update"}
PREVIEWED = (Operation.CHANGE, Operation.RETRY)
CANCELED: dict[
    str, tuple[str, CancelEffect | Code]
] = {  # the effect of canceling our deployment in this status of its root stack, or the refusal
    "REVIEW_IN_PROGRESS": ("create", CancelEffect.DELETE),
    "CREATE_IN_PROGRESS": ("create", CancelEffect.DELETE),
    "CREATE_FAILED": ("create", Code.CANCEL_TOO_LATE),
    "CREATE_COMPLETE": ("create", Code.CANCEL_TOO_LATE),
    "ROLLBACK_IN_PROGRESS": ("create", Code.ROLLBACK_NOT_CANCELED),
    "ROLLBACK_FAILED": ("create", Code.CANCEL_TOO_LATE),
    "ROLLBACK_COMPLETE": ("create", Code.CANCEL_TOO_LATE),
    "UPDATE_IN_PROGRESS": ("update", CancelEffect.ROLL_BACK),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": ("update", Code.CLEANUP_NOT_CANCELED),
    "UPDATE_COMPLETE": ("update", Code.CANCEL_TOO_LATE),
    "UPDATE_FAILED": ("update", Code.CANCEL_TOO_LATE),
    "UPDATE_ROLLBACK_IN_PROGRESS": ("update", Code.ROLLBACK_NOT_CANCELED),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": ("update", Code.ROLLBACK_NOT_CANCELED),
    "UPDATE_ROLLBACK_COMPLETE": ("update", Code.CANCEL_TOO_LATE),
    "UPDATE_ROLLBACK_FAILED": ("update", Code.CANCEL_TOO_LATE),
    "DELETE_IN_PROGRESS": ("delete", Code.DELETION_NOT_CANCELED),
    "DELETE_FAILED": ("delete", Code.DELETION_NOT_CANCELED),
    "DELETE_COMPLETE": ("delete", Code.DELETION_NOT_CANCELED),
    "IMPORT_IN_PROGRESS": ("update", Code.IMPORT_NOT_CANCELED),
    "IMPORT_COMPLETE": ("update", Code.CANCEL_TOO_LATE),
    "IMPORT_ROLLBACK_IN_PROGRESS": ("update", Code.IMPORT_NOT_CANCELED),
    "IMPORT_ROLLBACK_COMPLETE": ("update", Code.CANCEL_TOO_LATE),
    "IMPORT_ROLLBACK_FAILED": ("update", Code.CANCEL_TOO_LATE),
}


def refused(status: str, operation: Operation) -> str:
    """Return why an operation is refused; cancel always is while none of our deployments is active."""
    why = refusal(status, operation)
    if operation is Operation.CANCEL:
        why = why or Message(Code.OPERATION_FROM_OUTSIDE)
    assert why
    return message_text(why)


def accepted(status: str) -> set[Operation]:
    """Return the operations that can be clicked while none of our deployments is active."""
    return ACCEPTED[status] - {Operation.CANCEL}


CLICKS = [(status, operation) for status in STATUSES for operation in Operation]
POSSIBLE = [(status, operation) for status, operation in CLICKS if operation in accepted(status)]
IMPOSSIBLE = [click for click in CLICKS if click not in POSSIBLE]


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_offers_what_aws_accepts_and_says_why_not_the_rest(browser: Client, status: str) -> None:
    environment = make(status)
    head = show(browser, environment, "configuration").one(id="head")

    for operation in Operation:
        is_named = operation in (Operation.CHANGE, Operation.DELETE)
        key = str(operation) if is_named else f"operation-{operation}"
        shown = head.one(id=key)
        if operation in accepted(status):
            assert (shown.name, shown["href"]) == ("a", url(environment, operation))
        elif is_named:
            assert "disabled" in shown.attributes
            assert refused(status, operation) in head.one(id=shown["aria-describedby"]).text
        else:
            assert not shown.all("a")
            assert refused(status, operation) in shown.text


def test_each_operation_has_a_page() -> None:
    assert set(ROUTES) == set(Operation)


@pytest.mark.parametrize(("status", "operation"), POSSIBLE)
def test_a_click_on_what_is_possible_requests_what_its_button_says(
    browser: Client, status: str, operation: Operation
) -> None:
    environment = make(status)
    latest = environment.latest
    assert browser.get(url(environment, operation)).status_code == 200
    response = posted(browser, environment, operation)

    created = Deployment.objects.exclude(pk__in=[latest.pk] if latest else []).latest("pk")
    assert response["Location"] == created.get_absolute_url(), page(response).text
    assert created.kind == (ROLLBACKS[status] if operation is Operation.ROLL_BACK else KINDS[operation])
    assert created.due_at is not None
    assert (created.active_key is not None) is (operation not in PREVIEWED)
    assert (created.is_retry, created.keep_on_failure) == (operation is Operation.RETRY,) * 2
    assert (created.base == latest) is (operation in (*PREVIEWED, Operation.ROLL_BACK))
    assert bool(created.options.get("force")) is (operation is Operation.FORCE_DELETE)


@pytest.mark.parametrize(("status", "operation"), IMPOSSIBLE)
def test_a_click_on_what_is_not_possible_creates_nothing_and_says_why(
    browser: Client, status: str, operation: Operation
) -> None:
    environment = make(status)
    before = set(Deployment.objects.values_list("pk", flat=True))
    shown = browser.get(url(environment, operation), follow=operation is Operation.CANCEL)
    response = posted(browser, environment, operation)

    assert shown.status_code == 200
    why = refused(status, operation)
    if operation is Operation.CANCEL:
        assert shown.redirect_chain == [(environment.get_absolute_url(), 302)]
        assert why in page(shown).text
        assert response.status_code == 405
    else:
        other = {Operation.CHANGE: Operation.RETRY, Operation.RETRY: Operation.CHANGE}.get(operation)
        if other in accepted(status):  # the page of both operations shows the form of the possible one
            assert bool(page(shown).all(id="retry")) is (other is Operation.RETRY)
            assert bool(page(shown).all("input", name="retry")) is (other is Operation.RETRY)
        else:
            assert why in page(shown).text
            assert not page(shown).one("main").all("form")
        assert response.status_code == 422
        assert why in page(response).text
    assert set(Deployment.objects.values_list("pk", flat=True)) == before


@pytest.mark.parametrize("status", STATUSES)
def test_a_click_on_cancel_stops_our_own_deployment_where_aws_can(browser: Client, status: str) -> None:
    kind, expected = CANCELED[status]
    environment = make(status)
    own = make_deployment(environment, kind=kind, state="stacks", stack_id=environment.stack_id)
    make_stack(own, status=status)
    before = Deployment.objects.count()
    offered = show(browser, environment, "configuration").one(id=f"operation-{Operation.CANCEL}")
    shown = page(browser.get(url(environment, Operation.CANCEL), follow=True)).one("main")
    effect = expected if isinstance(expected, CancelEffect) else CancelEffect.ROLL_BACK  # by hand
    answer = browser.post(reverse("deployment_cancel", args=[own.pk]), {"effect": effect.value}, follow=True)

    own.refresh_from_db()
    assert Deployment.objects.count() == before
    assert answer.redirect_chain == [(own.get_absolute_url(), 302)]
    if isinstance(expected, CancelEffect):
        assert offered["href"] == url(environment, Operation.CANCEL)
        assert shown.one("input", name="effect")["value"] == effect
        assert (own.cancel_code, own.canceled_by) == (effect, User.objects.get(username="boss"))
        assert page(answer).one(id="cancellation").text
    else:
        why = message_text(Message(expected, {"status": status}))
        not_requested = Code.STACKS_ENDED if expected is Code.CANCEL_TOO_LATE else expected
        before_request = message_text(Message(not_requested, {"status": status}))
        assert not offered.all("a")
        for text in (offered.text, shown.text):
            assert before_request in text
        assert why in page(answer).text
        assert own.cancel_requested_at is None


@pytest.mark.parametrize("operation", PREVIEWED)
def test_a_form_that_is_out_of_date_is_refused_once_with_its_values(
    browser: Client, operation: Operation
) -> None:
    now = "UPDATE_FAILED" if operation is Operation.CHANGE else "UPDATE_COMPLETE"
    environment = make("UPDATE_FAILED")
    Environment.objects.update(stack_status=now)
    answer = page(posted(browser, environment, operation, reason="more load"))

    assert refused(now, operation) in answer.one(role="alert").text
    assert answer.one(id="id_reason")["value"] == "more load"
    is_retry = now == "UPDATE_FAILED"
    assert bool(answer.all("input", name="retry")) is is_retry
    posted(browser, environment, Operation.RETRY if is_retry else Operation.CHANGE)
    assert Deployment.objects.latest("pk").is_retry is is_retry


def test_a_rollback_is_continued_without_skipping_unless_that_is_chosen(browser: Client) -> None:
    environment = make("UPDATE_ROLLBACK_FAILED")
    shown = page(browser.get(reverse("environment_continue", args=[environment.pk])))
    assert "checked" in shown.one("input", id="id_mode_all").attributes
    assert "cannot go back" in shown.one("table", id="stuck").text

    posted(browser, environment, Operation.CONTINUE, resources="Inner/Named")
    assert Deployment.objects.get(kind="rollback").options == {}


def test_only_failed_resources_are_skipped(browser: Client) -> None:
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
    disallow(boss, "force_delete")
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


def test_a_stack_that_nobody_changed_is_not_taken_over(browser: Client) -> None:
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
