"""The texts of events and the headlines of failures exist in every language, for any stored values."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation

from deployments.environments.display import headlines
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event
from tests.services import REPOSITORY

EVENTS: dict[str, dict[str, Any]] = {
    "requested": {"kind": "create", "user": "ana", "reason": ""},
    "phase": {"phase": "stacks"},
    "preflight.identity": {"account_id": "123456789012"},
    "preflight.templates": {"templates": 9, "warnings": 0},
    "preflight.name": {"stack_name": "sanso-staging"},
    "preflight.bucket": {"bucket": "sanso-artifacts", "created": True},
    "artifacts.uploaded": {"objects": 11, "reused": 1},
    "change_set.created": {"resources": 64, "stacks": 9},
    "change_set.root_only": {"reason": "Parameter 'Zone' must match pattern [a-z]+"},
    "stacks.started": {"stack_name": "sanso-staging"},
    "delete.found": {"resources": 64},
    "delete.started": {"stack_name": "sanso-staging"},
    "delete.nothing": {},
    "delete.unprotected": {"resources": 3},
    "attention": {"code": "AccessDenied", "message": "AWS denies it."},
    "attention.over": {},
    "waiting": {"message": "web i-1 is starting.", "more": 0},
    "ended": {"state": "rolled_back", "code": "ResourceFailed", "message": "Aurora/Writer: no."},
}


def text(code: str, values: dict[str, Any]) -> str:
    return event_texts.event(Event(source="portal", code=code, values=values))


def logged_codes() -> set[str]:
    """Return the codes that are written into event logs, where the source names them."""
    calls = [
        node
        for path in (REPOSITORY / "deployments").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "event_log.add"
    ]
    codes = [call.args[1] for call in calls if len(call.args) > 1]
    return {one.value for one in codes if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_event_that_is_logged_has_a_sentence() -> None:
    codes = logged_codes()
    assert {"delete.started", "release.server"} <= codes

    assert codes <= {*event_texts.EVENTS, "attention"}  # its text depends on the error


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
@pytest.mark.parametrize("code", EVENTS)
def test_every_event_has_a_sentence(code: str, language: str) -> None:
    with translation.override(language):
        sentence = text(code, EVENTS[code])
    assert not sentence.startswith(code)
    assert "%" not in sentence
    if language == "ja" and code not in ("attention",):  # its message comes from AWS or the runner
        assert not sentence.isascii()


def test_counts_are_in_words() -> None:
    assert text("change_set.created", {"resources": 1, "stacks": 9}) == (
        "The change set creates 1 resource in 9 stacks."
    )
    assert text("preflight.templates", {"templates": 9, "warnings": 1}) == ("Templates checked: 1 warning.")


def test_an_end_says_why() -> None:
    sentence = text("ended", EVENTS["ended"])
    assert sentence == "Deployment failed; CloudFormation rolled it back. Aurora/Writer: no."


@pytest.mark.parametrize("code", [*EVENTS, "a.newer.code"])
@pytest.mark.parametrize("values", [{}, {"other": 1}, {"resources": "many", "kind": 1, "state": None}])
def test_an_event_with_other_values_is_shown_as_it_is(code: str, values: dict[str, Any]) -> None:
    assert isinstance(text(code, values), str)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Throttling", "Throttled by AWS"),
        ("SlowDown", "Throttled by AWS"),
        ("AccessDenied", "permission"),
        ("ExpiredToken", "permission"),
        ("NoCredentialsError", "permission"),
        ("InternalError", "retrying"),
        ("ConnectTimeoutError", "not responding"),
    ],
)
def test_a_notice_says_what_kind_of_trouble_it_is(code: str, words: str) -> None:
    assert words in headlines.attention(code)


def test_an_error_has_its_own_headline_or_a_general_one() -> None:
    assert headlines.error("StackNameTaken", kind="create") == "Stack name already in use"
    assert headlines.error("SomethingElse", kind="create") == "Creation failed"
    assert headlines.error("SomethingElse", kind="delete") == "Deletion failed"
