"""The deployment's page at loading, in each state, and the cost of loading it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.live import scenes
from tests.live.stream_reader import SEQ
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


def read(browser: Client, deployment: Deployment, query: str = "") -> Element:
    response = browser.get(f"/deployments/{deployment.pk}/{query}")
    assert response.status_code == 200
    return page(response)


def links(part: Element) -> dict[str, str]:
    return {link.text: link["href"] for link in part.all("a")}


def test_a_missing_deployment_is_not_found(browser: Client) -> None:
    assert browser.get("/deployments/4711/").status_code == 404


def test_the_header_has_environment_progress_user_and_reason(browser: Client, operator: User) -> None:
    deployment = scenes.running("staging", operator)
    deployment.advance_progress(3, back=False)  # as a step does
    shown = read(browser, deployment).one(id="header").text

    for words in ("Create staging", "In progress · Stacks", "6 of 15 resources", "by ana"):
        assert words in shown
    assert re.search(r"\b\d\d? % 6 of 15", shown)
    assert "first environment for the load test" in shown
    assert "ap-northeast-1" in shown


def test_rows_are_below_their_stacks_and_have_a_level(browser: Client) -> None:
    rows = read(browser, scenes.running()).one(id="tree").all("tr")

    assert [row["id"] for row in rows[:6]] == [
        "t-",
        "t-Network",
        "t-Network.Network1",
        "t-Network.Network2",
        "t-Network.Network3",
        "t-Aurora",
    ]
    inner = next(row for row in rows if row["id"] == "t-Aurora.Inner.Inner1")
    assert inner["data-parent"] == "t-Aurora.Inner"
    assert inner.text.startswith("Level 4: Inner1")
    assert "EC2::Subnet" in inner.text


def test_stacks_in_progress_are_expanded_and_others_are_not(browser: Client) -> None:
    tree = read(browser, scenes.running()).one(id="tree")
    is_open = {row["id"]: row["data-open"] for row in tree.all("tr") if "data-open" in row.attributes}

    assert is_open == {
        "t-": "yes",
        "t-Network": "no",
        "t-Aurora": "yes",
        "t-Aurora.Inner": "yes",
        "t-AppServers": "no",
    }
    hidden = {row["id"] for row in tree.all("tr") if "hidden" in row.attributes}
    assert "t-Network.Network1" in hidden
    assert "t-Aurora.Aurora1" not in hidden


def test_phases_have_a_status_and_a_summary(browser: Client) -> None:
    steps = read(browser, scenes.running()).one(id="phases").all("li")

    classes = [step["class"] for step in steps]
    assert classes[:4] == ["is-done", "is-done", "is-done", "is-progress"]
    assert set(classes[4:]) <= {"is-pending"}
    assert "Change set Succeeded 15 resources" in steps[2].text
    assert steps[3]["aria-current"] == "step"


def test_a_failure_is_named_during_the_rollback(browser: Client) -> None:
    shown = read(browser, scenes.rolling_back()).one(id="banner")

    assert "Aurora3 could not be created: The engine version" in shown.one(id="end-title").text
    assert "Aurora ▸ Aurora3" in shown.text
    assert "engine version 8.0.mysql_aurora.3.99.0 is not supported" in shown.text
    assert "1 resource canceled as a result" in shown.text
    assert not shown.all(id="main-action")
    assert not shown.all(id="remains")


def test_a_rolled_back_creation_can_be_deleted_and_retried(browser: Client) -> None:
    deployment = scenes.rolled_back("lost")
    shown = read(browser, deployment).one(id="banner")

    assert shown.one(id="main-action").text == "Clean up and retry…"
    assert shown.one(id="main-action")["href"] == f"/deployments/{deployment.pk}/clean-up"
    assert links(shown)["Delete remaining resources…"] == f"/environments/{deployment.environment_id}/delete"
    assert "9 resources remain in AWS" in shown.one(id="remains").text
    assert "Deletes the stack with the 9 resources in it, then" in shown.one(id="main-hint").text


def test_a_creation_that_created_nothing_can_only_be_retried(browser: Client) -> None:
    shown = read(browser, scenes.failed_in_preflight()).one(id="banner")

    assert "The account has that stack already." in shown.text
    assert "StackNameTaken" in shown.text
    assert shown.one(id="remains").text == "CloudFormation created nothing."
    assert shown.one(id="main-action").text == "Retry with these values"
    assert "Delete remaining resources…" not in links(shown)


def test_a_successful_creation_displays_its_outputs(browser: Client) -> None:
    shown = read(browser, scenes.succeeded("prod")).one(id="banner")

    assert "prod created" in shown.text
    assert "WriterEndpoint writer.cluster-abc.rds.amazonaws.com" in shown.text
    assert links(shown)["Open ↗ (opens in a new tab)"] == "http://127.0.0.1:9/"


def test_outputs_that_are_no_addresses_are_not_links(browser: Client) -> None:
    deployment = scenes.succeeded()
    Environment.objects.update(outputs={"URL": "javascript:alert(1)", "Note": "<b>bold</b>"})

    shown = read(browser, deployment).one(id="banner")

    assert not [link for link in links(shown).values() if link.startswith("javascript")]
    assert not shown.all("b")


def test_an_earlier_deployment_has_no_actions(browser: Client, operator: User) -> None:
    deployment = scenes.rolled_back("again", operator)
    later = Deployment.objects.create(
        environment=deployment.environment, kind="delete", requested_by=operator
    )
    Environment.objects.update(latest=later)

    banner = read(browser, deployment).one(id="banner")
    others = banner.one(id="others")
    assert set(links(banner)) - set(links(others)) == {"Aurora", "Aurora3", "View environment"}
    assert all(address.startswith("?row=") for address in links(others).values())


def test_a_deletion_counts_deleted_resources_and_is_not_red(browser: Client) -> None:
    deployment = scenes.deleting("old")
    deployment.advance_progress(3, back=False)  # as a step does
    shown = read(browser, deployment)

    assert "Delete old" in shown.one(id="header").text
    assert "% 1 of 3 resources" in shown.one(id="header").text
    assert not shown.all(class_="is-failed")
    assert "Pending" in shown.one(id="t-Network").text  # it still exists


def test_a_successful_deletion_is_reported_and_claims_nothing_more(browser: Client) -> None:
    shown = read(browser, scenes.deleted("old")).one(id="banner")
    assert "old is deleted" in shown.text
    assert "nothing" not in shown.text


def test_a_failed_deletion_names_what_remains(browser: Client) -> None:
    deployment = scenes.failed_deletion()
    shown = read(browser, deployment).one(id="banner")

    assert "Network ▸ Network2" in shown.text
    assert "The subnet has dependencies." in shown.text
    assert links(shown)["Delete again…"] == f"/environments/{deployment.environment_id}/delete"


def test_a_notice_says_whether_a_user_must_act(browser: Client) -> None:
    shown = read(browser, scenes.needing_access()).one(id="banner")

    assert "A permission is missing; the deployment continues once it is granted" in shown.text
    assert "AWS denies cloudformation:DescribeStackEvents. AccessDenied" in shown.text


def test_viewers_have_no_actions(viewer: Client) -> None:
    shown = read(viewer, scenes.rolled_back()).one(id="deployment")

    assert "may-deploy" not in shown.attributes.get("class", "")
    offers = [link for link in shown.all("a") if "/delete" in link["href"] or "/new" in link["href"]]
    assert offers
    assert all("needs-deploy" in link["class"].split() for link in offers)  # hidden by the style sheet


@pytest.mark.parametrize("scene", scenes.STATES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_every_state_is_displayed_in_every_language(browser: Client, scene: Any, language: str) -> None:
    deployment = scene()
    response = browser.get(f"/deployments/{deployment.pk}/", headers={"Accept-Language": language})
    shown = page(response)

    assert shown.one("html")["lang"] == language
    assert set(SEQ.findall(response.content.decode())) == {str(n) for n in scenes.event_numbers(deployment)}


def test_the_page_of_an_ended_deployment_opens_no_stream(browser: Client) -> None:
    deployment = scenes.succeeded()
    assert read(browser, deployment).one(id="deployment")["data-streaming"] == "yes"
    Deployment.objects.update(ended_at=timezone.now() - timedelta(minutes=1))

    assert read(browser, deployment).one(id="deployment")["data-streaming"] == "no"


def test_texts_of_aws_are_escaped(browser: Client) -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment, {"Network": 1})
    reason = "<script>alert(1)</script>"
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_FAILED", reason=reason))

    response = browser.get(f"/deployments/{deployment.pk}/")

    assert reason not in response.content.decode()
    assert "&lt;script&gt;alert(1)" in response.content.decode()


def test_a_larger_deployment_costs_no_more_queries(browser: Client) -> None:
    counts = []
    for nested in ({"Network": 2}, scenes.NINE_STACKS):
        deployment = scenes.make_deployment()
        scenes.complete_everything(deployment, scenes.add_stacks(deployment, nested))
        with CaptureQueriesContext(connection) as queries:
            read(browser, deployment)
        # The progress is only stored when it has grown.
        counts.append(sum(not query["sql"].startswith("UPDATE") for query in queries))
    assert counts[0] == counts[1] <= 18


def test_a_missing_deployment_has_no_snapshot(browser: Client) -> None:
    deployment = scenes.make_deployment()
    assert "No stacks yet." in read(browser, deployment).text
    scenes.finish(deployment, State.FAILED, code="InternalError", message="A step failed.")
    assert "No stacks were changed." in read(browser, deployment).text


def test_the_page_is_compressed_and_needs_one_style_sheet_and_one_script(browser: Client) -> None:
    deployment = scenes.running()
    answer = browser.get(f"/deployments/{deployment.pk}/", headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    head = read(browser, deployment).one("head")
    styles = [link["href"] for link in head.all("link") if link["rel"] == "stylesheet"]
    scripts = [script["src"] for script in head.all("script")]
    assert len(styles) == len(scripts) == 1
    assert all("/static/bundles/deployments/" in address for address in (*styles, *scripts))
