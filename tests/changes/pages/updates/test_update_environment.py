"""The page of an update: differences, parameters, preview and promotion."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from tests.changes.pages.updates.versions import LIST, NEWER, newer, preview, tab, update
from tests.pages.pages import page
from tests.template_versions import ROOT, make_pinned, make_version


def test_a_newer_version_of_the_channel_is_announced_on_the_environment_and_in_the_list(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    assert "Update available" not in tab(browser, shop).text
    make_version(source, tmp_path / "other", "v2.0", files={"root.yaml": NEWER})
    assert "Update available" not in tab(browser, shop).text  # another channel

    newer(source, tmp_path)

    shown = tab(browser, shop)
    assert "shop-templates v1.0" in shown.one(id="version").text
    assert shown.one(id="update-available")["href"] == reverse("environment_update", args=[shop.pk])
    assert "root.yaml" in shown.one(id="offered").text
    assert "Version v1.1 is available." in shown.one(id="channel-says").text
    assert not shown.all(id="note")  # the card says it
    note = page(browser.get(shop.get_absolute_url())).one(id="note")
    assert note.text == "Update available version v1.1: 2 files differ"
    assert note.one("a")["href"] == reverse("environment_update", args=[shop.pk])
    row = page(browser.get(LIST)).one(id=f"environment-{shop.pk}")
    assert "v1.0" in row.text
    assert "Update available" in row.one(id=f"environment-{shop.pk}-note").text


def test_the_update_page_shows_commits_files_parameters_and_artifacts(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    newer(source, tmp_path)

    shown = update(browser, shop)

    assert "Ana Lyst" in shown.one(id="commits").text
    assert "Change number 2" in shown.one(id="commits").text
    files = shown.one(id="files")
    assert "root.yaml" in files.text
    added = [line.text for line in files.all("tr", class_="added")]
    assert any("Added line: Queue: {Type: AWS::SQS::Queue}" in line for line in added)
    assert "Removed line" in files.text
    parameters = shown.one(id="parameters").text
    assert "Color + Added Default: blue" in parameters
    assert "Count − Removed Default: 2" in parameters
    artifact = shown.one(id="artifact-0").text
    assert "playbook.zip" in artifact
    assert "hosts: app" in artifact


def test_templates_are_shown_as_text(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    make_version(
        source, tmp_path / "shop", "v1.1", files={"root.yaml": ROOT + "# <script>alert(1)</script>\n"}
    )

    answer = browser.get(reverse("environment_update", args=[shop.pk]))

    assert b"<script>alert" not in answer.content
    assert "# <script>alert(1)</script>" in page(answer).one(id="files").text


def test_a_change_to_the_version_is_previewed_with_the_parameters_as_they_are(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    Environment.objects.update(parameters={"Size": "large", "Count": "5"})

    where = preview(browser, shop, version)

    change = Deployment.objects.get(kind="update")
    assert where == change.get_absolute_url()
    assert (change.template_version, change.template_digest) == (version, version.digest)
    assert change.parameters == {"Size": "large", "Color": "blue"}
    assert (change.reason, change.active_key) == ("new colors", None)
    record = AuditRecord.objects.get()
    assert (record.action, record.details["version"]) == ("change", "v1.1")
    assert Environment.objects.get(pk=shop.pk).template_version != version  # it is not applied yet


def test_a_parameter_without_default_is_asked_for_in_the_form(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    root = ROOT.replace("Parameters:", "Parameters:\n  Domain: {Type: String, MinLength: 3}")
    version = make_version(source, tmp_path / "shop", "v1.1", files={"root.yaml": root})

    shown = update(browser, shop)
    assert "Domain" in shown.one(id="needed").text
    assert preview(browser, shop, version) == f"/environments/{shop.pk}/change?set={version.pk}"

    form = page(browser.get(f"/environments/{shop.pk}/change", {"set": version.pk}))
    assert "version v1.1 of the template set shop-templates" in form.one(id="version").text
    browser.post(
        f"/environments/{shop.pk}/change",
        {
            "set": version.pk,
            "request_key": str(uuid.uuid4()),
            "parameter_Domain": "shop",
            "parameter_Size": "small",
            "parameter_Count": "2",
        },
    )
    change = Deployment.objects.get(kind="update")
    assert (change.template_version, change.parameters["Domain"]) == (version, "shop")


def test_nothing_is_deployed_from_a_withdrawn_version_and_the_page_says_why(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    TemplateVersion.objects.filter(pk=version.pk).update(status="withdrawn", status_reason="It loses orders.")

    shown = update(browser, shop, to=version.pk)
    assert "It loses orders." in shown.one(id="withdrawn").text
    assert not shown.all(id="preview")

    preview(browser, shop, version)
    assert not Deployment.objects.filter(kind="update").exists()
    assert AuditRecord.objects.get().refusal["code"] == "template_version_withdrawn"


def test_an_environment_keeps_a_version_that_was_withdrawn_in_a_change_of_parameters(
    browser: Client, shop: Environment, first: TemplateVersion
) -> None:
    TemplateVersion.objects.update(status="withdrawn", status_reason="It loses orders.")

    assert "It loses orders." in tab(browser, shop).one(id="own-version-status").text
    browser.post(
        f"/environments/{shop.pk}/change",
        {
            "set": "deployed",
            "request_key": str(uuid.uuid4()),
            "parameter_Size": "large",
            "parameter_Count": "2",
        },
    )
    assert Deployment.objects.get(kind="update").template_version == first


def test_an_older_version_can_be_chosen_with_a_warning(
    browser: Client, source: TemplateSource, first: TemplateVersion, tmp_path: Path
) -> None:
    shop = make_pinned("shop", newer(source, tmp_path), channel="v1.*")

    shown = update(browser, shop, to=first.pk)

    assert shown.one("option", value=str(first.pk)).attributes.get("selected") is not None
    assert "older" in shown.one(id="back").text
    assert "Removed commits" in shown.one(id="commits").text
    preview(browser, shop, first)
    assert Deployment.objects.get(kind="update").template_version == first


def test_the_version_that_is_ready_elsewhere_is_taken_without_its_parameters(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    staging = make_pinned("staging", version, parameters={"Size": "large", "Color": "red"})
    make_pinned("broken", version, missing_since=staging.created_at)
    Environment.objects.filter(pk=shop.pk).update(channel="")

    shown = update(browser, shop, to=shop.template_version_id)
    assert "staging v1.1" in shown.one(id="promotions").text
    assert "broken" not in shown.one(id="promotions").text
    assert shown.one(id=f"take-{staging.pk}")["href"] == f"/environments/{shop.pk}/update?to={version.pk}"

    preview(browser, shop, version)
    assert Deployment.objects.get(kind="update").parameters == {"Size": "small", "Color": "blue"}


def test_without_permission_the_differences_are_shown_and_nothing_can_be_requested(
    viewer: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)

    shown = update(viewer, shop)

    assert "root.yaml" in shown.one(id="files").text
    assert not shown.all(id="preview")
    assert not tab(viewer, shop).all(id="set-channel")
    for route, args in (
        ("environment_update_preview", [shop.pk, version.pk]),
        ("environment_channel", [shop.pk]),
        ("environment_resume_updates", [shop.pk]),
    ):
        assert viewer.post(reverse(route, args=args)).status_code == 403
    assert not Deployment.objects.filter(kind="update").exists()


def test_an_environment_of_an_unknown_version_has_a_page(browser: Client, shop: Environment) -> None:
    Environment.objects.update(template_version=None)

    assert "does not know which version" in update(browser, shop).text
    assert "Unknown" in tab(browser, shop).one(id="template-version").text


def test_a_version_whose_files_are_not_stored_is_named(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    TemplateVersion.objects.filter(pk=newer(source, tmp_path).pk).update(digest="0" * 64)

    assert "The files of version v1.1 are not stored." in update(browser, shop).text


def test_an_environment_of_an_unknown_set_can_be_brought_to_a_version_of_any_set(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)
    Environment.objects.update(template_version=None)

    shown = update(browser, shop)
    assert (
        version.label
        in shown.one("optgroup", label="shop-templates").one("option", value=str(version.pk)).text
    )
    preview(browser, shop, version)
    assert Deployment.objects.get(kind="update").template_version == version


def test_a_preview_says_from_which_version_to_which(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    version = newer(source, tmp_path)

    shown = page(browser.get(preview(browser, shop, version), follow=True))

    assert "v1.0 v1.1 shop-templates" in shown.one(id="version").text
    address = f"/environments/{shop.pk}/update?to={version.pk}"
    assert address in [link["href"] for link in shown.one(id="version").all("a")]
    (edit,) = [link["href"] for link in shown.all("a") if link.text == "Edit values"]
    assert edit.endswith(f"set={version.pk}")


def test_who_goes_back_to_a_withdrawn_version_is_warned(
    browser: Client, source: TemplateSource, first: TemplateVersion, tmp_path: Path
) -> None:
    shop = make_pinned("shop", first)
    earlier = shop.latest
    assert earlier is not None
    Environment.objects.filter(pk=shop.pk).update(template_version=newer(source, tmp_path))
    TemplateVersion.objects.filter(pk=first.pk).update(status="withdrawn", status_reason="It loses orders.")

    answer = browser.post(reverse("deployment_roll_back", args=[earlier.pk]), follow=True)

    assert Deployment.objects.get(kind="update").template_version == first
    assert "It loses orders." in page(answer).one(id="withdrawn").text


def test_the_form_of_a_change_keeps_the_version_and_does_not_offer_the_bundled_set(
    browser: Client, shop: Environment, source: TemplateSource, tmp_path: Path
) -> None:
    address = reverse("environment_change", args=[shop.pk])
    assert not page(browser.get(address)).all(id="version")

    newer(source, tmp_path)
    assert "Version v1.1 of the template set is available. This change keeps v1.0." in (
        page(browser.get(address)).one(id="version").text
    )
