"""The Events tab: pages in both directions, filters in the address, repeated events in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deployments.deployment_pages.pages import log
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.live import scenes
from tests.live.stream_reader import SEQ
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def tab(browser: Client, deployment: Deployment, query: str = "?tab=events") -> Element:
    return page(browser.get(f"/deployments/{deployment.pk}/{query}")).one(id="events-tab")


def answer(browser: Client, deployment: Deployment, query: str = "") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(browser.get(f"/deployments/{deployment.pk}/events?{query}").content)
    return body


def numbers(body: dict[str, Any]) -> list[int]:
    """Return the numbers of the lines of a response, without those of repeated events."""
    return [int(SEQ.findall(line)[0]) for line in body["lines"]]


def every(body: dict[str, Any]) -> list[int]:
    return sorted(int(seq) for line in body["lines"] for seq in SEQ.findall(line))


def subjects(deployment: Deployment, body: dict[str, Any]) -> set[str]:
    """Return the subjects of the lines of a response: a path of logical ids, or the portal's own text."""
    events = {event.seq: event for event in Event.objects.of(deployment)}
    return {events[n].code or events[n].subject for n in numbers(body)}


def links(shown: Element) -> dict[str, str]:
    return {link.text: link["href"] for link in shown.all("a")}


def test_a_long_log_can_be_read_page_by_page_without_javascript(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 10)
    deployment = scenes.running()
    shown = tab(browser, deployment, "?tab=events&apart=1")
    pages = [[int(line["data-seq"]) for line in shown.one(id="events").all("tr")]]
    while "Earlier events" in links(shown):
        shown = tab(browser, deployment, links(shown)["Earlier events"].partition("#")[0])
        pages.insert(0, [int(line["data-seq"]) for line in shown.one(id="events").all("tr")])
    assert sorted(n for numbers in pages for n in numbers) == scenes.event_numbers(deployment)

    shown = tab(browser, deployment, links(shown)["Later events"].partition("#")[0])
    later = [number for numbers in pages[1:] for number in numbers]
    assert [int(line["data-seq"]) for line in shown.one(id="events").all("tr")] == later[:10]


def test_pages_have_no_gap_in_either_direction(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 7)
    deployment = scenes.rolling_back()

    up = [answer(browser, deployment)]
    while up[0]["earlier"]:
        up.insert(0, answer(browser, deployment, f"before={up[0]['earlier']}"))
    assert sorted(n for body in up for n in every(body)) == scenes.event_numbers(deployment)

    first = numbers(up[0])[0]
    down = [answer(browser, deployment, f"event={first}")]
    while down[-1]["later"]:
        down.append(answer(browser, deployment, f"after={down[-1]['later']}"))
    assert numbers(down[0])[0] == first
    assert sorted({n for body in down for n in every(body)}) == scenes.event_numbers(deployment)


def test_a_permalink_displays_an_event_among_its_neighbors(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 6)
    deployment = scenes.running()

    around = answer(browser, deployment, "event=12&apart=1")

    in_time = list(Event.objects.of(deployment).in_time().values_list("seq", flat=True))
    at = in_time.index(12)
    assert numbers(around) == in_time[at - 2 : at + 4]
    assert (around["earlier"], around["later"]) == (in_time[at - 2], in_time[at + 3])


def test_repetitions_are_in_the_line_of_the_first_event(browser: Client) -> None:
    deployment = scenes.make_deployment()
    network = scenes.add_stacks(deployment, {"Network": 1})["Network"]
    first = deployment.last_seq + 1
    scenes.add_events(
        deployment,
        scenes.event(network, "Network1", "CREATE_IN_PROGRESS"),
        scenes.event(network, "Network1", "CREATE_IN_PROGRESS", reason="Resource creation Initiated"),
        scenes.event(network, "Network1", "CREATE_COMPLETE"),
    )

    line = next(tr for tr in tab(browser, deployment).one(id="events").all("tr") if tr["id"] == f"e-{first}")
    assert "×2" in line.text
    assert "Resource creation Initiated" in line.text
    assert numbers(answer(browser, deployment))[-2:] == [first, first + 2]
    assert numbers(answer(browser, deployment, "apart=1"))[-3:] == [first, first + 1, first + 2]
    assert numbers(answer(browser, deployment, f"event={first + 1}"))[-2] == first
    # A search returns the repeated event itself.
    assert numbers(answer(browser, deployment, "q=creation+initiated")) == [first + 1]


