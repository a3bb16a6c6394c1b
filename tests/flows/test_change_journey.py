"""Changes in the browser, one after another: a secret, a replaced database, and a rollback.

The template set is small, so that all changes take only seconds in the sandbox.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.rules.backups import CAUSE_TAG
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.web import submit
from tests.message_texts import reason
from tests.running import Portal, allow_cloudformation, client, new_account
from tests.services import LIMIT, Sandbox

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]
SOON = LIMIT * 1000
FIRST, SECOND = "first-hidden-word", "second-hidden-word"
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
  Password: {Type: String, NoEcho: true, MinLength: 8}
  DatabaseName: {Type: String, Default: datelog}
Resources:
  Shown: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Hidden: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Password}}
  Data:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/data.yaml
      Parameters: {DatabaseName: !Ref DatabaseName}
Outputs:
  Shown: {Value: !Ref Shown}
  Hidden: {Value: !Ref Hidden}
  Cluster: {Value: !GetAtt Data.Outputs.Cluster}
"""
DATA = """
Parameters:
  DatabaseName: {Type: String}
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      Engine: aurora-mysql
      DatabaseName: !Ref DatabaseName
      MasterUsername: admin
      ManageMasterUserPassword: true
Outputs:
  Cluster: {Value: !Ref Cluster}
"""


TEMPLATES = {"root.yaml": ROOT, "data.yaml": DATA}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


@pytest.fixture
def created(portal: Portal, sandbox: Sandbox) -> Deployment:
    account = new_account()
    allow_cloudformation(account, sandbox, "rds:CreateDBCluster")  # in the default subnet group
    (deployment,) = portal.wait_for_end(
        portal.deploy("shop", account, Password=FIRST, Title="first", DatabaseName="datelog"),
        seconds=2 * LIMIT,
    )
    assert deployment.state == State.SUCCEEDED, reason(deployment)
    return deployment


