"""The versions of environments in their list: filters, order and queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deployments.common.pages import lists
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from tests.builders import make_environment
from tests.changes.pages.updates.versions import LIST, NEWER, newer
from tests.pages.pages import page
from tests.template_versions import ROOT, make_pinned, make_source, make_version


def test_the_list_is_filtered_by_set_and_by_available_updates(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    newer(source, tmp_path)
    other = make_version(make_source("other"), tmp_path / "o", "v1.0", files={"root.yaml": NEWER + "\n"})
    make_pinned("latest", other, channel="v*")
    make_pinned("pinned", shop.template_version)  # type: ignore[arg-type]  # it has one

    def names(**query: Any) -> list[str]:
        body = page(browser.get(LIST, query)).one("tbody")
        return sorted(row.one("th").text for row in body.all("tr"))

    assert names(update="1") == ["shop"]
    assert names(set=source.pk) == ["pinned", "shop"]
    assert names() == ["latest", "pinned", "shop"]


def test_the_list_is_ordered_by_set_and_version_over_its_pages(
    browser: Client,
    source: TemplateSource,
    first: TemplateVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    version = newer(source, tmp_path)
    other = make_version(make_source("another-set"), tmp_path / "o", "v1.0")
    for name, own in (("old", first), ("new", version), ("older", first), ("other", other)):
        make_pinned(name, own)
    make_environment("unknown")

    names, address = [], f"{LIST}?sort=version"
    while address:
        shown = page(browser.get(address))
        names += [row.one("th").text for row in shown.one("tbody").all("tr")]
        links = [link["href"] for link in shown.all("a") if link.text == "Next page"]
        address = f"{LIST}{links[0]}" if links else ""
    assert names == ["unknown", "other", "new", "older", "old"]


def test_the_list_takes_the_same_number_of_queries_for_many_sets_and_environments(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    newer(source, tmp_path)
    browser.get(LIST)
    counts = []
    for query in ({}, {"update": "1"}):
        with CaptureQueriesContext(connection) as few:
            browser.get(LIST, query)
        counts.append(len(few))
    for number in range(5):
        own = make_source(f"set{number}")
        pinned = make_version(own, tmp_path / str(number), "v1.0", files={"root.yaml": f"{ROOT}# {number}\n"})
        make_version(own, tmp_path / str(number), "v1.1", files={"root.yaml": f"{NEWER}# {number}\n"})
        make_pinned(f"env{number}", pinned, channel="v1.*")
    for query, before in zip(({}, {"update": "1"}), counts, strict=True):
        with CaptureQueriesContext(connection) as many:
            answer = browser.get(LIST, query)
        assert answer.content.count(b"Update available") > 5
        assert len(many) == before
