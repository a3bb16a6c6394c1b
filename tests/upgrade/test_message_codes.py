"""Sentences that the release stored before messages had codes are rewritten, wherever they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployments import Deployment
from tests.upgrade import load
from tests.upgrade.dump import Dump


def sentences_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each {"template", "values"} in a value, or in the JSON text that it is."""
    if isinstance(value, str) and '"template"' in value:
        value = json.loads(value)
    if isinstance(value, dict):
        if {"template", "values"} <= value.keys():
            yield value
        for one in value.values():
            yield from sentences_in(one)
    if isinstance(value, list | tuple):
        for one in value:
            yield from sentences_in(one)


def test_no_sentence_is_left(dump: Dump, upgraded: None) -> None:
    before = {name for name, table in dump.tables.items() if list(sentences_in(table.rows))}
    after = {name for name in before if list(sentences_in(load.all_rows(name)))}

    assert before >= {"deployments_deployment", "deployments_event", "deployments_siteprobe"}
    assert after == set()
    connection.check_constraints()


def test_errors_have_their_code_and_values(dump: Dump, upgraded: None) -> None:
    stored = {row["id"]: json.loads(row["error_sentence"]) for row in dump.records("deployments_deployment")}
    failed = Deployment.objects.filter(state__in=["failed", "rolled_back"], pk__in=stored)

    assert failed
    for deployment in failed:
        before, message = stored[deployment.pk], read_message(deployment.error_sentence)
        assert message is not None, before
        if before["template"]:
            assert {*message.params.values()} >= {*map(str, before["values"].values())}
