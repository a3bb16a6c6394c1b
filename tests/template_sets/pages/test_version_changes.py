"""What a version of a template set changes: message, author, date, parameters and lines of files."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.stored_sets import DeployedSet
from deployments.template_sets.models.versions import TemplateVersion
from tests.pages.pages import Element, page
from tests.template_versions import ROOT, make_pinned, make_source, make_version

pytestmark = pytest.mark.django_db

SMALLER = ROOT.replace("Default: 2", "Default: 1")
WITHOUT_TOPIC = SMALLER.replace("Topic: {Type: AWS::SNS::Topic}", "Queue: {Type: AWS::SQS::Queue}")


@pytest.fixture
def three(tmp_path: Path) -> list[TemplateVersion]:
    """Three versions of a Git repository: another default, then another resource."""
    source, folder = make_source("shop"), tmp_path / "shop"
    return [
        make_version(source, folder, "v1.0", files={"root.yaml": ROOT}),
        make_version(
            source,
            folder,
            "v1.1",
            files={"root.yaml": SMALLER},
            message="Save a server\n\nOne is enough at night.",
            authored_at=datetime.datetime(2026, 3, 4, 5, 6, tzinfo=datetime.UTC),
        ),
        make_version(source, folder, "v1.2", files={"root.yaml": WITHOUT_TOPIC}),
    ]


def shown(browser: Client, version: TemplateVersion, **query: int) -> Element:
    return page(browser.get(version.get_absolute_url(), query)).one("main")


def test_a_version_shows_its_message_author_date_and_what_it_changes(
    viewer: Client, three: list[TemplateVersion]
) -> None:
    found = shown(viewer, three[1])

    assert "One is enough at night." in found.one(id="message").text
    assert found.one(id="author").text == "Ana Lyst"
    assert "2026-03-04" in found.one(id="authored").one("time")["datetime"]
    assert found.one(id="changes-title").text == "Changes since version v1.0"
    assert "Files that differ: 1. Parameters that differ: 1." in found.one(id="changes-summary").text
    assert "Count" in found.one(id="parameters").text
    assert "Default: 1}" in found.one(id="files").text


def test_a_version_is_compared_with_any_other_of_its_set(
    browser: Client, three: list[TemplateVersion], tmp_path: Path
) -> None:
    found = shown(browser, three[2], against=three[0].pk)
    assert found.one(id="changes-title").text == "Changes since version v1.0"
    assert "Count" in found.one(id="parameters").text
    assert "AWS::SQS::Queue" in found.one(id="files").text

    other = make_version(make_source("other"), tmp_path / "other", "v9")
    found = shown(browser, three[2], against=other.pk)
    assert found.one(id="changes-title").text == "Changes since version v1.1"


def test_the_first_version_has_nothing_to_be_compared_with(
    browser: Client, three: list[TemplateVersion]
) -> None:
    listed = page(browser.get(three[0].source.get_absolute_url())).one("main")

    assert not shown(browser, three[0]).all(id="changes")
    assert not listed.all(id=f"version-{three[0].pk}-changes")
    assert listed.one(id=f"version-{three[1].pk}-changes")["href"].endswith("#changes")


def test_a_version_whose_files_are_not_stored_says_so(browser: Client, three: list[TemplateVersion]) -> None:
    DeployedSet.objects.filter(digest=three[0].digest).delete()

    assert "not stored" in shown(browser, three[1]).one(id="changes").text


def test_what_a_version_without_a_commit_does_not_have_is_left_out(browser: Client, tmp_path: Path) -> None:
    source = make_source("files", kind="folder", url="/srv/files")
    make_version(source, tmp_path / "files", author="", message="")
    version = make_version(source, tmp_path / "files", author="", message="", files={"root.yaml": SMALLER})

    found = shown(browser, version)
    assert found.one(id="changes-title").text == "Changes since version 1"
    assert not found.all(id="message")
    assert not found.all(id="author")
    row = page(browser.get(source.get_absolute_url())).one(id=f"version-{version.pk}")
    assert "fetched" in row.text


def test_environments_of_the_bundled_set_from_before_follow_every_new_version(
    browser: Client, tmp_path: Path
) -> None:
    bundled = make_version(
        make_source("bundled", kind="folder", is_bundled=True, live_key=TemplateSource.BUNDLED_KEY),
        tmp_path / "a",
    )
    git = make_version(make_source("git"), tmp_path / "b", files={"root.yaml": SMALLER})
    shop, decided, _other = (
        make_pinned(name, version) for name, version in (("shop", bundled), ("docs", bundled), ("api", git))
    )
    browser.post(reverse("environment_channel", args=[decided.pk]), {"channel": ""})
    assert AuditRecord.objects.get().action == "set_channel"

    importlib.import_module("deployments.migrations.0063_bundled_channel").fill(apps, None)

    channels = {one.name: one.channel for one in Environment.objects.all()}
    assert channels == {"shop": "*", "docs": "", "api": ""}
    configured = page(browser.get(reverse("environment_configuration", args=[shop.pk]))).one(id="channel")
    assert "(default)" in configured.text
