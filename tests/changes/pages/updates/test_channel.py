"""The channel of an environment: versions that it offers, holds back or no longer has."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from tests.changes.pages.updates.versions import LIST, NEWER, newer, preview, tab
from tests.pages.pages import page
from tests.template_versions import make_pinned, make_version


def test_the_channel_is_set_with_an_audit_record(browser: Client, shop: Environment) -> None:
    address = reverse("environment_channel", args=[shop.pk])

    shown = page(browser.post(address, {"channel": " main   v2.* "}, follow=True))

    assert "The environment follows main v2.*." in shown.text
    assert shown.one(id="channel-pattern")["value"] == "main v2.*"
    record = AuditRecord.objects.get()
    assert (record.action, record.details) == ("set_channel", {"channel": " main   v2.* ", "before": "v1.*"})

    browser.post(address, {"channel": ""})
    assert "follows no channel" in tab(browser, shop).one(id="channel-says").text


@pytest.mark.parametrize("channel", ["x " * 11, "y" * 256, "main\0"])
def test_an_invalid_channel_is_refused(browser: Client, shop: Environment, channel: str) -> None:
    shown = page(
        browser.post(reverse("environment_channel", args=[shop.pk]), {"channel": channel}, follow=True)
    )

    assert "Enter up to 10 branches or tags" in shown.text
    assert Environment.objects.get(pk=shop.pk).channel == "v1.*"


def test_a_version_from_which_somebody_went_back_is_offered_again_after_updates_are_resumed(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    Environment.objects.filter(pk=shop.pk).update(went_back_from=newer(source, tmp_path))

    shown = tab(browser, shop)
    assert "went back from version v1.1" in shown.one(id="channel-says").text
    assert "Update available" not in shown.text
    assert "Update available" not in page(browser.get(LIST)).one("tbody").text

    browser.post(reverse("environment_resume_updates", args=[shop.pk]))
    assert "Update available" in tab(browser, shop).text
    assert AuditRecord.objects.get().action == "resume_updates"


def test_a_version_newer_than_that_is_offered_at_once(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    Environment.objects.filter(pk=shop.pk).update(went_back_from=newer(source, tmp_path))
    make_version(
        source, tmp_path / "shop", "v1.2", files={"root.yaml": NEWER + "  X: {Type: AWS::SNS::Topic}\n"}
    )

    assert "Version v1.2 is available." in tab(browser, shop).text


def test_a_branch_that_was_reset_is_said(
    browser: Client, source: TemplateSource, first: TemplateVersion, tmp_path: Path
) -> None:
    version = newer(source, tmp_path, "main")
    shop = make_pinned("shop", version, channel="main")
    TemplateVersion.objects.filter(pk=first.pk).update(ref_names=["refs/heads/main"])
    TemplateVersion.objects.filter(pk=version.pk).update(ref_names=[])
    TemplateRef.objects.filter(name="refs/heads/main").update(version=first)

    assert "reset to an earlier commit" in tab(browser, shop).one(id="channel-says").text


def test_a_tag_that_moved_is_not_offered_until_it_is_confirmed(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    TemplateRef.objects.filter(name="refs/tags/v1.1").update(moved_at=version.fetched_at)
    assert "Update available" not in tab(browser, shop).text

    TemplateRef.objects.update(confirmed_at=version.fetched_at)
    assert "Update available" in tab(browser, shop).text


def test_the_versions_of_a_removed_set_can_still_be_deployed(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    TemplateSource.objects.update(removed_at=version.fetched_at, live_key=None)

    assert "Update available" not in tab(browser, shop).text
    preview(browser, shop, version)
    assert Deployment.objects.get(kind="update").template_version == version
