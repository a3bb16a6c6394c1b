"""Responses of the API about template sets, accounts, audit records and health."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.accounts import Account
from deployments.template_sets.commands.sources import MAX_ARCHIVE
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from tests.api.clients import ROOT, Program
from tests.builders import make_account, make_environment, make_grant, make_user
from tests.health_builders import make_whole
from tests.template_versions import ROOT as TEMPLATE
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path: Path) -> TemplateVersion:
    """A version of a set with credentials."""
    source = make_source()
    sealed = {"sealed_credentials": "sealed", "sealed_webhook_secret": "sealed"}
    TemplateSource.objects.filter(pk=source.pk).update(**sealed)
    return make_version(source, tmp_path)


def test_template_sets_have_their_versions_and_no_secrets(program: Program, version: TemplateVersion) -> None:
    response = program.get("/template-sets")
    (found,) = response.json()["items"]

    assert found["id"] == version.source_id
    assert "sealed" not in response.content.decode()
    (listed,) = program.get(f"/template-sets/{found['id']}/versions").json()["items"]
    assert listed == program.get(f"/versions/{version.pk}").json()
    assert listed["number"] == version.number


def test_a_version_has_what_it_changes(program: Program, version: TemplateVersion, tmp_path: Path) -> None:
    later = make_version(version.source, tmp_path, files={"root.yaml": TEMPLATE.replace(", Default: 2", "")})

    found = program.get(f"/versions/{later.pk}/changes").json()
    assert found["against"] == version.pk
    assert found["files"] == [
        {"name": "root.yaml", "artifact": "", "change": "changed", "added": 1, "removed": 1}
    ]
    assert found["parameters"] == [{"name": "Count", "change": "changed", "needs_value": False}]
    assert program.get(f"/versions/{version.pk}/changes").json()["against"] is None
    back = program.get(f"/versions/{version.pk}/changes", {"against": later.pk}).json()
    assert back["against"] == later.pk


def test_a_version_is_withdrawn_with_a_reason(program: Program, version: TemplateVersion) -> None:
    path = f"/versions/{version.pk}/status"

    assert program.post(path, {"status": "withdrawn"}).json()["code"] == "ReasonMissing"
    assert program.post(path, {"status": "sleepy"}).status_code == 422
    body = {"status": "withdrawn", "reason": "broken"}
    assert program.post(path, body).json()["status"] == "withdrawn"


def test_a_set_is_fetched_once_at_a_time(program: Program, version: TemplateVersion) -> None:
    path = f"/template-sets/{version.source_id}/fetch"

    assert program.post(path).status_code == 202
    assert program.post(path).json()["code"] == "FetchInProgress"


def test_an_archive_is_uploaded_once_for_its_key(program: Program, settings: Settings) -> None:
    source = make_source("archives", kind="archive", url="", refs="")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100  # of other bodies
    key = {"Idempotency-Key": "one"}

    first = upload(program, source, b"PK" * 100, **key)
    again = upload(program, source, b"PK" * 100, **key)

    assert (first.status_code, first.json()["trigger"]) == (202, "upload")
    assert again.json() == first.json()
    fetch = TemplateFetch.objects.get()
    assert (bytes(fetch.archive or b""), fetch.requested_by) == (b"PK" * 100, program.token.owner)
    assert upload(program, source, b"other", **key).json()["code"] == "KeyReused"
    assert upload(program, source, b"other").json()["code"] == "FetchInProgress"
    TemplateFetch.objects.update(state="succeeded", active_key=None, added=1)
    found = program.get(f"/fetches/{fetch.pk}").json()
    assert (found["state"], found["added"]) == ("succeeded", 1)
    assert program.get(f"/template-sets/{source.pk}/fetches").json()["items"] == [found]


def test_an_archive_is_refused_as_on_the_page(program: Program, version: TemplateVersion) -> None:
    source = make_source("archives", kind="archive", url="", refs="")

    empty = upload(program, source, b"").json()
    large = upload(program, source, b"x" * (MAX_ARCHIVE + 1))

    assert (empty["code"], empty["errors"][0]["field"]) == ("ArchiveMissing", "archive")
    assert (large.status_code, large.json()["detail"]) == (422, "The archive is larger than 10 MB.")
    assert upload(program, version.source, b"PK").json()["code"] == "SetHasNoArchives"
    form = "multipart/form-data; boundary=x"
    assert "not as the field of a form" in upload(program, source, b"--x--", form).json()["detail"]
    assert upload(Program(make_user("vic")), source, b"PK").status_code == 403
    assert upload(Program(program.token.owner, "change"), source, b"PK").status_code == 403
    assert not TemplateFetch.objects.exists()


def upload(
    program: Program, source: TemplateSource, content: bytes, kind: str = "application/gzip", **headers: str
) -> Any:
    return program.client.post(
        f"{ROOT}/template-sets/{source.pk}/archive", content, content_type=kind, headers=headers
    )


def test_template_sets_are_changed_only_with_the_right_and_the_scope(
    version: TemplateVersion, operator: User
) -> None:
    for program in (Program(make_user("vic")), Program(operator, "change", "deploy")):
        assert program.post(f"/template-sets/{version.source_id}/fetch").status_code == 403
        body = {"status": "withdrawn", "reason": "broken"}
        assert program.post(f"/versions/{version.pk}/status", body).status_code == 403


def test_accounts_are_those_that_a_person_may_view(program: Program) -> None:
    own = make_environment("own")
    make_account("other", role_arn="arn:aws:iam::123456789012:role/secret-role")
    guest = make_grant(User.objects.create_user("guest"), role="viewer", scope="environment", environment=own)

    assert len(program.get("/accounts").json()["items"]) == Account.objects.count() == 2
    (found,) = Program(guest).get("/accounts").json()["items"]
    assert found["id"] == own.account_id
    assert "secret-role" not in program.get("/accounts").content.decode()


def test_audit_records_need_the_right_to_view_them(program: Program) -> None:
    root = Program(make_user("root", is_superuser=True), "read")
    assert program.get("/audit").json()["code"] == "PermissionDenied"

    first, second = root.get("/audit").json()["items"]
    assert {first["action"], second["action"]} == {"create_token"}
    assert AuditRecord.objects.count() == 2
    assert len(root.get("/audit", {"limit": 1}).json()["items"]) == 1
    assert root.get("/audit", {"after": second["id"]}).json()["items"] == []


def test_audit_records_are_filtered_and_those_of_own_environments_need_no_more(program: Program) -> None:
    root = Program(make_user("root", is_superuser=True), "read")
    own, other = make_environment("own"), make_environment("other")
    for shop in (own, other):
        program.post(f"/environments/{shop.pk}/lock", {"reason": f"load test of {shop.name}"})

    def found(who: Program, **query: str) -> list[tuple[str, str]]:
        return [(one["action"], one["name"]) for one in who.get("/audit", query).json()["items"]]

    assert found(root, action="lock", environment="own") == [("lock", "own")]
    assert found(root, action="lock", q="test of other") == [("lock", "other")]
    assert found(root, action="lock", until="2020-01-01") == []
    assert len(found(root, person="ana", outcome="requested", by="token", since="2020-01-01")) == 2
    (record,) = root.get("/audit", {"environment": own.pk}).json()["items"]
    assert record["after"]["locked_by"] == "ana"
    assert root.get("/audit", {"since": "1999-01-01"}).status_code == 422
    guest = User.objects.create_user("guest")
    make_grant(guest, role="admin", scope="environment", environment=own)
    assert found(Program(guest)) == [("lock", "own")]


def test_health_is_that_of_the_page(program: Program) -> None:
    shop = make_whole("shop")

    found = program.get(f"/environments/{shop.pk}/health").json()

    assert found["status"] == "healthy"
    assert {"web", "app", "database"} <= {tier["name"] for tier in found["tiers"]}
    assert all(one["status"] == "healthy" for tier in found["tiers"] for one in tier["components"])
    shop.refresh_from_db()
    assert shop.watched_until
