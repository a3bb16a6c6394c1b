"""The pages that add, edit and fetch template sets, and their webhooks."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.common.models.encryption import decrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from tests.builders import make_account
from tests.pages.pages import page, rows
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db

GIVEN = {
    "name": "shop",
    "kind": "git",
    "url": "https://git.example.com/shop.git",
    "path": "infra",
    "refs": "main v*",
    "fetch_minutes": "30",
    "username": "reader",
    "token": "do not show",
}


def added(browser: Client, **given: str) -> TemplateSource:
    response = browser.post(reverse("template_set_new"), GIVEN | given)
    assert response.status_code == 302, page(response).text
    return TemplateSource.objects.live().latest("pk")


def sent(body: bytes, headers: Mapping[str, str], source: TemplateSource) -> int:
    """Send a webhook as a Git server does: no session, no CSRF token."""
    server = Client(enforce_csrf_checks=True, headers=dict(headers))
    url = reverse("template_set_push", args=[source.pk])
    return server.post(url, body, content_type="application/json").status_code


def with_webhook(browser: Client) -> tuple[TemplateSource, str]:
    source = added(browser)
    TemplateFetch.objects.update(active_key=None, state="succeeded")
    shown = browser.post(reverse("template_set_webhook", args=[source.pk]))
    assert shown["Cache-Control"].startswith("max-age=0")
    return source, page(shown).one("code", id="webhook-value").text


def test_a_set_is_added_and_its_first_fetch_is_requested(browser: Client) -> None:
    source = added(browser)

    fetch = TemplateFetch.objects.get()
    assert (fetch.source, fetch.state, fetch.trigger) == (source, "queued", "button")
    assert source.due_at is not None
    assert "shop" in rows(browser.get(reverse("template_sets")))[0]


def test_credentials_are_encrypted_and_on_no_page(browser: Client) -> None:
    source = added(browser)
    assert decrypt_values(source.sealed_credentials) == {"username": "reader", "token": "do not show"}
    assert "do not show" not in source.sealed_credentials

    again = browser.post(reverse("template_set_new"), GIVEN | {"url": "nothing"})

    assert again.status_code == 422
    for response in (
        again,
        browser.get(reverse("template_set_edit", args=[source.pk])),
        browser.get(source.get_absolute_url()),
    ):
        assert "do not show" not in response.text
    assert "do not show" not in str(list(AuditRecord.objects.values_list("details", flat=True)))


def test_an_edit_keeps_replaces_or_deletes_the_credentials(browser: Client) -> None:
    source = added(browser)
    url = reverse("template_set_edit", args=[source.pk])

    def stored(**given: str) -> dict[str, str]:
        assert browser.post(url, GIVEN | {"token": "", "username": ""} | given).status_code == 302
        source.refresh_from_db()
        return decrypt_values(source.sealed_credentials)

    assert stored(refs="main") == {"username": "reader", "token": "do not show"}
    assert source.refs == "main"
    assert stored(ssh_key="a new key") == {"ssh_key": "a new key"}
    assert stored(forget="on") == {}


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"name": "-x"}, "name", "A name begins with a letter or digit"),
        ({"name": "Known"}, "name", "There is a template set Known already."),
        ({"refs": ""}, "refs", "at least one branch"),
        ({"path": "../other"}, "path", "Enter a path inside the source"),
        ({"kind": "folder", "url": "relative"}, "url", "Enter the path of a folder"),
        ({"url": "https://user:secret@git.example.com/shop.git"}, "url", ""),
        ({"url": "ext::sh -c touch% /tmp/x"}, "url", ""),
        ({"fetch_minutes": "-1"}, "fetch_minutes", ""),
    ],
)
def test_a_source_that_cannot_be_fetched_is_an_error_of_its_field(
    browser: Client, given: dict[str, str], field: str, message: str
) -> None:
    make_source("known")

    response = browser.post(reverse("template_set_new"), GIVEN | given)

    assert response.status_code == 422
    assert message in page(response).one("ul", id=f"id_{field}_error").text
    assert not TemplateFetch.objects.exists()


def test_the_folder_stays_once_there_are_versions(browser: Client, tmp_path: Path) -> None:
    source = added(browser)
    make_version(source, tmp_path / "set")

    response = browser.post(reverse("template_set_edit", args=[source.pk]), GIVEN | {"path": "other"})

    assert "Add another template set instead" in page(response).text


def test_a_removed_set_keeps_its_versions_and_frees_its_name(browser: Client, tmp_path: Path) -> None:
    source = added(browser)
    version = make_version(source, tmp_path / "set")

    browser.post(reverse("template_set_remove", args=[source.pk]))

    source.refresh_from_db()
    assert (source.sealed_credentials, source.due_at) == ("", None)
    assert source.versions.get() == version
    assert "No template sets yet" in page(browser.get(reverse("template_sets"))).text
    assert "Removed" in page(browser.get(source.get_absolute_url())).text
    assert browser.get(reverse("template_set_edit", args=[source.pk])).status_code == 404
    assert added(browser).pk != source.pk


def test_one_fetch_at_a_time_is_requested_by_the_button(browser: Client) -> None:
    source = added(browser)
    url = reverse("template_set_fetch", args=[source.pk])
    assert "A fetch is in progress" in page(browser.post(url, follow=True)).text
    TemplateFetch.objects.update(active_key=None, state="succeeded", ended_at=timezone.now())

    assert "Fetching shop." in page(browser.post(url, follow=True)).text

    assert TemplateFetch.objects.latest("pk").requested_by is not None
    assert not Deployment.objects.exists()


def test_an_archive_is_uploaded(browser: Client, settings: Any) -> None:
    source = added(browser, kind="archive", url="", refs="")
    url = reverse("template_set_fetch", args=[source.pk])
    assert "Choose an archive." in page(browser.post(url, follow=True)).text

    browser.post(url, {"archive": SimpleUploadedFile("set.zip", b"PK")})

    fetch = TemplateFetch.objects.get()
    assert (bytes(fetch.archive or b""), fetch.trigger) == (b"PK", "upload")
    TemplateFetch.objects.update(active_key=None, state="succeeded")
    large = SimpleUploadedFile("set.zip", b"0" * 10_000_001)
    assert "larger than 10 MB" in page(browser.post(url, {"archive": large}, follow=True)).text


def test_the_secret_of_a_webhook_is_shown_once(browser: Client) -> None:
    source, secret = with_webhook(browser)

    source.refresh_from_db()
    assert secret not in source.sealed_webhook_secret
    for url in (source.get_absolute_url(), reverse("template_set_edit", args=[source.pk])):
        assert secret not in browser.get(url).text
    assert "Webhook on" in page(browser.get(source.get_absolute_url())).text


def test_a_signed_push_requests_a_fetch(browser: Client) -> None:
    source, secret = with_webhook(browser)
    body = b'{"ref": "refs/heads/main"}'
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert sent(body, {"X-Hub-Signature-256": signature}, source) == 202

    assert TemplateFetch.objects.latest("pk").trigger == "webhook"
    assert sent(body, {"X-Gitlab-Token": secret}, source) == 202
    assert TemplateFetch.objects.filter(trigger="webhook").count() == 1
    assert not Deployment.objects.exists()


def test_a_push_that_is_not_authentic_requests_nothing(browser: Client) -> None:
    source, secret = with_webhook(browser)
    other = make_source("other")
    body = b"{}"
    signature = "sha256=" + hmac.new(secret.encode(), b"other", hashlib.sha256).hexdigest()

    assert sent(body, {}, source) == 401
    assert sent(body, {"X-Hub-Signature-256": signature}, source) == 401
    assert sent(body, {"X-Hub-Signature-256": "sha256=é"}, source) == 401
    assert sent(body, {"X-Gitlab-Token": "guessed"}, source) == 401
    assert sent(body, {"X-Gitlab-Token": secret}, other) == 404
    assert Client().get(reverse("template_set_push", args=[source.pk])).status_code == 405
    browser.post(reverse("template_set_webhook", args=[source.pk]), {"off": "1"})
    assert sent(body, {"X-Gitlab-Token": secret}, source) == 404
    assert not TemplateFetch.objects.filter(trigger="webhook").exists()


def test_who_may_not_manage_sets_adds_and_changes_nothing(viewer: Client) -> None:
    source = make_source("shop")
    assert viewer.get(reverse("template_set_new")).status_code == 403
    for name in ("edit", "fetch", "remove", "webhook"):
        assert viewer.post(reverse(f"template_set_{name}", args=[source.pk]), GIVEN).status_code == 403
    assert not page(viewer.get(source.get_absolute_url())).all("form", method="post", id="fetch")
    assert not TemplateFetch.objects.exists()


@pytest.fixture
def other_version(tmp_path: Path) -> Any:
    """A version of a Git repository that adds a parameter."""
    text = "Parameters: {Topic: {Type: String, Default: orders}}\nResources: {T: {Type: AWS::SNS::Topic}}\n"
    return make_version(make_source("shop"), tmp_path / "shop", "v1", files={"root.yaml": text})


def test_an_environment_is_created_from_a_chosen_version(
    browser: Client, template_set: Path, other_version: Any
) -> None:
    account = make_account()
    url = reverse("environment_new")
    offered = page(browser.get(url)).one("select", id="version-choice")
    assert "shop · v1" in offered.text

    form = page(browser.get(url, {"version": other_version.pk}))
    assert form.all("input", name="parameter_Topic")
    assert not form.all("input", name="parameter_Count")
    given = {
        "version": other_version.pk,
        "account": account.pk,
        "name": "orders",
        "parameter_Topic": "orders",
        "request_key": form.one("input", name="request_key")["value"],
    }
    assert browser.post(url, given).status_code == 302

    deployment = Deployment.objects.get()
    assert deployment.template_version == other_version
    assert deployment.template_digest == other_version.digest
    retry = page(browser.get(url, {"from": deployment.pk}))
    assert retry.one("input", id="version")["value"] == str(other_version.pk)


def test_a_version_that_is_deprecated_meanwhile_is_refused(
    browser: Client, template_set: Path, other_version: Any
) -> None:
    other_version.status, other_version.status_reason = "deprecated", "Use v2."
    other_version.save()
    account = make_account()
    url = reverse("environment_new")
    form = page(browser.get(url, {"version": other_version.pk}))
    assert "Use v2." in form.one("div", id="version-note").text
    given = {
        "version": other_version.pk,
        "account": account.pk,
        "name": "orders",
        "parameter_Topic": "orders",
        "request_key": "7b0a2e8c-3f0e-4b3f-9d53-7f3f4be6b1a5",
    }

    response = browser.post(url, given)

    assert response.status_code == 422
    assert "no new environments are created from it" in page(response).text
    assert not Environment.objects.exists()


def test_a_set_is_fetched_from_the_list_too_by_who_may(browser: Client, viewer: Client) -> None:
    source = added(browser)
    TemplateFetch.objects.update(active_key=None, state="succeeded")

    button = page(browser.get(reverse("template_sets"))).one("button", id=f"set-{source.pk}-fetch")
    assert "shop" in button.text
    assert browser.post(reverse("template_set_fetch", args=[source.pk])).status_code == 302

    assert TemplateFetch.objects.active().get().source == source
    assert not page(browser.get(reverse("template_sets"))).all("button", id=f"set-{source.pk}-fetch")
    TemplateFetch.objects.update(active_key=None)
    assert not page(viewer.get(reverse("template_sets"))).all("button", id=f"set-{source.pk}-fetch")
