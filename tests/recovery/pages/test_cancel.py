"""The page that cancels a deployment, and the cancellation on the deployment's page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Stack
from tests.builders import make_deployment, make_environment, make_stack
from tests.fakes import FakeAws
from tests.pages.pages import page
from tests.recovery.steps.canceling.requesting import in_stacks
from tests.stepping import aws, deployment, run, template_set

_ = (aws, deployment, template_set)


def url(deployment: Deployment) -> str:
    return reverse("deployment_cancel", args=[deployment.pk])


@pytest.fixture
def creating(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A creation some of whose resources exist."""
    return in_stacks(deployment, aws)


def test_the_page_says_that_everything_created_so_far_is_deleted(
    browser: Client, creating: Deployment
) -> None:
    shown = page(browser.get(url(creating))).one("main")

    assert shown.one("h1").text == "Cancel the creation of staging and delete its stack?"
    assert "Everything that was created so far is deleted, with its data." in shown.text
    assert "1 resource exists so far." in shown.text
    assert shown.one("button", id="confirm-cancel").text == "Cancel and delete the stack"
    assert shown.one("input", name="effect").attributes["value"] == "delete"


def test_a_confirmed_request_is_shown_on_the_deployments_page_until_its_end(
    browser: Client, creating: Deployment, aws: FakeAws, operator: User
) -> None:
    assert page(browser.get(creating.get_absolute_url())).one(id="cancel").attributes["href"] == url(creating)
    sent = browser.post(url(creating), {"effect": "delete"})
    assert sent["Location"] == creating.get_absolute_url()

    card = page(browser.get(creating.get_absolute_url())).one(id="cancellation")
    assert card.one("h2").text == "Canceling…"
    assert "Requested" in card.text
    assert f"by {operator.username}" in card.text
    assert "waiting for CloudFormation" in card.text
    assert browser.get(url(creating))["Location"] == creating.get_absolute_url()

    deleting = Stack.objects.filter(path="", status="DELETE_IN_PROGRESS")
    run(creating, aws, until=lambda d: deleting.exists())
    shown = page(browser.get(creating.get_absolute_url()))
    assert "AWS accepted DeleteStack CREATE_IN_PROGRESS" in shown.one(id="cancellation").text
    assert "DELETE_IN_PROGRESS" in shown.one(id="cancellation").text
    assert not shown.all(id="cancel")

    run(creating, aws)
    shown = page(browser.get(creating.get_absolute_url()))
    card = shown.one(id="cancellation")
    assert card.one("h2").text == "Creation of staging canceled; its stack is deleted"
    assert "DELETE_COMPLETE" in card.text
    assert "everything that it had created" in card.text
    assert not shown.all(id="cause")
    assert "failed" not in shown.one("title").text


