"""Secrets are removed from log entries, by key at any depth and within texts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.rules.log_redaction import MARK, redact, redact_text

CANARY = "kanarienvogel-7781"
KEYS = (
    *("password", "db_password", "SECRET_KEY", "AWSSecretAccessKey", "X-Amz-Security-Token", "csrftoken"),
    *("Authorization", "Set-Cookie", "externalId", "external_id", "api-key", "ApiKey", "PrivateKey"),
    *("sessionid", "Parameters", "sealed_credentials", "NoEcho"),
)


@pytest.mark.parametrize("key", KEYS)
def test_the_value_of_a_secret_key_is_removed_at_any_depth(key: str) -> None:
    given: dict[str, Any] = {"a": [{"b": ({key: CANARY}, {key: [CANARY]})}], key: {"x": CANARY}, "ok": "kept"}

    found = redact(given)

    assert CANARY not in str(found)
    assert found["ok"] == "kept"
    assert CANARY in str(given)


@given(st.lists(st.sampled_from(["list", "dict", "tuple"]), max_size=20))
def test_no_nesting_keeps_a_secret(nesting: list[str]) -> None:
    value: Any = {"token": CANARY}
    for kind in nesting:
        value = {"list": [value], "dict": {"x": value}, "tuple": (value,)}[kind]

    assert CANARY not in str(redact(value))


@pytest.mark.parametrize(
    "text",
    [
        f"GET / Authorization: Bearer {CANARY}",
        f"redis://:{CANARY}@127.0.0.1:6379/0 does not respond",
        f"mysql://sanso:{CANARY}@db/sanso",
        f"https://x.example/?X-Amz-Security-Token={CANARY}&b=1",
        f"{{'Password': '{CANARY}', 'b': 1}}",
        f'{{"external_id": "{CANARY}"}}',
        f"password={CANARY}",
        f"cookie='{CANARY} and more'",
    ],
)
def test_credentials_within_texts_are_removed(text: str) -> None:
    assert CANARY not in redact_text(text)
    assert MARK in redact_text(text)


@pytest.mark.parametrize(
    "text",
    ["deployment 7: cloudformation:DescribeStacks Throttling (request 1-2-3)", "see https://example.com/a@b"],
)
def test_other_texts_are_not_changed(text: str) -> None:
    assert redact_text(text) == text


def test_long_texts_take_no_longer_than_their_length() -> None:
    began = time.process_time()
    for part in ("a-", "token", "'", "x=", "://", "Bearer "):
        redact_text(part * 20_000)

    assert time.process_time() - began < 10
