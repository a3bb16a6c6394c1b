"""The event stream of the API: replay, new events, and its end when the token ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from deployments.administration.commands.tokens import revoke_token
from deployments.environments.models.deployments import Deployment
from deployments.live import streams
from deployments.stacks.shared import event_log
from tests.api.clients import ROOT, Program
from tests.builders import make_deployment, make_environment, make_event, make_operator
from tests.services import LIMIT

pytestmark = pytest.mark.django_db(transaction=True)


def set_up() -> tuple[Program, Deployment]:
    owner = make_operator("ana")
    deployment = make_deployment(make_environment("shop", owner=owner), state="stacks")
    for number in (1, 2, 3):
        make_event(deployment, number)
    return Program(owner), deployment


async def opened(program: Program, deployment: Deployment, **headers: str) -> Any:
    given = {"Authorization": f"Bearer {program.value}"} | headers
    return await AsyncClient().get(f"{ROOT}/deployments/{deployment.pk}/stream", headers=given)


async def messages(response: Any) -> AsyncIterator[tuple[str, Any]]:
    """Yield (event, data) of each message."""
    text = ""
    async for part in response.streaming_content:
        text += part.decode()
        while "\n\n" in text:
            one, text = text.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in one.splitlines() if not line.startswith(":"))
            if "event" in fields:
                yield fields["event"], json.loads(fields["data"])


async def test_a_stream_replays_missed_events_and_continues() -> None:
    program, deployment = await asyncio.to_thread(set_up)
    response = await opened(program, deployment, **{"Last-Event-ID": "1"})
    assert response["Content-Type"] == "text/event-stream"

    seen = []
    async with asyncio.timeout(LIMIT):
        async for event, data in messages(response):
            if event == "event":
                seen.append(data["seq"])
            if event == "state" and seen == [2, 3]:
                await asyncio.to_thread(event_log.add, deployment, "phase", key="new", phase="stacks")
            if seen == [2, 3, 4]:
                break
    await response.streaming_content.aclose()


async def test_a_stream_ends_with_its_deployment() -> None:
    program, deployment = await asyncio.to_thread(set_up)
    long_ago = timezone.now() - timedelta(hours=1)
    row = Deployment.objects.filter(pk=deployment.pk)
    await row.aupdate(state="succeeded", ended_at=long_ago, active_key=None)

    async with asyncio.timeout(LIMIT):
        found = [event async for event, _data in messages(await opened(program, deployment))]

    assert found == ["event", "event", "event", "state", "end"]


async def test_a_stream_ends_within_a_heartbeat_after_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.1)
    program, deployment = await asyncio.to_thread(set_up)
    response = await opened(program, deployment)
    last: tuple[str, Any] = ("", None)

    async with asyncio.timeout(LIMIT):
        async for event, data in messages(response):
            if event == "state":
                await asyncio.to_thread(revoke_token, user=program.token.owner, token=program.token)
            last = event, data
    assert last == ("access", {"code": "logged_out"})


async def test_a_stream_needs_a_token_and_a_deployment_that_its_owner_may_view() -> None:
    program, deployment = await asyncio.to_thread(set_up)

    assert (await AsyncClient().get(f"{ROOT}/deployments/{deployment.pk}/stream")).status_code == 401
    deployment.pk += 1
    missing = await opened(program, deployment)
    assert (missing.status_code, missing["Content-Type"]) == (404, "application/problem+json")
