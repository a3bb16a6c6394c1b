"""`sanso follow` in a terminal: its live tree, from a web process that is killed meanwhile, at any size."""

from __future__ import annotations

import sys

import pytest
from django.contrib.auth.models import User

from deployments.access.rules.token_scopes import SCOPES
from deployments.administration.commands.tokens import create_token
from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from tests.flows.terminal import Terminal
from tests.flows.web import Web
from tests.live import scenes
from tests.services import wait_until

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
NOT_A_TREE = {"Traceback", "\x1b"}


def follow(web: Web, operator: User, deployment: Deployment, size: tuple[int, int], **more: str) -> Terminal:
    _token, value = create_token(user=operator, name="terminal", scopes=SCOPES, lifetime_days=30)
    own = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    own |= {"SANSO_URL": web.url, "SANSO_TOKEN": value} | more
    command = [sys.executable, "-m", "sanso_cli", "follow", str(deployment.pk)]
    return Terminal(command, own, *size)


def is_clean(terminal: Terminal) -> None:
    """Assert that nothing else is on the screen: the environment and each stack have one line."""
    rows = terminal.screen.rows
    assert not terminal.screen.unknown
    for name in (" shop ", "Network ", "Aurora "):
        assert len([row for row in rows if name in f"{row} "]) <= 1, terminal.screen.text
    assert not any(part in terminal.screen.text for part in NOT_A_TREE)


def test_a_tree_follows_a_deployment_to_its_end(web: Web, operator: User) -> None:
    deployment = scenes.make_deployment(name="shop", user=operator)
    stacks = scenes.add_stacks(deployment)
    scenes.add_events(
        deployment,
        scenes.event(stacks[""], "", "CREATE_IN_PROGRESS"),
        scenes.event(stacks["Network"], "", "CREATE_IN_PROGRESS"),
        scenes.event(stacks["Network"], "Network1", "CREATE_IN_PROGRESS"),
    )
    terminal = follow(web, operator, deployment, (100, 24))

    terminal.shows("▶ shop", "▶ Network1", "CREATE_IN_PROGRESS", " %", "━━", "more")
    assert "left" in terminal.screen.rows[0]  # the expected end, beside the bar
    assert terminal.screen.modes == (True, False)
    is_clean(terminal)

    terminal.resize(40, 12)
    wait_until(lambda: terminal.screen.rows[11].endswith("more"), what="the tree in 12 lines")
    terminal.shows("▶ Network1", " %")
    is_clean(terminal)

    web.kill()
    scenes.add_events(
        deployment, scenes.event(stacks["Network"], "Network1", "CREATE_FAILED", reason="Full.")
    )
    terminal.shows("onnection to")  # it was lost, or there is none
    web.start()
    terminal.shows("✕ Network1")
    terminal.resize(120, 40)
    wait_until(lambda: "Aurora9" in terminal.screen.text, what="the tree in 40 lines")
    is_clean(terminal)

    scenes.finish(deployment, State.ROLLED_BACK, code="StackFailed", message="Network1: Full.")
    assert terminal.ended() == 1
    assert terminal.screen.modes == (False, True)
    terminal.shows("▶ shop", "✕ Network1", f"✕ Deployment {deployment.pk} of shop: rolled back")
    assert "Aurora9" not in terminal.screen.text  # it has never begun


def test_a_narrow_terminal_shows_the_result_in_japanese(web: Web, operator: User) -> None:
    deployment = recordings.open_included("success", operator)
    terminal = follow(web, operator, deployment, (32, 30), LANG="ja_JP.UTF-8")

    assert terminal.ended() == 0
    terminal.shows("100 %", "成功")
    assert not terminal.screen.unknown


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(web: Web, operator: User) -> None:
    deployment = recordings.open_included("failure", operator)
    terminal = follow(web, operator, deployment, (100, 30), TERM="dumb")

    assert terminal.ended() == 1
    assert not terminal.screen.unknown
    assert "━" not in terminal.screen.text
    assert f"{deployment.last_seq} " in terminal.screen.text
