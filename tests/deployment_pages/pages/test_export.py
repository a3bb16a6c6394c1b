"""Exported events: all that match the filters, in order, safe to open in a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from deployments.deployment_pages.pages import event_export
from deployments.environments.models.deployments import Deployment
from tests.live import scenes
from tests.live.many_events import many_events

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def browser(operator: User, async_client: AsyncClient) -> AsyncClient:
    await async_client.aforce_login(operator)
    return async_client


@pytest.fixture
def operator(transactional_db: None) -> User:
    return scenes.make_user()


async def file(browser: AsyncClient, deployment: Deployment, name: str) -> tuple[Any, str]:
    answer: Any = await browser.get(f"/deployments/{deployment.pk}/{name}")
    return answer, b"".join([part async for part in answer.streaming_content]).decode()


async def rows(browser: AsyncClient, deployment: Deployment, query: str = "") -> list[dict[str, Any]]:
    _, text = await file(browser, deployment, f"events.json{query}")
    found: list[dict[str, Any]] = json.loads(text)
    return found


async def test_both_files_have_every_event_in_its_order(
    browser: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_export, "BATCH", 50)
    deployment = await asyncio.to_thread(scenes.rolled_back)
    await asyncio.to_thread(many_events, deployment, 150)
    numbers = await asyncio.to_thread(scenes.event_numbers, deployment)

    answer, text = await file(browser, deployment, "events.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f"rolled-back-deployment-{deployment.pk}-events.csv" in answer["Content-Disposition"]
    assert text.startswith("\ufeff")
    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [int(row["number"]) for row in read] == numbers

    as_json = await rows(browser, deployment)
    assert [row["number"] for row in as_json] == numbers
    assert [row["reason"] for row in as_json] == [row["reason"] for row in read]
    failed = next(row for row in as_json if row["logical_id"] == "Aurora3" and "FAILED" in row["status"])
    assert failed["stack"] == "Aurora"
    assert failed["time"].endswith("Z")
    assert "engine version" in failed["reason"]
    assert as_json[0]["message"].endswith("requested the creation.")


async def test_the_filters_of_the_tab_apply_to_the_file(browser: AsyncClient) -> None:
    deployment = await asyncio.to_thread(scenes.rolled_back)
    found = await rows(browser, deployment, "?stack=Aurora&problems=1&tab=events&event=3")
    assert {row["logical_id"] for row in found} == {"Aurora", "Aurora3"}
    assert await rows(browser, deployment, "?stack=Nowhere") == []


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"], ids=repr)
async def test_no_cell_is_a_formula(browser: AsyncClient, begin: str) -> None:
    deployment = await asyncio.to_thread(scenes.make_deployment)

    def fail() -> None:
        network = scenes.add_stacks(deployment, {"Network": 1})["Network"]
        reason = f'{begin}HYPERLINK("http://example.com","quota")'
        scenes.add_events(deployment, scenes.event(network, "Network1", "CREATE_FAILED", reason=reason))

    await asyncio.to_thread(fail)
    _, text = await file(browser, deployment, "events.csv?status=failed")
    (cell,) = (row["reason"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert cell.startswith(f"'{begin}HYPERLINK")
    (row,) = await rows(browser, deployment, "?status=failed")
    assert row["reason"].startswith(f"{begin}HYPERLINK")  # JSON has the original text


async def test_other_formats_do_not_exist_and_files_need_a_login(
    browser: AsyncClient, async_client: AsyncClient
) -> None:
    deployment = await asyncio.to_thread(scenes.make_deployment)
    assert (await browser.get(f"/deployments/{deployment.pk}/events.xml")).status_code == 404
    assert (await browser.get(f"/deployments/{deployment.pk + 1}/events.csv")).status_code == 404
    await browser.alogout()
    answer = await async_client.get(f"/deployments/{deployment.pk}/events.csv")
    assert answer.status_code == 302
    assert "login" in answer["Location"]


async def test_concurrent_exports_of_a_session_are_limited(
    browser: AsyncClient,
) -> None:
    deployment = await asyncio.to_thread(scenes.make_deployment)
    url = f"/deployments/{deployment.pk}/events.csv"
    unread: list[Any] = [await browser.get(url) for _ in range(3)]
    refused = await browser.get(url)
    assert {answer.status_code for answer in unread} == {200}
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "Too many exports are running (limit: 3)." in refused.content.decode()

    assert b"".join([part async for part in unread[0].streaming_content])

    assert (await browser.get(url)).status_code == 200
