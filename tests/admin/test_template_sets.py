"""Django's admin lists template sets with their versions and fetches, and no page contains credentials."""

from __future__ import annotations

import pytest
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.common.models.encryption import encrypt_values
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from tests.builders import make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[models.Model]:
    """A Git repository with a version, a moved tag and a fetch."""
    source = TemplateSource.objects.create(
        name="shop",
        live_key="shop",
        kind="git",
        url="https://git.example/shop.git",
        refs="main v*",
        sealed_credentials=encrypt_values({"username": "reader", "token": "do not show"}),
    )
    first, second = (
        TemplateVersion.objects.create(
            source=source, number=number, commit=letter * 40, digest=letter * 64, ref_names=refs
        )
        for number, letter, refs in ((1, "a", []), (2, "b", ["refs/tags/v1"]))
    )
    tag = TemplateRef.objects.create(
        source=source,
        name="refs/tags/v1",
        version=second,
        is_tag=True,
        moved_from=first,
        moved_at=timezone.now(),
    )
    fetch = TemplateFetch.objects.create(source=source, trigger="webhook", state="succeeded", added=1)
    return [source, second, tag, fetch]


@pytest.mark.parametrize("number", range(4))
def test_rows_can_be_viewed_and_not_changed(client: Client, rows: list[models.Model], number: int) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    row = rows[number]
    model = row._meta.model_name

    listed = client.get(reverse(f"admin:deployments_{model}_changelist"))
    shown = client.get(reverse(f"admin:deployments_{model}_change", args=[row.pk]))

    assert listed.status_code == shown.status_code == 200
    assert not page(shown).all("input", name="_save")
    for response in (listed, shown):
        assert "do not show" not in response.text
        assert "sealed" not in response.text
    assert client.post(reverse(f"admin:deployments_{model}_delete", args=[row.pk])).status_code == 403


def test_a_version_is_called_by_its_tag_its_commit_or_its_number(rows: list[models.Model]) -> None:
    source = TemplateSource.objects.get()
    archive = TemplateVersion(source=source, number=3)
    labels = [one.label for one in (*source.versions.order_by("number"), archive)]

    assert labels == ["aaaaaaaaaa", "v1", "#3"]
