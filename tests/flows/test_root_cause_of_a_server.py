"""A playbook task fails on one of two servers: the banner names the server, the task and its message."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from deployments.aws import session
from deployments.common.models import leases
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.health.models.observing import Observer
from deployments.health.steps import observe
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment, make_user
from tests.message_texts import attention
from tests.pages.pages import page
from tests.running import client as aws
from tests.running import new_account
from tests.services import LIMIT, Sandbox

pytestmark = pytest.mark.django_db
SECONDS = LIMIT
PRINTED = """\
PLAY [all] *********************************************************************

TASK [Install the release] *****************************************************
fatal: [localhost]: FAILED! => {"changed": false, "msg": "No space left on device"}

PLAY RECAP *********************************************************************
localhost                  : ok=4    changed=2    unreachable=0    failed=1    skipped=0
"""


def waiting_for_signals(folder: Path) -> None:
    """Make the Auto Scaling group, instead of the association, wait for the servers."""
    file = folder / "servers.yaml"
    text = file.read_text()
    for before, after in (
        ("    DependsOn: Group\n", ""),
        ("      WaitForSuccessTimeoutSeconds: 60\n", ""),
        ("[ansible-playbook playbook.yml]", "[ansible-playbook -e SIGNAL_STACK=root playbook.yml]"),
        (
            "    Type: AWS::AutoScaling::AutoScalingGroup\n",
            "    Type: AWS::AutoScaling::AutoScalingGroup\n    DependsOn: Configure\n"
            "    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT20M}}\n",
        ),
    ):
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)


@pytest.mark.parametrize(
    ("leaf", "cause"),
    [("Configure", "AssociationFailed"), ("Group", "SignalsMissing")],
    ids=["waits", "signals"],
)
def test_the_banner_names_the_server_and_the_task(
    settings: Settings, sandbox: Sandbox, client: Client, tmp_path: Path, leaf: str, cause: str
) -> None:
    folder = shutil.copytree(Path(__file__).parent / "failing_servers", tmp_path / "set")
    if leaf == "Group":
        waiting_for_signals(folder)
    template_set = template_files.load(folder)
    settings.SANSO_TEMPLATE_SET = template_set.folder
    TemplateCheck.objects.get_or_create(digest=template_set.digest, defaults={"findings": []})
    account = new_account()
    fault = {"associations": {"configure": {"on": 1, "stdout": PRINTED, "stderr": "exit status 2"}}}
    sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    environment = make_environment("broken", account=account)
    deployment = make_deployment(environment, template_digest=template_set.digest)
    type(environment).objects.update(latest=deployment)

    sandbox.control("POST", "pace", {"pace": 1})
    try:
        ended = _to_its_end(deployment)
    finally:
        sandbox.control("POST", "pace", {"pace": 0})

    client.force_login(make_user())
    shown = page(client.get(ended.get_absolute_url()))
    banner = shown.one(id="banner")
    failed, succeeded = _failed_and_succeeded(account, sandbox)
    assert ended.state == "rolled_back"
    assert banner.one(id="cause")["data-cause"] == cause
    assert f"Servers ▸ {leaf} ▸ {failed}" in banner.text
    assert failed in banner.all("details", class_="evidence")[0].one("summary").text
    sentence = f"Server {failed} failed at task “Install the release”: No space left on device."
    assert banner.one(id="end-title").text == sentence
    assert banner.one(id="main-action").text == "Clean up and retry…"
    assert "Run association" not in banner.text  # the servers are gone
    row = shown.one("tr", class_="is-first")
    assert row["id"] == f"t-Servers.{leaf}.{failed}"
    assert "Task “Install the release”: No space left on device" in row.text
    assert "failed=1" in banner.text  # from the output
    if leaf == "Configure":  # a group's activities name all of its servers
        assert succeeded not in banner.text


def _failed_and_succeeded(account: Account, sandbox: Sandbox) -> tuple[str, str]:
    """Return the instance on which the association failed, and the instance on which it succeeded.

    The rollback deletes the association and its runs, but not the agents' output in S3
    (PREFIX/INSTANCE/ASSOCIATION/…), and only a failed step writes to stderr.
    """
    s3 = aws(account, "s3", sandbox)
    (bucket,) = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="logs/")["Contents"]]
    (failed,) = {key.split("/")[1] for key in keys if key.endswith("/stderr")}
    (succeeded,) = {key.split("/")[1] for key in keys} - {failed}
    return failed, succeeded


def _to_its_end(deployment: Deployment) -> Deployment:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        fresh = Deployment.objects.for_page().get(pk=deployment.pk)
        if not fresh.is_active:
            return fresh
        rows = Deployment.objects.active().filter(pk=fresh.pk)
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
            step.run_deployment(pk, version, session.connect)
        observe.ensure_observers()
        for pk, version in leases.claim_due(Observer.objects.all(), timezone.now(), timedelta(seconds=30)):
            observe.run_observer(pk, version, session.connect)
    raise AssertionError(f"still {fresh.state}: {attention(fresh)}")
