"""A release of the bundled set to the app servers of an environment in the sandbox, from preview to end."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments import catalog
from deployments.actions.change import apply_change, request_change
from deployments.core.phases import State
from deployments.core.release_kind import ReleaseKind
from deployments.models import Deployment, Environment, Event, ReleaseServer, TemplateCheck
from tests.builders import allow
from tests.running import Portal, new_account
from tests.services import LIMIT, REPOSITORY, wait_until
from tests.wordings import reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


@pytest.fixture
def copied(settings: Settings, tmp_path: Path) -> Path:
    """Return a copy of the bundled set with its artifacts, which a test may change."""
    for part in ("infra_templates", "playbook", "datelog"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, tmp_path / "set" / part, ignore=ignored)
    folder = tmp_path / "set" / "infra_templates"
    settings.SANSO_TEMPLATE_SET = folder
    known(folder)
    return folder


def known(folder: Path) -> str:
    """Store that the set was checked, and return its digest."""
    digest = catalog.load(folder).digest
    TemplateCheck.objects.get_or_create(digest=digest, defaults={"findings": []})
    return digest


def previewed(deployment: Deployment) -> Deployment:
    rows = Deployment.objects.filter(pk=deployment.pk)
    wait_until(lambda: rows.get().state not in ("preflight", "artifacts", "change_set"), what="the preview")
    found = rows.get()
    assert found.state == State.PREVIEW, reason(found)
    return found


def released(created: Deployment) -> Deployment:
    """Apply a change to the set as it is now, and return its deployment."""
    environment = Environment.objects.for_page().get(pk=created.environment_id)
    user = allow(created.requested_by)
    change = request_change(
        user=user,
        environment=environment,
        parameters=created.parameters,
        reason="",
        request_key=uuid.uuid4(),
    )
    return applied(change)


def applied(change: Deployment) -> Deployment:
    shown = previewed(change)
    return apply_change(user=change.requested_by, deployment=shown, digest=shown.preview_digest)


def servers_of(deployment: Deployment) -> dict[str, str]:
    rows = ReleaseServer.objects.filter(release__deployment=deployment)
    return dict(rows.values_list("instance_id", "stage"))


def test_a_code_release_reaches_both_servers_and_then_the_stacks(portal: Portal, copied: Path) -> None:
    (created,) = portal.wait_for_end(
        portal.deploy(account=new_account(), AppHealthCheck="http"), seconds=4 * LIMIT
    )
    assert created.state == State.SUCCEEDED, reason(created)

    with (copied.parent / "datelog" / "labels.py").open("a") as labels:
        labels.write("\n# another version\n")
    known(copied)
    change = released(created)
    assert change.release is not None
    assert change.release.kind is ReleaseKind.CODE, change.release
    (ended,) = portal.wait_for_end(change, seconds=4 * LIMIT)

    assert ended.state == State.SUCCEEDED, reason(ended)
    assert set(servers_of(ended).values()) == {"done"}
    assert len(servers_of(ended)) == 2
    phases = Event.objects.of(ended).filter(code="phase").values_list("values__phase", flat=True)
    assert list(phases)[-5:-3] == ["servers", "stacks"]