def test_the_environment_of_a_canceled_creation_is_deleted_and_its_name_free(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    browser.post(url(creating), {"effect": "delete"})
    run(creating, aws)

    shown = page(browser.get(creating.environment.get_absolute_url())).one("main")
    assert "This environment was deleted on" in shown.text
    assert not shown.all(id="cause")
    assert "staging" not in page(browser.get(reverse("environments"))).one("main").text


def test_the_effect_of_another_phase_is_not_requested_but_shown(
    browser: Client, creating: Deployment
) -> None:
    answer = browser.post(url(creating), {"effect": "end"}, follow=True)

    shown = page(answer).one("body")
    assert "The deployment has moved on, and canceling does something else now." in shown.text
    assert shown.one("h1").text == "Cancel the creation of staging and delete its stack?"
    creating.refresh_from_db()
    assert creating.cancel_requested_at is None


def test_a_deployment_that_finished_meanwhile_gets_a_friendly_answer(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    run(creating, aws)

    answer = page(browser.post(url(creating), {"effect": "delete"}, follow=True))

    assert "The deployment had already finished, so nothing was canceled." in answer.one("body").text
    assert Environment.objects.get().deleted_at is None
    shown = page(browser.get(url(creating))).one("main")
    assert shown.one("h1").text == "This deployment cannot be canceled"


def test_a_deployment_that_finishes_before_the_step_says_so(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    browser.post(url(creating), {"effect": "delete"})
    while aws.stacks[creating.stack_id].status != "CREATE_COMPLETE":
        aws._move_on(aws.stacks[creating.stack_id])
    run(creating, aws)

    shown = page(browser.get(creating.get_absolute_url()))
    assert shown.one(id="cancellation").one("h2").text == "Not canceled"
    assert (
        shown.one(id="cancel-refusal").text
        == "CloudFormation finished (CREATE_COMPLETE) before it could be canceled, so nothing was canceled."
    )


def test_nobody_is_told_of_a_refusal_whose_stacks_ended_without_a_request(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    ended = Stack.objects.filter(path="", status="CREATE_COMPLETE")
    run(creating, aws, until=lambda d: d.state == State.STACKS and ended.exists())

    shown = page(browser.get(creating.get_absolute_url()))
    why_not = "CloudFormation has finished (CREATE_COMPLETE): the stacks can no longer be canceled."
    assert shown.one(id="cancel-why-not").text == why_not
    assert "nothing was canceled" not in shown.text
    assert "nothing was canceled" not in page(browser.get(url(creating))).text
    asked = page(browser.post(url(creating), {"effect": "delete"}, follow=True))
    assert "before it could be canceled, so nothing was canceled." in asked.text


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("delete", "DELETE_IN_PROGRESS", "CloudFormation does not cancel a deletion."),
        ("create", "ROLLBACK_IN_PROGRESS", "CloudFormation does not cancel a rollback."),
        ("update", "UPDATE_ROLLBACK_IN_PROGRESS", "CloudFormation does not cancel a rollback."),
        (
            "update",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "The update is complete; CloudFormation is deleting replaced resources. It is too late to "
            "cancel.",
        ),
    ],
)
def test_a_deployment_that_cannot_be_canceled_is_shown_with_the_reason(
    browser: Client, db: None, kind: str, status: str, reason: str
) -> None:
    active = make_deployment(make_environment("staging"), kind=kind, state="stacks")
    make_stack(active, status=status, changes=[[1_800_000_000_000, status]])

    button = page(browser.get(active.get_absolute_url())).one(id="cancel")
    assert "disabled" in button.attributes
    assert page(browser.get(active.get_absolute_url())).one(id="cancel-why-not").text == reason
    assert reason in page(browser.get(url(active))).one("main").text


def test_a_viewer_reads_what_canceling_does_but_may_not(viewer: Client, creating: Deployment) -> None:
    shown = page(viewer.get(url(creating))).one("main")

    assert "disabled" in shown.one("button", id="confirm-cancel").attributes
    assert "You need the permission “Create environments”." in shown.text
    assert viewer.post(url(creating), {"effect": "delete"}).status_code == 403


def test_an_environment_leads_to_the_page_of_its_active_deployment(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    address = reverse("environment_cancel", args=[creating.environment_id])
    assert browser.get(address)["Location"] == url(creating)
    run(creating, aws)
    assert browser.get(address)["Location"] == creating.environment.get_absolute_url()


def test_a_replay_shows_the_cancellation_when_it_was_requested(
    browser: Client, creating: Deployment, aws: FakeAws
) -> None:
    browser.post(url(creating), {"effect": "delete"})
    ended = run(creating, aws)
    assert ended.state == State.CANCELED

    shown = page(browser.get(f"{creating.get_absolute_url()}?replay=1"))
    assert not shown.all(id="cancellation")
    assert not shown.all(id="cancel")
    answer = browser.get(
        reverse("replay_update", args=[creating.pk]), {"since": 0, "until": ended.last_seq - 3}
    )
    assert "cancellation" in answer.content.decode()
