"""The page of a deployment whose protection failed: it succeeded, with one failed phase."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import past_state
from deployments.stacks.models.events import Event
from tests.fakes import FakeAws
from tests.pages.pages import page
from tests.stepping import run
from tests.steps.test_protect import (
    FAILING,  # fixtures
    aws,  # noqa: F401  # fixtures
    deployment,  # noqa: F401  # fixtures
    template_set,  # noqa: F401  # fixtures
)


@pytest.mark.django_db
def test_only_the_phase_of_protection_failed(
    browser: Client,
    deployment: Deployment,  # noqa: F811
    aws: FakeAws,  # noqa: F811
) -> None:
    aws.update_acts = FAILING

    ended = run(deployment, aws)

    shown = page(browser.get(ended.get_absolute_url()))
    phases = [one.text.split()[1:] for one in shown.one(id="phases").all("li")]
    assert phases[-1][:2] == ["Protect", "Failed"]
    assert {"Failed", "Not"} & {status for one in phases[:-1] for status in one} == set()
    assert "Succeeded" in shown.one(id="header").text
    banner = shown.one(id="banner").text
    assert "staging created" in banner
    assert "Not protected · Network/Vpc: you shall not" in banner
    assert "rolled back" not in banner


@pytest.mark.django_db
def test_a_replay_shows_the_failure_when_it_happens_and_not_before(
    deployment: Deployment,  # noqa: F811
    aws: FakeAws,  # noqa: F811
) -> None:
    aws.update_acts = FAILING
    ended = run(deployment, aws)
    started = Event.objects.of(ended).get(code="protect.started").seq

    before, after = (past_state.as_of(ended, seq).deployment for seq in (started, ended.last_seq))

    assert (before.state, before.protection) == ("protect", "wanted")
    assert (after.state, after.protection) == ("succeeded", "failed")


@pytest.mark.django_db
def test_protection_that_came_on_is_a_phase_like_the_others(
    browser: Client,
    deployment: Deployment,  # noqa: F811
    aws: FakeAws,  # noqa: F811
) -> None:
    ended = run(deployment, aws)

    shown = page(browser.get(ended.get_absolute_url()))
    assert [one.text.split()[1] for one in shown.one(id="phases").all("li")][-1] == "Protect"
    assert "Not protected" not in shown.text
    rows = {row.attributes.get("id", ""): row.text for row in shown.all("tr") + shown.all("li")}
    assert any("Protect" in text and "Succeeded" in text for text in rows.values())
