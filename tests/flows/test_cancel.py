"""An operator cancels in the browser: a preview, a creation, an update, and waiting for servers."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Resource
from tests.builders import make_user
from tests.flows.environment_menu import open_menu
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.message_texts import reason
from tests.running import Portal, allow_cloudformation, client, new_account
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
STILL, SLOWLY, MODERATE, FAST = 1000.0, 20.0, 2.0, 0.1
"""Time scales: creating the queue takes more than an hour, two minutes, ten seconds, and no time."""
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
  Waits: {Type: String, Default: "no", AllowedValues: ["yes", "no"]}
Conditions:
  Waits: !Equals [!Ref Waits, "yes"]
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Inner:
    Type: AWS::CloudFormation::Stack
    DependsOn: Topic
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
  Network: {Type: AWS::EC2::VPC, Condition: Waits, Properties: {CidrBlock: 10.0.0.0/16}}
  Servers:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Condition: Waits
    Properties:
      Port: 80
      Protocol: HTTP
      TargetType: ip
      VpcId: !Ref Network
      Targets: [{Id: 10.0.0.5, Port: 80}]
Outputs:
  Topic: {Value: !Ref Topic}
"""
INNER = """
Parameters:
  Title: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {Tags: [{Key: title, Value: !Ref Title}]}}
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
"""


TEMPLATES = {"root.yaml": ROOT, "inner.yaml": INNER}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


def pace(deployment: Deployment, sandbox: Sandbox, scale: float) -> None:
    account = deployment.environment.account.sandbox_account_id
    sandbox.control("POST", "pace", {"pace": scale}, account=account)


def requested(portal: Portal, sandbox: Sandbox, scale: float, **parameters: str) -> Deployment:
    account = new_account()
    if "Waits" in parameters:
        allow_cloudformation(account, sandbox, "elasticloadbalancing:RegisterTargets")
    sandbox.control("POST", "pace", {"pace": scale}, account=account.sandbox_account_id)
    return portal.deploy("shop", account, **parameters)


def superuser() -> User:
    return User.objects.filter(username="root").first() or make_user("root", is_superuser=True)


def change(deployment: Deployment, **parameters: str) -> Deployment:
    environment = Environment.objects.for_page().get(pk=deployment.environment_id)
    return request_change(
        user=superuser(),
        environment=environment,
        parameters={**environment.parameters, **parameters},
        reason="",
        request_key=uuid.uuid4(),
    )


def previewed(deployment: Deployment) -> Deployment:
    rows = Deployment.objects.for_page().filter(pk=deployment.pk)
    wait_until(lambda: rows.get().state == State.PREVIEW, what="the preview")
    return rows.get()


IN_PROGRESS = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]


def hold_at(deployment: Deployment, sandbox: Sandbox, name: str) -> None:
    """Let CloudFormation stay at a resource as soon as it works on it, and wait until the portal knows."""
    wait_until(
        lambda: statuses(deployment, sandbox).get(name) in IN_PROGRESS, what=f"{name} in flight in AWS"
    )
    pace(deployment, sandbox, STILL)
    rows = Resource.objects.filter(stack__deployment=deployment, logical_id=name)
    wait_until(rows.filter(status__in=IN_PROGRESS).exists, what=f"{name} in flight")


