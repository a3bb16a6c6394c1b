"""Parsing of labels as users type them."""

from __future__ import annotations

import pytest

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.rules.labels import MAX_LABELS, labels_text, parse_labels


def test_lines_become_labels_and_labels_lines() -> None:
    labels = parse_labels("team = payments \n\nenv=prod=eu\n")

    assert labels == {"team": "payments", "env": "prod=eu"}
    assert labels_text(labels) == "env=prod=eu\nteam=payments"
    assert parse_labels(labels_text(labels)) == labels


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("payments", Code.LABEL_INVALID),
        ("Team=payments", Code.LABEL_KEY_INVALID),
        ("=payments", Code.LABEL_KEY_INVALID),
        ("k" * 41 + "=x", Code.LABEL_KEY_INVALID),
        ("team=", Code.LABEL_VALUE_INVALID),
        ("team=" + "x" * 61, Code.LABEL_VALUE_INVALID),
        ("team=a\u202eb", Code.LABEL_VALUE_INVALID),
        ("team=a\nteam=b", Code.LABEL_TWICE),
        ("\n".join(f"k{n}=v" for n in range(MAX_LABELS + 1)), Code.LABELS_TOO_MANY),
    ],
)
def test_an_invalid_label_is_refused(text: str, code: Code) -> None:
    with pytest.raises(UserFixable) as refused:
        parse_labels(text)

    assert (refused.value.message.code, refused.value.field) == (code, "labels")
