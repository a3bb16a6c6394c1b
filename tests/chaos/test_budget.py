"""Deployments that share the API quota of an account, which is far below their needs."""

from __future__ import annotations

import time

import pytest

from deployments.aws import quota
from deployments.environments.rules.phases import State
from tests.message_texts import attention, reason
from tests.running import Portal, new_account
from tests.services import LIMIT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
RATE = 6.0


@pytest.fixture(autouse=True)
def _few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSO_SANDBOX_READS_PER_SECOND", str(RATE))


def test_three_deployments_share_one_quota_and_none_fails_or_needs_attention(portal: Portal) -> None:
    account = new_account()
    started = time.monotonic()

    deployments = [portal.deploy(name, account) for name in ("one", "two", "three")]
    ended = portal.wait_for_end(*deployments, seconds=3 * LIMIT)

    seconds = time.monotonic() - started
    assert {(d.state, reason(d), attention(d), d.failures) for d in ended} == {(State.SUCCEEDED, "", "", 0)}
    used = quota.usage(account.ref())
    assert used.known
    for service in used.services:
        assert service.reads <= RATE * seconds + RATE, service
    cloudformation = next(service for service in used.services if service.service == "cloudformation")
    assert cloudformation.reads > 20
    assert cloudformation.writes >= 6  # for each deployment, a change set and its execution