def statuses(deployment: Deployment, sandbox: Sandbox) -> dict[str, str]:
    """Return the status of each resource in the account."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    stacks = [one["StackId"] for one in cloudformation.describe_stacks()["Stacks"]]
    listed = [cloudformation.describe_stack_resources(StackName=one)["StackResources"] for one in stacks]
    return {one["LogicalResourceId"]: one["ResourceStatus"] for stack in listed for one in stack}


def card(page: Page) -> Locator:
    return page.locator("#cancellation")


def test_a_creation_in_its_stacks_is_canceled_and_leaves_nothing(
    own_page: Page, portal: Portal, sandbox: Sandbox
) -> None:
    creation = requested(portal, sandbox, MODERATE)
    hold_at(creation, sandbox, "Queue")
    own_page.goto(creation.get_absolute_url())

    own_page.get_by_role("link", name="Cancel…").click()
    what = own_page.locator("#what")
    expect(what).to_contain_text("Everything that was created so far is deleted, with its data.")
    expect(what).to_contain_text(re.compile(r"\d+ resources? exists? so far"))
    own_page.get_by_role("button", name="Cancel and delete the stack").click()

    expect(card(own_page)).to_contain_text("Canceling…")
    expect(card(own_page)).to_contain_text("Requested")
    expect(card(own_page)).to_contain_text("by root")
    expect(card(own_page)).to_contain_text("AWS accepted DeleteStack", timeout=LIMIT * 1000)
    expect(card(own_page)).to_contain_text("CREATE_IN_PROGRESS")
    expect(card(own_page)).to_contain_text("DELETE_IN_PROGRESS", timeout=LIMIT * 1000)
    expect(own_page.locator("#cancel")).to_have_count(0)
    pace(creation, sandbox, FAST)
    (ended,) = portal.wait_for_end(creation, seconds=2 * LIMIT)

    assert (ended.state, ended.error_code) == (State.CANCELED, ""), reason(ended)
    expect(card(own_page).get_by_role("heading")).to_have_text(
        "Creation of shop canceled; its stack is deleted", timeout=LIMIT * 1000
    )
    expect(card(own_page)).to_contain_text("DELETE_COMPLETE")
    expect(own_page.locator("#header")).to_contain_text("Canceled")
    expect(own_page.locator("#cause")).to_have_count(0)
    expect(own_page).to_have_title(re.compile("Create shop canceled"))
    expect(own_page.locator("#t-Topic")).to_contain_text("Deleted")
    expect(own_page.locator("#t-Inner\\.Queue")).to_contain_text("Canceled")
    cloudformation = client(ended.environment.account, "cloudformation", sandbox)
    stacks = cloudformation.list_stacks()["StackSummaries"]
    assert {one["StackStatus"] for one in stacks} == {"DELETE_COMPLETE"}

    own_page.goto(ended.environment.get_absolute_url())
    expect(own_page.locator("main")).to_contain_text("This environment was deleted on")
    own_page.goto(ended.get_absolute_url())
    own_page.get_by_role("link", name="Retry with these values").click()
    expect(own_page.locator("#id_name")).to_have_value("shop")


def test_an_update_in_its_stacks_is_rolled_back_and_a_preview_is_discarded(
    own_page: Page, portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(requested(portal, sandbox, FAST), seconds=2 * LIMIT)
    assert created.state == State.SUCCEEDED, reason(created)
    shown = previewed(change(created, Title="second"))
    pace(created, sandbox, SLOWLY)
    apply_change(user=superuser(), deployment=shown, digest=shown.preview_digest)
    hold_at(shown, sandbox, "Named")
    own_page.goto(shown.get_absolute_url())

    own_page.get_by_role("link", name="Cancel…").click()
    expect(own_page.locator("#what")).to_contain_text("rolls the stack back")
    expect(own_page.locator("#what")).to_contain_text("templates and values that it had before the update")
    own_page.get_by_role("button", name="Cancel and roll back").click()
    expect(card(own_page)).to_contain_text("AWS accepted CancelUpdateStack", timeout=LIMIT * 1000)
    expect(card(own_page)).to_contain_text("UPDATE_IN_PROGRESS")
    pace(created, sandbox, FAST)
    (ended,) = portal.wait_for_end(shown, seconds=2 * LIMIT)

    assert (ended.state, ended.error_code) == (State.ROLLED_BACK, ""), reason(ended)
    expect(card(own_page).get_by_role("heading")).to_have_text(
        "Update of shop canceled; CloudFormation rolled it back", timeout=LIMIT * 1000
    )
    expect(card(own_page)).to_contain_text("UPDATE_ROLLBACK_COMPLETE")
    expect(own_page.locator("#cause")).to_have_count(0)
    expect(own_page.get_by_role("button", name="Problems 0")).to_be_visible()
    expect(own_page.locator("#t-Inner")).to_contain_text("Canceled")
    sns = client(ended.environment.account, "sns", sandbox)
    topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    names = {sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in topics}
    assert names == {"first"}

    own_page.goto(ended.environment.get_absolute_url())
    expect(own_page.locator("#canceled")).to_contain_text("Update of shop canceled")
    expect(own_page.locator("#cause")).to_have_count(0)
    own_page.locator("#change").click()
    expect(own_page.locator("#id_parameter_Title")).to_have_value("first")

    preview = previewed(change(created, Title="third"))
    own_page.goto(preview.get_absolute_url())
    own_page.get_by_role("button", name="Discard").click()
    expect(own_page.get_by_role("heading", name="Change discarded")).to_be_visible()
    expect(own_page.locator("main")).to_contain_text("Nothing was changed in AWS.")
    (discarded,) = portal.wait_for_end(preview)
    assert discarded.state == State.CANCELED


def test_waiting_is_stopped_and_the_environment_stays(
    own_page: Page, portal: Portal, sandbox: Sandbox
) -> None:
    creation = requested(portal, sandbox, FAST, Waits="yes")
    rows = Deployment.objects.filter(pk=creation.pk)
    wait_until(lambda: rows.get().state in (State.CONFIGURATION, State.TRAFFIC), what="the waiting")
    own_page.goto(creation.get_absolute_url())

    own_page.get_by_role("link", name="Cancel…").click()
    expect(own_page.locator("#what")).to_contain_text("Nothing is changed or deleted in AWS: the stack stays")
    own_page.get_by_role("button", name="Stop waiting").click()
    expect(card(own_page).get_by_role("heading")).to_have_text(
        "Stopped waiting for shop; its stack stays", timeout=LIMIT * 1000
    )
    expect(card(own_page)).to_contain_text("CREATE_COMPLETE")
    (ended,) = portal.wait_for_end(creation)

    assert (ended.state, ended.ready_at) == (State.CANCELED, None)
    own_page.goto(ended.environment.get_absolute_url())
    expect(own_page.locator("#canceled")).to_contain_text("Stopped waiting for shop; its stack stays")
    expect(own_page.locator("#change")).to_be_visible()
    open_menu(own_page)
    expect(own_page.locator("#delete")).to_be_visible()
