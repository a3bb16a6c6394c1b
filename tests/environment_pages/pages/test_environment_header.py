"""The header of an environment's page: one note, one main action, everything else once in the menu."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from deployments.accounts.models import ConnectionTest
from deployments.cloudformation.operations import Operation
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environment_pages.pages.environment_header import MenuAction, header_actions
from deployments.environments.models.environments import Environment
from deployments.recovery.display.operations import OfferedOperation, OperationsView
from tests.builders import make_deployment, make_environment
from tests.health_builders import make_whole
from tests.pages.environment_pages import show, url

TABS = ("", "servers", "database", "history", "configuration")


def offered(possible: set[Operation]) -> OperationsView:
    found = tuple(
        OfferedOperation(
            operation=one,
            label=one.name,
            description="",
            url="/" if one in possible else "",
            reason="" if one in possible else "not now",
        )
        for one in Operation
    )
    return OperationsView(
        possible=tuple(one for one in found if one.url),
        impossible=tuple(one for one in found if not one.url),
        by_name={str(one.operation): one for one in found},
    )


@given(possible=st.sets(st.sampled_from(Operation)), shown=st.sets(st.sampled_from(Operation)))
def test_each_operation_is_offered_once(possible: set[Operation], shown: set[Operation]) -> None:
    other = MenuAction(id="other", label="Other", url="/other")

    actions = header_actions(offered(possible), [other], shown=shown)

    listed = [one for group in actions.groups for one in group]
    labels = [one.label for one in (*listed, *actions.impossible)]
    labels += [actions.main.label] if actions.main else []
    assert sorted(labels) == sorted(["Other", *(one.name for one in Operation if one not in shown)])
    assert all(bool(one.url) != bool(one.reason) for one in (*listed, *actions.impossible))
    assert not any(one.url for one in actions.impossible)
    assert not any(one.is_destructive for group in actions.groups[:-1] for one in group)


def test_without_operations_there_are_only_the_others() -> None:
    assert header_actions(None, []).groups == ()


def primaries(browser: Client, environment: Environment, tab: str = "") -> list[str]:
    main = show(browser, environment, tab)
    return [
        one.text
        for one in [*main.all("a"), *main.all("button")]
        if "primary" in one.attributes.get("class", "").split()
    ]


def test_a_healthy_environment_has_one_primary_button_on_every_tab(browser: Client) -> None:
    environment = make_whole()

    for tab in TABS:
        assert primaries(browser, environment, tab) == ["Change…"]
        head = show(browser, environment, tab).one(id="head")
        assert not head.all(id="note")
        assert [one.text for one in head.one(id="actions").all("a")] == ["Lock…", "Delete…"]
        assert not show(browser, environment, tab).all(id="operations")
    form = head.one("form")
    assert form["action"] == url(environment, "environment_site_check")
    assert form.one("button", id="save-time").text == "Run site check"


def test_the_retry_of_a_failed_change_is_the_primary_button_instead(browser: Client) -> None:
    environment = make_whole()
    values: dict[str, Any] = {"kind": "update", "state": "failed", "last_phase": "preflight"}
    make_deployment(environment, **values, error_code="AccessDenied", parameters={"Size": "small"})

    assert primaries(browser, environment) == ["Retry with these values"]
    assert not show(browser, environment).all(id="note")  # the line below the tabs says it


def test_where_only_operations_lead_out_the_overview_lists_them_and_the_menu_the_rest(
    browser: Client,
) -> None:
    environment = make_whole(stack_status="UPDATE_ROLLBACK_FAILED")

    overview = show(browser, environment)
    assert overview.one(id="operations").one("a", id="operation-continue").text == "Continue the rollback…"
    assert len(overview.all("a", id="operation-continue")) == 1
    assert "Continue the rollback first." in overview.one(id="change-why-not").text
    servers = show(browser, environment, "servers")
    assert not servers.all(id="operations")
    assert servers.one(id="actions").one("a", id="operation-continue").text == "Continue the rollback…"


def test_the_reason_of_a_bad_state_leads_from_other_tabs_to_the_overview(browser: Client) -> None:
    sentence = Message(Code.NO_WRITER, {"where": "site-cluster"}).as_json()
    environment = make_whole(health_word="unhealthy", health_sentence=sentence)

    note = show(browser, environment, "history").one("a", id="note-link")

    assert (note.text, note["href"]) == (
        "site-cluster has no writer.",
        f"{environment.get_absolute_url()}#architecture",
    )
    assert not show(browser, environment).all(id="note")


def test_what_no_card_tells_is_the_note_on_every_tab(browser: Client) -> None:
    environment = make_whole(changed_outside_at=timezone.now())
    ConnectionTest.objects.create(account=environment.account, state="finished", result="problem")

    for tab in TABS:
        assert show(browser, environment, tab).one(id="note").text == "Connection test of the account failed"


def test_a_deleted_environment_has_no_actions(browser: Client) -> None:
    environment = make_environment("gone", stack_id="arn:stack", deleted_at=timezone.now())
    make_deployment(environment, kind="delete", state="succeeded")

    head = show(browser, environment).one(id="head")

    assert not head.all(id="actions")
    assert not head.all(id="note")


def test_the_note_takes_one_query(browser: Client) -> None:
    environment = make_whole()
    show(browser, environment)

    with CaptureQueriesContext(connection) as queries:
        show(browser, environment)

    assert sum("deployments_connectiontest" in one["sql"] for one in queries) == 1
    assert len(queries) <= 45
