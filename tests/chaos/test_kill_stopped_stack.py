"""Real failures: what a validation or a hook reported is named once, on the page and by the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence, validation_of
from tests.builders import make_grant
from tests.chaos.conftest import replace_worker, unobserved_account
from tests.chaos.test_kill_change import applied, change
from tests.chaos.test_kill_trail import new_account_without
from tests.message_texts import reason
from tests.pages.pages import page
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Name: {Type: String, Default: ""}
Conditions:
  HasBucket: !Not [!Equals [!Ref Name, ""]]
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Logs: {Type: AWS::S3::Bucket, Condition: HasBucket, Properties: {BucketName: !Ref Name}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
"""
INNER = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n"
HOOK = {"resources": {"hook:Queue": "Queues must be encrypted."}}
STOPPED = "The hook Private::Sandbox::Hook stopped Inner ▸ Queue: Queues must be encrypted."


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def texts_of(deployment: Deployment) -> list[str]:
    return [stored_text(one.problem) for one in validation_of(Evidence.objects.of(deployment))]


def test_the_hook_that_stopped_a_creation_is_named_although_the_worker_dies_over_its_report(
    portal: Portal, sandbox: Sandbox, client: Client
) -> None:
    account = unobserved_account()
    sandbox.control("POST", "faults", HOOK, account=account.sandbox_account_id)
    held = {"service": "cloudformation", "action": "DescribeEvents", "mode": "hold_before", "skip": 2}
    portal.faults(account, held)  # after the reads of the two change sets
    deployment = portal.deploy(account=account)
    wait_until(lambda: bool(portal.held()), what="the read of the stack's operation")
    replace_worker(portal)

    (failed,) = portal.wait_for_end(deployment)

    assert failed.state == State.ROLLED_BACK
    assert texts_of(failed) == [STOPPED]
    assert reason(failed) == STOPPED
    user = User.objects.get(username="operator")
    make_grant(user, role="viewer")
    client.force_login(user)
    banner = page(client.get(failed.get_absolute_url(), follow=True)).one(id="banner")
    assert banner.one(id="end-title").text.replace(" :", ":") == (
        "The hook Private::Sandbox::Hook stopped Queue: Queues must be encrypted."
    )
    assert STOPPED in banner.one("section", id="findings").text
    shown = client.get(f"/api/v1/deployments/{failed.pk}").json()
    assert shown["error"]["text"] == STOPPED
    (finding,) = shown["findings"]
    assert (finding["code"], finding["path"]) == ("stopped_by_hook", "Inner/Queue")
    assert (finding["check"], finding["text"]) == ("Private::Sandbox::Hook", STOPPED)


def test_a_name_that_was_taken_after_the_preview_is_named(portal: Portal, sandbox: Sandbox) -> None:
    account = unobserved_account()
    (created,) = portal.wait_for_end(portal.deploy(account=account))
    assert created.state == State.SUCCEEDED, reason(created)
    name = f"taken-{account.sandbox_account_id}"
    previewed = change(created, Name=name)
    wait_until(
        lambda: Deployment.objects.filter(pk=previewed.pk, state=str(State.PREVIEW)).exists(),
        what="the preview",
    )
    where = {"LocationConstraint": account.region}
    client(account, "s3", sandbox).create_bucket(Bucket=name, CreateBucketConfiguration=where)

    (failed,) = applied(portal, previewed)

    assert failed.state == State.ROLLED_BACK
    (text,) = texts_of(failed)
    assert text.startswith("Logs did not pass CloudFormation's validation: ")
    assert text.endswith("(NAME_CONFLICT_VALIDATION)")
    assert name in text
    assert reason(failed) == text


def test_a_role_that_may_not_read_it_says_so_once(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account_without(sandbox, "sanso-portal", "cloudformation:DescribeEvents")
    sandbox.control("POST", "faults", HOOK, account=account.sandbox_account_id)

    (failed,) = portal.wait_for_end(portal.deploy(account=account))

    (text,) = texts_of(failed)
    assert text.startswith("It could not be read. cloudformation:DescribeEvents: ")
    assert "The following hook(s) failed: [Private::Sandbox::Hook]" in reason(failed)