NETWORK = {"Network", "Network/Network1", "Network/Network2", "Network/Network3"}
INNER = {"Aurora/Inner", "Aurora/Inner/Inner1", "Aurora/Inner/Inner2"}
FILTERS = {
    "stack=Network": NETWORK,
    "stack=Aurora/Inner": INNER,
    "stack=Nowhere": set[str](),
    "type=AWS::EC2::Subnet&stack=Aurora/Inner": INNER - {"Aurora/Inner"},
    "status=failed": {"Aurora", "Aurora/Aurora3"},
    "status=cancelled": {"Aurora/Aurora4"},
    "status=rolling-back": {"Aurora", ""},
    "status=nonsense": set(),
    "problems=1": {"Aurora", "Aurora/Aurora3"},
    "source=portal&problems=1": set(),
    "q=ENGINE+version": {"Aurora/Aurora3"},
    "q=aurora+▸+inner": INNER,
    "q=requested+the+creation": {"requested"},
}


@pytest.mark.parametrize("query", FILTERS)
def test_filters_select_events(browser: Client, query: str) -> None:
    deployment = scenes.rolling_back()
    assert subjects(deployment, answer(browser, deployment, query)) == FILTERS[query]


def test_filters_in_the_address_are_displayed_and_can_be_removed(browser: Client) -> None:
    deployment = scenes.rolling_back()

    shown = tab(browser, deployment, "?tab=events&stack=Aurora&problems=1&q=engine")

    rows = shown.one(id="events").all("tr")
    assert len(rows) == 1
    assert "Aurora3" in rows[0].text
    out = links(shown.one(id="filters-set"))
    assert out["Show all events"] == "?tab=events"
    assert out["Remove filter Stack: Aurora ✕"] == "?tab=events&problems=1&q=engine"
    assert out["Remove filter “engine” ✕"] == "?tab=events&stack=Aurora&problems=1"
    assert links(shown)["CSV"].endswith("stack=Aurora&problems=1&q=engine")


def test_an_empty_result_is_explained(browser: Client) -> None:
    shown = tab(browser, scenes.running(), "?tab=events&status=failed")
    assert "No matching events." in shown.text
    assert "hidden" not in shown.one(id="no-match").attributes


def test_the_first_failure_is_linked(browser: Client) -> None:
    deployment = scenes.rolling_back()
    failed = Event.objects.of(deployment).get(logical_id="Aurora3", status="CREATE_FAILED")
    lead = links(tab(browser, deployment))["First failure"]

    there = browser.get(lead)

    assert there["Location"].endswith(f"?tab=events&event={failed.seq}#e-{failed.seq}")
    fine = scenes.running("fine")
    assert browser.get(f"/deployments/{fine.pk}/events/first-failure")["Location"].endswith("?tab=events")


@pytest.mark.parametrize("query", ["before=x", "after=-1", "event=99999999999999999999", "before="])
def test_an_invalid_position_is_the_newest_event(browser: Client, query: str) -> None:
    deployment = scenes.running()
    assert every(answer(browser, deployment, query))[-1] == deployment.last_seq


def test_a_page_costs_the_same_for_any_number_of_events(browser: Client) -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment)
    scenes.complete_everything(deployment, stacks)
    counts = []
    for query in ("", "before=40", "after=40", "stack=Network&problems=1", "q=network"):
        with CaptureQueriesContext(connection) as queries:
            answer(browser, deployment, query)
        counts.append(len(queries))
        counted = [q for q in queries.captured_queries if "COUNT(" in q["sql"].upper()]
        assert len(counted) <= bool(query and "=40" not in query)  # matching events are counted
    assert max(counts) <= 13
