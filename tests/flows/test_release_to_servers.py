"""Releases of the bundled set to an environment's app servers in the sandbox, from preview to end.

A client reads the site and saves times throughout: no request fails, whether a release succeeds or not.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from datelog.version import compute_version
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.cloudformation.release_kind import ReleaseKind
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.models.site import SiteReads
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.stacks.models.events import Event
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import allow
from tests.chaos.conftest import calls_of
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.sandbox.machines.site_load import SiteLoad
from tests.services import LIMIT, REPOSITORY, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]
RATE = 20.0  # requests per second
OUTPUT = """
TASK [Run the smoke test of the new code] ***************************************
fatal: [localhost]: FAILED! => {"msg": "no module named datelog.page"}

PLAY RECAP **********************************************************************
localhost : ok=9    changed=1    unreachable=0    failed=1
"""
EXCHANGE = ["DeregisterTargets", "SendCommand", "RegisterTargets"]


@pytest.fixture
def copied(settings: Settings, tmp_path: Path) -> Path:
    """Return the folder of a copy of the bundled set and its artifacts, which a test may change."""
    for part in ("infra_templates", "playbook", "datelog"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, tmp_path / "set" / part, ignore=ignored)
    folder = tmp_path / "set" / "infra_templates"
    settings.SANSO_TEMPLATE_SET = folder
    known(folder)
    return folder


def known(folder: Path) -> str:
    """Record that the set has been checked, and return its digest."""
    digest = template_files.load(folder).digest
    TemplateCheck.objects.get_or_create(digest=digest, defaults={"findings": []})
    return digest


def another_version(folder: Path, name: str) -> None:
    """Change a file in the set's artifacts."""
    with (folder.parent / name).open("a") as file:
        file.write("\n# another version\n")
    known(folder)


def previewed(deployment: Deployment) -> Deployment:
    rows = Deployment.objects.filter(pk=deployment.pk)
    wait_until(lambda: rows.get().state not in ("preflight", "artifacts", "change_set"), what="the preview")
    found = rows.get()
    assert found.state == State.PREVIEW, reason(found)
    return found


