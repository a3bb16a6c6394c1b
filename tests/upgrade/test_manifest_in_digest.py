"""Versions that a release stored without the manifest in their digest: they stay, and so does what is open.

`sets_without_manifest_in_digest.json` has rows that commit 1da0a0cb wrote for a small bundled set and a Git
repository: three environments, a preview, a change that waits for approval.
"""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.approve import approve
from deployments.changes.models.approvals import Approval
from deployments.changes.shared import approvals
from deployments.changes.steps import predictions
from deployments.cloudformation.changes import Changes
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.stored_sets import DeployedSet
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.shared import versions
from tests.git_server import GitRepository, git_server
from tests.pages.pages import page
from tests.template_sets.steps.test_fetch import fetched

ROWS = Path(__file__).parent / "sets_without_manifest_in_digest.json"
PRESET = "presets: {trial: {label: Trial, parameters: {Size: 1}}}\n"


@pytest.fixture
def folder(db: None, tmp_path: Path, settings: Settings) -> Path:
    """The release's rows, and the folder of its bundled set, unchanged."""
    call_command("loaddata", str(ROWS), verbosity=0)
    now = timezone.now()
    Deployment.objects.filter(kind="update").update(phase_at=now)
    Approval.objects.update(expires_at=now + timedelta(days=1))
    version = TemplateVersion.objects.get(source__is_bundled=True)
    found = tmp_path / "set"
    for name, text in files_of(version).items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(text)
    settings.SANSO_TEMPLATE_SET = found
    return found


@pytest.fixture
def operators_browser(folder: Path, client: Client) -> Client:
    """A browser of the release's user ana."""
    client.force_login(User.objects.get(username="ana"))
    return client


def files_of(version: TemplateVersion) -> dict[str, str]:
    """Return the files of a stored version by their name."""
    with zipfile.ZipFile(
        io.BytesIO(bytes(DeployedSet.objects.get(digest=version.digest).archive))
    ) as archive:
        at = f"files/{archive.read('set').decode()}".removesuffix("/.") + "/"
        names = [name for name in archive.namelist() if name.startswith(at)]
        return {name.removeprefix(at): archive.read(name).decode() for name in names}


def test_an_upgrade_alone_makes_no_version_and_offers_no_update(operators_browser: Client) -> None:
    before = list(TemplateVersion.objects.values_list("pk", "digest"))

    versions.record_current()
    versions.record_current()

    assert list(TemplateVersion.objects.values_list("pk", "digest")) == before
    assert "Update available" not in page(operators_browser.get(reverse("environments"))).one("tbody").text
    for environment in Environment.objects.all():
        form = page(operators_browser.get(reverse("environment_change", args=[environment.pk])))
        assert "newer" not in form.one("main").text.lower()
    for deployment in Deployment.objects.all():
        found = stored_sets.of_deployment(deployment)
        assert found.digest == deployment.template_digest
        assert f"sanso/{found.objects_digest}" == deployment.artifact_prefix


def test_an_open_preview_still_applies_and_an_approval_is_still_about_it(folder: Path) -> None:
    ana, ben = User.objects.get(username="ana"), User.objects.get(username="ben")
    versions.record_current()
    for row in Deployment.objects.for_page().filter(kind="update"):
        assert predictions.digest(row, Changes.from_json(row.changes)) == row.preview_digest
        assert (
            predictions.changes_of({}, stored_sets.uploaded(row).digest).template_digest
            == row.template_digest
        )

    shown = Deployment.objects.for_page().get(state=State.PREVIEW)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest)
    waiting = Deployment.objects.for_page().get(state=State.APPROVAL)
    request = Approval.objects.waiting().get()
    approve(user=ben, deployment=waiting, approval_pk=request.pk, digest=request.digest)

    assert not Deployment.objects.filter(pk__in=[shown.pk, waiting.pk], state__in=["preview", "approval"])
    assert not approvals.is_missing(Deployment.objects.get(pk=waiting.pk))


def test_the_manifest_that_then_changes_is_a_version_and_the_stored_one_keeps_its_own(
    operators_browser: Client, folder: Path
) -> None:
    manifest = folder / "template-set.yaml"
    manifest.write_text(f"# a comment is no change\n{manifest.read_text()}")
    versions.record_current()
    assert TemplateVersion.objects.filter(source__is_bundled=True).count() == 1

    manifest.write_text(manifest.read_text() + PRESET)
    versions.record_current()

    second, first = TemplateVersion.objects.filter(source__is_bundled=True).order_by("-number")
    new, old = stored_sets.find(second.digest), stored_sets.find(first.digest)
    assert new is not None
    assert old is not None
    assert ([one.label for one in new.presets], old.presets) == (["Trial"], ())
    staging = Environment.objects.get(name="staging")
    row = page(operators_browser.get(reverse("environments"))).one(id=f"environment-{staging.pk}")
    assert "Update available" in row.text


def test_a_commit_of_a_repository_is_compared_with_the_stored_manifest_too(
    folder: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.SANSO_SOURCE_ADDRESSES = ["127.0.0.0/8"]
    source = TemplateSource.objects.get(kind="git")
    first = source.versions.get()
    repository = GitRepository(tmp_path / "served" / "shop.git")
    files = {f"infra/{name}": text for name, text in files_of(first).items()}
    with git_server(tmp_path / "served", token="read only") as server:
        source.url = server.url("shop")
        source.sealed_credentials = encrypt_values({"username": "reader", "token": "read only"})
        source.save()
        repository.commit(files | {"README.md": "A shop"}, "Describe it")
        assert fetched(source).added == 1
        manifest = files["infra/template-set.yaml"] + PRESET
        repository.commit({"infra/template-set.yaml": manifest}, "Add a preset")
        assert fetched(source).added == 1

    described, preset = source.versions.get(number=2), source.versions.get(number=3)
    assert described.digest == first.digest
    new = stored_sets.find(preset.digest)
    assert new is not None
    assert [one.label for one in new.presets] == ["Trial"]
