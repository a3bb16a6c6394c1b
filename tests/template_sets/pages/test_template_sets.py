"""The pages of template sets: versions, the environments that run them, and the deployable ones."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.create import request_deployment
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.shared import versions
from tests.builders import make_account, make_environment
from tests.pages.pages import page, rows
from tests.template_versions import make_pinned, make_source, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(tmp_path: Path) -> TemplateSource:
    """A Git repository with a tag and a newer commit; two environments run the tag."""
    source = make_source("shop")
    tagged = make_version(source, tmp_path / "shop", "v1", author="Ana Lyst", message="Add a bucket\n\nMore.")
    make_version(
        source, tmp_path / "shop", "main", files={"root.yaml": "Resources: {B: {Type: AWS::S3::Bucket}}"}
    )
    for name in ("staging", "production"):
        make_pinned(name, tagged)
    return source


def moved(source: TemplateSource) -> TemplateRef:
    """Let the tag point at the newer commit."""
    first, second = source.versions.order_by("number")
    ref = TemplateRef.objects.get(source=source, name="refs/tags/v1")
    ref.version, ref.moved_from, ref.moved_at = second, first, timezone.now()
    ref.save()
    return ref


def test_the_list_says_what_there_is_and_who_runs_what(browser: Client, shop: TemplateSource) -> None:
    TemplateSource.objects.filter(pk=shop.pk).update(
        fetched_at=timezone.now(),
        error_sentence=Message(Code.FILE_UNREADABLE, {"file": "x", "why": "y"}).as_json(),
    )

    (row,) = rows(browser.get(reverse("template_sets")))

    assert "shop" in row
    assert "https://git.example.com/shop.git" in row
    assert "v1: 2 environments" in row
    assert "x cannot be read" in row


def test_without_a_set_the_list_says_when_there_will_be_one(browser: Client) -> None:
    assert "when its dispatcher starts" in page(browser.get(reverse("template_sets"))).text


def test_more_sets_and_versions_cost_no_more_queries(
    browser: Client, shop: TemplateSource, tmp_path: Path
) -> None:
    def cost(name: str, *args: int) -> int:
        browser.get(reverse(name, args=args))
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(reverse(name, args=args)).status_code == 200
        return len(queries)

    before = cost("template_sets"), cost("template_set", shop.pk)
    for number in range(3):
        source = make_source(f"more-{number}")
        for which in (source, shop):
            text = f"Description: '{number} {which.name}'\nResources: {{B: {{Type: AWS::S3::Bucket}}}}"
            version = make_version(which, tmp_path / which.name, files={"root.yaml": text})
            make_pinned(f"env-{version.pk}", version)
            TemplateFetch.objects.create(source=which, trigger="button", state="succeeded")

    assert (cost("template_sets"), cost("template_set", shop.pk)) == before


def test_a_set_shows_its_versions_newest_first(browser: Client, shop: TemplateSource) -> None:
    first = shop.versions.get(number=1)
    TemplateCheck.objects.create(
        digest=first.digest,
        findings=[{"level": "Error", "rule": "E3002", "file": "root.yaml", "line": "3", "message": "No."}],
    )

    newest, tagged = rows(browser.get(shop.get_absolute_url()))

    assert "main" in newest
    assert "Not checked" in newest
    assert "v1" in tagged
    assert "Add a bucket" in tagged
    assert "More." not in tagged
    assert "Ana Lyst" in tagged
    assert "1 error" in tagged
    assert "staging" in tagged
    assert "production" in tagged


def test_a_version_shows_what_was_found_in_it(browser: Client, shop: TemplateSource) -> None:
    first = shop.versions.get(number=1)
    TemplateCheck.objects.create(
        digest=first.digest,
        findings=[
            {"level": "Warning", "rule": "W2001", "file": "root.yaml", "line": "3", "message": "Unused."}
        ],
    )

    shown = page(browser.get(first.get_absolute_url())).text

    assert "More." in shown
    assert "W2001" in shown
    assert "1 warning" in shown
    assert first.commit in shown


def test_a_tag_that_moved_is_a_warning_until_it_is_confirmed(browser: Client, shop: TemplateSource) -> None:
    ref = moved(shop)
    assert "1 tag has moved" in page(browser.get(reverse("template_sets"))).text
    assert "Tag v1 has moved" in page(browser.get(shop.get_absolute_url())).text

    response = browser.post(reverse("template_ref_confirm", args=[ref.pk]), follow=True)

    assert "v1 is confirmed." in page(response).text
    assert "Tag v1 has moved" not in page(response).text
    again = browser.post(reverse("template_ref_confirm", args=[ref.pk]), follow=True)
    assert "does not wait for a confirmation" in page(again).text


def test_a_version_is_withdrawn_with_a_reason(browser: Client, shop: TemplateSource) -> None:
    version = shop.versions.get(number=1)
    url = version.get_absolute_url()

    without = browser.post(url, {"status": "withdrawn"})
    assert without.status_code == 422
    assert "Enter a reason." in page(without).text

    done = browser.post(url, {"status": "withdrawn", "reason": "It loses data."}, follow=True)
    assert "no new deployments of this version" in page(done).text
    assert "It loses data." in page(browser.get(shop.get_absolute_url())).text
    assert AuditRecord.objects.get(outcome="requested").action == "withdraw_version"

    browser.post(url, {"status": "active"})
    version.refresh_from_db()
    assert (version.status, version.status_reason) == ("active", "")


def test_who_may_not_manage_sets_can_only_read(viewer: Client, shop: TemplateSource) -> None:
    version, ref = shop.versions.get(number=1), moved(shop)

    assert not page(viewer.get(version.get_absolute_url())).all("form", class_="form")
    assert "Tag v1 has moved" in page(viewer.get(shop.get_absolute_url())).text
    assert viewer.post(version.get_absolute_url(), {"status": "active"}).status_code == 403
    assert viewer.post(reverse("template_ref_confirm", args=[ref.pk])).status_code == 403
    assert {record.outcome for record in AuditRecord.objects.all()} == {"refused"}
    assert not AuditRecord.objects.exclude(environment=None)
    ref.refresh_from_db()
    assert ref.confirmed_at is None


@pytest.mark.parametrize("status", ["deprecated", "withdrawn"])
def test_no_environment_is_created_from_a_version_that_is_not_active(
    operator: User, template_set: Path, status: str
) -> None:
    versions.record_current()
    TemplateVersion.objects.update(status=status, status_reason="It loses data.")

    with pytest.raises(UserFixable) as refusal:
        request_deployment(
            user=operator,
            account=make_account(),
            name="shop",
            parameters={"Database": "orders", "Password": "long enough"},
            reason="",
            request_key=uuid.uuid4(),
        )

    assert refusal.value.message.code == f"template_version_{status}"
    assert not Environment.objects.exists()


def test_deleted_environments_run_no_version(browser: Client, shop: TemplateSource) -> None:
    make_environment("old", deleted_at=timezone.now(), template_version=shop.versions.get(number=2))

    assert "old" not in page(browser.get(shop.get_absolute_url())).text


def test_a_version_is_called_by_its_tag_its_commit_or_its_number(tmp_path: Path) -> None:
    repository, archive = make_source("shop"), make_source("mall", kind="archive", url="")
    commit = make_version(repository, tmp_path / "a")
    tagged = make_version(repository, tmp_path / "b", "v1", files={"root.yaml": "Resources: {}"})
    uploaded = make_version(archive, tmp_path / "c")

    assert [one.label for one in (commit, tagged, uploaded)] == [commit.commit[:10], "v1", "#1"]