def released(created: Deployment, *, go_back: bool = False) -> Deployment:
    """Apply a change to the current version of the set, and return its deployment."""
    environment = Environment.objects.for_page().get(pk=created.environment_id)
    user = allow(created.requested_by)
    change = request_change(
        user=user,
        environment=environment,
        parameters=created.parameters,
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = previewed(change)
    return apply_change(
        user=change.requested_by, deployment=shown, digest=shown.preview_digest, go_back=go_back
    )


def servers_of(deployment: Deployment) -> dict[str, str]:
    """Return the stage of each server of a release, in the release's order."""
    rows = ReleaseServer.objects.filter(release__deployment=deployment)
    return dict(rows.values_list("instance_id", "stage"))


@contextmanager
def visited(created: Deployment) -> Iterator[None]:
    """Read the site and save times in the background: no request fails, and no acknowledged time is lost."""
    url = Environment.objects.get(pk=created.environment_id).outputs["SiteUrl"]
    with SiteLoad(url, RATE) as load:
        yield
    assert load.failed() == []
    lost, _more = load.lost_and_doubled()  # the portal's site checks save times as well
    assert lost == 0


def test_releases_of_each_kind_one_that_fails_and_the_way_back(
    portal: Portal, copied: Path, own_page: Page
) -> None:
    """All releases use one environment, because deploying one takes longer than a release."""
    requested = portal.deploy(account=new_account(), AppHealthCheck="http")
    (created,) = portal.wait_for_end(requested, seconds=4 * LIMIT)
    assert created.state == State.SUCCEEDED, reason(created)

    another_version(copied, "playbook/playbook.yml")
    good = a_disruptive_release_takes_one_server_out_at_a_time(portal, created)
    before = compute_version(copied.parent / "datelog")
    another_version(copied, "datelog/labels.py")
    bad = a_code_release_stops_at_the_server_that_fails(portal, created, own_page)
    both_versions_answer(bad, copied, before)
    the_servers_go_back_in_the_browser(portal, own_page, bad, good)
    another_version(copied, "datelog/labels.py")
    the_servers_go_back_by_themselves(portal, created)


def a_disruptive_release_takes_one_server_out_at_a_time(portal: Portal, created: Deployment) -> Deployment:
    account = created.environment.account
    before = len(calls_of(portal.sandbox, account))
    with visited(created):
        (ended,) = portal.wait_for_end(released(created), seconds=4 * LIMIT)

    assert ended.state == State.SUCCEEDED, reason(ended)
    assert ended.release is not None
    assert ended.release.kind is ReleaseKind.DISRUPTIVE, ended.release
    assert list(servers_of(ended).values()) == ["done", "done"]
    assert writes(calls_of(portal.sandbox, account, before)) == [
        *("SuspendProcesses", *EXCHANGE, *EXCHANGE),
        *("ResumeProcesses", "ExecuteChangeSet"),
    ]
    phases = Event.objects.of(ended).filter(code="phase").values_list("values__phase", flat=True)
    assert list(phases)[-5:-3] == ["servers", "stacks"]
    return ended


def both_versions_answer(failed: Deployment, copied: Path, configured: str) -> None:
    """Wait until the reads of the site report the version of each server beside the configured one."""
    new = compute_version(copied.parent / "datelog")

    def answer() -> bool:
        row = SiteReads.objects.newest_of(failed.environment)[0]
        found = {version for poll in row.polls for version in poll.versions}
        return found == {configured, new} and {poll.configured for poll in row.polls} == {configured}

    wait_until(answer, what="reads of both versions")


def writes(calls: list[dict[str, Any]]) -> list[str]:
    """Return the actions of the calls that change servers or stacks, in order."""
    wanted = {*EXCHANGE, "SuspendProcesses", "ResumeProcesses", "ExecuteChangeSet"}
    return [call["action"] for call in calls if call["action"] in wanted]


def a_code_release_stops_at_the_server_that_fails(
    portal: Portal, created: Deployment, page: Page
) -> Deployment:
    account = created.environment.account
    second = list(servers_of(Deployment.objects.order_by("-pk")[0]))[1]
    name = f"{created.environment.stack_name}-app-servers"
    fault = {"associations": {name: {"on": [second], "stdout": OUTPUT}}}
    portal.sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    with visited(created):
        (ended,) = portal.wait_for_end(released(created), seconds=4 * LIMIT)
        portal.sandbox.control("DELETE", "faults", account=account.sandbox_account_id)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseFailed"), reason(ended)
    assert list(servers_of(ended).values()) == ["done", "failed"]
    assert f"{second} at the task “Run the smoke test of the new code”: no module" in reason(ended)
    page.goto(ended.get_absolute_url())
    expect(page.locator("main")).to_contain_text(f"{second} at the task “Run the smoke test of the new code”")
    return ended


def launch_another_server(portal: Portal, deployment: Deployment) -> None:
    """Add a server to the group as soon as the release has begun; the release waits until it serves."""
    releases = ServerRelease.objects.filter(deployment=deployment)
    wait_until(lambda: releases.exists(), what="the beginning of the release")
    group = releases.get().group
    scaling = client(deployment.environment.account, "autoscaling", portal.sandbox)
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=3)
    scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=3)


def the_servers_go_back_in_the_browser(portal: Portal, page: Page, bad: Deployment, good: Deployment) -> None:
    with visited(good):
        page.get_by_role("button", name="Go back…").or_(page.get_by_role("link", name="Go back…")).click()
        expect(page.locator("#apply-change")).to_be_visible()
        back = Deployment.objects.for_page().order_by("-pk")[0]
        page.locator("#apply-change").click()
        launch_another_server(portal, back)
        (ended,) = portal.wait_for_end(back, seconds=4 * LIMIT)

    assert ended.pk != bad.pk
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert ended.release is not None
    assert ended.release.kind is ReleaseKind.CODE, ended.release
    assert ended.template_digest == good.template_digest
    assert list(servers_of(ended).values()) == ["done", "done", "done"]


def the_servers_go_back_by_themselves(portal: Portal, created: Deployment) -> None:
    account = created.environment.account
    first, second, third = servers_of(Deployment.objects.order_by("-pk")[0])
    name = f"{created.environment.stack_name}-app-servers"
    fault = {"associations": {name: {"on": [second], "stdout": OUTPUT}}}
    portal.sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    with visited(created):
        change = released(created, go_back=True)
        returning = ServerRelease.objects.filter(deployment=change, returning_at__isnull=False)
        wait_until(lambda: returning.exists(), seconds=4 * LIMIT, what="the way back")
        portal.sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
        (ended,) = portal.wait_for_end(change, seconds=4 * LIMIT)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseReturned"), reason(ended)
    assert servers_of(ended) == {first: "returned", second: "returned", third: "not_reached"}