def test_a_secret_is_changed_and_kept_and_a_database_is_replaced_and_the_way_back_is_one_click(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    """All steps run in one environment."""
    seen: list[str] = []
    own_page.on("request", lambda request: seen.append(request.url))
    titled = a_secret_is_kept_when_its_field_stays_empty(own_page, portal, created, sandbox)
    seen.append(own_page.content())
    a_secret_is_changed_without_being_shown(own_page, portal, created, sandbox)
    seen.append(own_page.content())
    a_database_is_replaced_after_its_name_is_typed(own_page, portal, created, sandbox)
    the_deployment_before_the_last_is_gone_back_to(own_page, portal, titled, sandbox)
    seen.append(own_page.content())

    assert [one[:80] for one in seen if FIRST in one or SECOND in one] == []
    assert_not_stored(portal)


def a_secret_is_kept_when_its_field_stays_empty(
    page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> Deployment:
    change_of(page, created, Title="second")
    expect(page.locator("main")).not_to_contain_text("Password")
    titled = applied(page, portal)
    assert topics(titled, sandbox) == ("second", FIRST)
    return titled


def a_secret_is_changed_without_being_shown(
    page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    change_of(page, created, Password=SECOND)
    expect(page.get_by_role("row").filter(has_text="Password").first).to_contain_text(
        "changed; not shown (NoEcho)"
    )
    assert topics(applied(page, portal), sandbox) == ("second", SECOND)


def a_database_is_replaced_after_its_name_is_typed(
    page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    before = cluster(created, sandbox)
    change_of(page, created, DatabaseName="orders")
    box = page.locator(".hazard")
    expect(box).to_contain_text("Cluster (database) is replaced by an empty one")
    expect(box).to_contain_text("It is deleted with its data. Nothing is copied.")
    expect(box).to_contain_text(before["DBClusterIdentifier"])
    expect(box).to_contain_text("Manual snapshots")

    page.locator("#apply-change").click()  # without the name, the browser does not submit the form
    page.locator("#typed-name").fill("shup")
    expect(page.locator("#typed-state")).to_have_text("Not confirmed")
    page.locator("#apply-change").click()
    assert newest(created).applied_at is None
    page.locator("#typed-name").fill("shop")
    expect(page.locator("#typed-state")).to_have_text("Confirmed")
    expect(page.get_by_label("Take a snapshot of the database first")).to_be_checked()

    applied(page, portal)
    after = cluster(created, sandbox)
    (taken,) = snapshots_before_changes(created, sandbox)
    assert (taken["DBClusterIdentifier"], taken["Status"]) == (before["DBClusterIdentifier"], "available")
    assert (before["DatabaseName"], after["DatabaseName"]) == ("datelog", "orders")
    assert [one["DBClusterIdentifier"] for one in clusters(created, sandbox)] == [
        after["DBClusterIdentifier"]
    ]


def the_deployment_before_the_last_is_gone_back_to(
    page: Page, portal: Portal, titled: Deployment, sandbox: Sandbox
) -> None:
    page.goto(f"{titled.environment.get_absolute_url()}history")
    row = page.locator(f"#deployment-{titled.pk}")
    row.get_by_role("button", name="Roll back to this").click()
    expect(page.locator(".hazard")).to_contain_text("Cluster (database)", timeout=SOON)
    page.locator("#typed-name").fill("shop")
    back = applied(page, portal)
    assert back.rolls_back_to_id == titled.pk
    assert cluster(titled, sandbox)["DatabaseName"] == "datelog"
    assert topics(titled, sandbox) == ("second", SECOND)  # secrets keep their current values in AWS


def change_of(page: Page, created: Deployment, **values: str) -> None:
    """Request the preview of a change on the environment's page, and wait until it is shown."""
    page.goto(created.environment.get_absolute_url())
    page.get_by_role("link", name="Change…").click()
    for name, value in values.items():
        page.locator(f"#id_parameter_{name}").fill(value)
    page.get_by_role("button", name="Preview change").click()
    expect(page.locator("#apply-change")).to_be_visible(timeout=SOON)


def applied(page: Page, portal: Portal) -> Deployment:
    """Apply the displayed preview, and return the change when the page reports its end."""
    preview = Deployment.objects.for_page().filter(kind="update").order_by("-pk")[0]
    submit(page.locator("#apply-change"))
    (ended,) = portal.wait_for_end(preview, seconds=3 * LIMIT)
    assert ended.state == State.SUCCEEDED, reason(ended)
    expect(page.get_by_role("heading", name="shop updated")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Preview", exact=True).click()
    expect(page.locator("#sentence")).to_be_visible()
    return ended


def newest(deployment: Deployment) -> Deployment:
    return Deployment.objects.filter(environment=deployment.environment_id).order_by("-pk")[0]


def topics(deployment: Deployment, sandbox: Sandbox) -> tuple[str, str]:
    """Return the topics' display names in AWS: of `Shown`, and of `Hidden`, which is the secret."""
    environment = Environment.objects.get(pk=deployment.environment_id)
    sns = client(deployment.environment.account, "sns", sandbox)

    def name(output: str) -> str:
        answer = sns.get_topic_attributes(TopicArn=environment.outputs[output])
        return str(answer["Attributes"]["DisplayName"])

    return name("Shown"), name("Hidden")


def snapshots_before_changes(deployment: Deployment, sandbox: Sandbox) -> list[dict[str, Any]]:
    rds = client(deployment.environment.account, "rds", sandbox)
    found: list[dict[str, Any]] = list(rds.describe_db_cluster_snapshots()["DBClusterSnapshots"])
    return [one for one in found if {"Key": CAUSE_TAG, "Value": "before_change"} in one["TagList"]]


def clusters(deployment: Deployment, sandbox: Sandbox) -> list[dict[str, Any]]:
    rds = client(deployment.environment.account, "rds", sandbox)
    return list(rds.describe_db_clusters()["DBClusters"])


def cluster(deployment: Deployment, sandbox: Sandbox) -> dict[str, Any]:
    """Return the cluster named in the environment's output."""
    identifier = Environment.objects.get(pk=deployment.environment_id).outputs["Cluster"]
    return next(one for one in clusters(deployment, sandbox) if one["DBClusterIdentifier"] == identifier)


def rows_of(model: type[Model]) -> str:
    return "\n".join(str(value) for row in model._default_manager.values_list() for value in row)


def assert_not_stored(portal: Portal) -> None:
    """Assert that no table and no process log contains either secret."""
    for model in apps.get_models():
        assert not [word for word in (FIRST, SECOND) if word in rows_of(model)], model
    for service in portal.services:
        text = service.log.read_text(errors="replace")
        assert not [word for word in (FIRST, SECOND) if word in text], service.log
