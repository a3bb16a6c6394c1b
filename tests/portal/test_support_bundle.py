"""A support bundle has what is needed to find a fault, as text, and neither secrets nor names."""

from __future__ import annotations

import json
import stat
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.call_logs.models import LoggedCall
from deployments.call_logs.shared import keep
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import redactors
from portal.doctor import accounts
from portal.support import bundle
from tests.builders import allow, make_account, make_deployment, make_environment, make_user
from tests.call_logs.rules.hostile import HIDDEN, calls, redactor
from tests.call_logs.shared.test_keep import made

pytestmark = pytest.mark.django_db
ALWAYS = {"README.txt", "versions.json", "doctor.jsonl"}


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> Path:
    """A data folder without logs, and no memory of other tests' deployments."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "logs").mkdir()
    keep._logs.clear()
    return tmp_path


@pytest.fixture
def deployment() -> Deployment:
    environment = make_environment("boutique", account=make_account("tokyo-production"))
    row = make_deployment(environment, requested_by=make_user("hanako"))
    return Deployment.objects.for_page().get(pk=row.pk)


def files_of(content: bytes) -> dict[str, str]:
    """Return the files of an archive as a person reads them."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        return {name: archive.read(name).decode() for name in archive.namelist()}


def written(deployment: Deployment | None) -> dict[str, str]:
    """Return the files of a bundle as a page makes it."""
    output = BytesIO()
    bundle.write(output, deployment, with_aws=False)
    return files_of(output.getvalue())


def test_a_bundle_has_what_its_readme_says(deployment: Deployment, own_folder: Path) -> None:
    (own_folder / "logs" / "worker.log").write_text("2026-12-01 10:00:00 INFO worker: started\n")
    with keep.kept(deployment):
        made("DescribeStacks", parameters={"StackName": "boutique"})

    found = written(deployment)

    assert found.keys() == ALWAYS | {"deployment.json", "aws-calls.jsonl", "logs/worker.log"}
    assert all(name.partition("/")[0] in found["README.txt"] for name in found)
    assert json.loads(found["versions.json"])["sanso"]
    assert {json.loads(line)["check"] for line in found["doctor.jsonl"].splitlines()} >= {"database"}
    assert json.loads(found["deployment.json"])["number"] == deployment.pk
    about, call = (json.loads(line) for line in found["aws-calls.jsonl"].splitlines())
    assert (about["format"], call["operation"]) == ("sanso-aws-calls/1", "DescribeStacks")
    assert "worker: started" in found["logs/worker.log"]


def test_names_and_addresses_are_placeholders_the_same_in_all_files(
    deployment: Deployment, own_folder: Path
) -> None:
    text = "boutique of tokyo-production by hanako from 10.1.2.3 in 123456789012 failed"
    (own_folder / "logs" / "web.log").write_text(f"{text}\n")
    with keep.kept(deployment):
        made(parameters={"StackName": "boutique"}, body=f"<R><Reason>{text}</Reason></R>")

    found = written(deployment)

    everything = "\n".join(found.values())
    for name in ("boutique", "tokyo-production", "hanako", "10.1.2.3", "123456789012"):
        assert name not in everything
    placeholder = keep.placeholders_of(deployment).name("boutique")
    assert placeholder in found["aws-calls.jsonl"]
    assert placeholder in found["logs/web.log"]


def test_none_of_fifty_hidden_secrets_is_in_a_bundle(
    deployment: Deployment, own_folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of calls go through the log; the portal's own are in the text of a library that logs too much."""
    settings.SANSO_METRICS_TOKEN = "a-token-of-scrapers-0123456789ab"
    log = f"started with {settings.SECRET_KEY} and {settings.SANSO_METRICS_TOKEN}, password=hunter22"
    (own_folder / "logs" / "web.log").write_text(f"{log}\nthe end\n")
    monkeypatch.setattr(redactors, "of_deployment", lambda _row: redactor().secrets)
    with keep.kept(deployment):
        for call in calls():
            made(
                call.operation,
                body=(call.body or b"").decode(),
                service=call.service,
                parameters=call.parameters,
                headers=call.headers,
                status=call.status,
                error=call.error,
            )

    everything = "\n".join(written(deployment).values())

    assert LoggedCall.objects.of(deployment).count() == len(calls())
    assert [
        secret for secret in HIDDEN if secret in everything or json.dumps(secret)[1:-1] in everything
    ] == []
    assert settings.SECRET_KEY not in everything
    assert settings.SANSO_METRICS_TOKEN not in everything
    assert "hunter22" not in everything
    assert "the end" in everything


def test_a_bundle_of_no_deployment_has_the_portal_alone() -> None:
    assert written(None).keys() == ALWAYS


def test_a_page_does_not_call_aws(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "read", lambda: pytest.fail("AWS was called"))

    assert "without those that call AWS" in " ".join(written(deployment)["README.txt"].split())


def test_only_the_end_of_a_log_is_in_it(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LOG_BYTES", 100)
    lines = "".join(f"line {n:04d}\n" for n in range(100))
    (own_folder / "logs" / "web.log").write_text(lines)

    found = written(None)["logs/web.log"].splitlines()

    assert found[-1] == "line 0099"
    assert set(found) < set(lines.splitlines())


def test_a_bundle_is_made_although_names_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_named: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(Account.objects, "values_list", fails)

    assert written(None).keys() == ALWAYS


# --- on the deployment's page -------------------------------------------------------------------


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_who_may_view_the_audit_log_downloads_it_and_this_is_recorded(deployment: Deployment) -> None:
    user = allow(make_user("ayumi"), "view_environment", "view_auditrecord")
    client = signed_in(user)
    page = client.get(reverse("deployment", args=[deployment.pk])).content.decode()

    response = client.post(reverse("support_bundle", args=[deployment.pk]))

    assert "Download support bundle" in page
    assert response["Content-Type"] == "application/zip"
    assert f"sanso-support-deployment-{deployment.pk}-" in response["Content-Disposition"]
    assert "no-store" in response["Cache-Control"]
    assert "aws-calls.jsonl" in files_of(response.content)
    record = AuditRecord.objects.latest("pk")
    assert (record.action, record.outcome, record.username) == ("export_support_bundle", "requested", "ayumi")
    assert record.deployment == deployment


def test_others_have_no_button_and_are_refused_which_is_recorded(deployment: Deployment) -> None:
    client = signed_in(allow(make_user("kay"), "view_environment"))
    page = client.get(reverse("deployment", args=[deployment.pk])).content.decode()

    response = client.post(reverse("support_bundle", args=[deployment.pk]))

    assert "Download support bundle" not in page
    assert response.status_code == 403
    record = AuditRecord.objects.latest("pk")
    assert (record.action, record.outcome) == ("export_support_bundle", "refused")


def test_it_is_not_downloaded_by_a_link(deployment: Deployment) -> None:
    client = signed_in(allow(make_user("ayumi"), "view_environment", "view_auditrecord"))

    assert client.get(reverse("support_bundle", args=[deployment.pk])).status_code == 405


# --- manage.py support_bundle -------------------------------------------------------------------


def test_the_command_writes_a_file_for_its_owner_alone(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"

    call_command("support_bundle", str(deployment.pk), output=path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "aws-calls.jsonl" in files_of(path.read_bytes())


def test_the_command_does_not_replace_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_text("mine")

    with pytest.raises(CommandError, match="cannot be written"):
        call_command("support_bundle", output=path)

    assert path.read_text() == "mine"


def test_the_command_leaves_no_part_of_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_named: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(bundle, "examine", fails)
    with pytest.raises(DatabaseError):
        call_command("support_bundle", output=tmp_path / "bundle.zip")

    assert list(tmp_path.glob("*.zip")) == []


def test_an_unknown_deployment_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no deployment 4711"):
        call_command("support_bundle", "4711", output=tmp_path / "bundle.zip")
