"""An operator recovers from failed updates, rollbacks and deletions by following only the pages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.flows.environment_menu import choose, open_menu
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.test_pages import faults
from tests.flows.web import submit, visit
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
SOON = LIMIT * 1000
ONCE = re.compile(r"^(?!.*no more topics.*no more topics).*no more topics", re.DOTALL)
"""The page says why the change failed, and says it once."""
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Inner:
    Type: AWS::CloudFormation::Stack
    DependsOn: Topic
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
"""
INNER = """
Parameters:
  Title: {Type: String}
Resources:
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Last: {Type: AWS::SNS::Topic, DependsOn: Named, Properties: {DisplayName: !Ref Title}}
"""


TEMPLATES = {"root.yaml": ROOT, "inner.yaml": INNER}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


@pytest.fixture
def created(portal: Portal) -> Deployment:
    (ended,) = portal.wait_for_end(portal.deploy("shop", new_account()), seconds=3 * LIMIT)
    assert ended.state == State.SUCCEEDED, reason(ended)
    return ended


def fail(sandbox: Sandbox, deployment: Deployment, **resources: str) -> None:
    account = deployment.environment.account.sandbox_account_id
    sandbox.control("DELETE", "faults", account=account)
    if resources:
        sandbox.control("POST", "faults", {"resources": resources}, account=account)


def change_title(page: Page, environment: Environment, title: str) -> None:
    """Start a parameter change on the environment's page, and stop before Apply."""
    visit(page, environment.get_absolute_url())
    page.locator("#change").click()
    page.locator("#id_parameter_Title").fill(title)
    page.get_by_role("button", name="Preview change").click()
    expect(page.locator("#apply-change")).to_be_visible(timeout=SOON)


def ended(page: Page, portal: Portal, kind: str) -> Deployment:
    """Wait until the newest deployment of a kind has ended, and return it."""
    newest = Deployment.objects.for_page().filter(kind=kind).order_by("-pk").first()
    assert newest
    (found,) = portal.wait_for_end(newest, seconds=3 * LIMIT)
    return found


def names(deployment: Deployment, sandbox: Sandbox) -> set[str]:
    """Return the display names of all topics in the account."""
    sns = client(deployment.environment.account, "sns", sandbox)
    topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    return {sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in topics}


def test_a_nested_update_that_fails_is_rolled_back_and_named_by_its_true_cause(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    fail(sandbox, created, **{"update:Last": "no more topics"})
    change_title(own_page, created.environment, "second")
    submit(own_page.locator("#apply-change"))
    failed = ended(own_page, portal, "update")
    assert failed.state == State.ROLLED_BACK, reason(failed)

    visit(own_page, created.environment.get_absolute_url())
    line = own_page.locator("#last-failure")
    expect(line).to_contain_text("Last could not be updated: no more topics", timeout=SOON)
    expect(own_page.locator("main")).to_have_text(ONCE)
    assert not faults(own_page)
    assert names(created, sandbox) == {"first"}

    fail(sandbox, created)
    own_page.locator("#retry-change").focus()
    own_page.keyboard.press("Enter")
    expect(own_page.locator("#id_parameter_Title")).to_have_value("second")
    expect(own_page.locator("#retry")).to_contain_text(f"the values of deployment {failed.pk}, which failed")
    assert not faults(own_page)
    own_page.locator("#id_parameter_Title").fill("third")
    own_page.get_by_role("button", name="Preview change").click()
    expect(own_page.locator("#apply-change")).to_be_visible(timeout=SOON)
    submit(own_page.locator("#apply-change"))
    assert ended(own_page, portal, "update").state == State.SUCCEEDED
    assert names(created, sandbox) == {"third"}
    visit(own_page, created.environment.get_absolute_url())
    expect(line).to_have_count(0)

    _dismiss_by_keyboard(own_page, portal, created, sandbox)


def _dismiss_by_keyboard(page: Page, portal: Portal, created: Deployment, sandbox: Sandbox) -> None:
    """Let a change fail, and dismiss its failure."""
    fail(sandbox, created, **{"update:Last": "no more topics"})
    change_title(page, created.environment, "fourth")
    submit(page.locator("#apply-change"))
    assert ended(page, portal, "update").state == State.ROLLED_BACK
    fail(sandbox, created)
    visit(page, created.environment.get_absolute_url())
    expect(page.locator("#dismiss-failure")).to_be_visible(timeout=SOON)
    page.locator("#dismiss-failure").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#latest")).to_contain_text("Failure dismissed by", timeout=SOON)
    expect(page.locator("#last-failure")).to_have_count(0)


def test_a_failed_rollback_is_recovered_by_following_only_the_page(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    fail(sandbox, created, **{"update:Last": "no more topics", "rollback:Named": "cannot go back"})
    change_title(own_page, created.environment, "second")
    submit(own_page.locator("#apply-change"))
    assert ended(own_page, portal, "update").state == State.FAILED

    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#operation-continue")).to_be_visible(timeout=SOON)
    open_menu(own_page)
    expect(own_page.locator("#change")).to_be_disabled()
    expect(own_page.locator("#change-why-not")).to_contain_text("Continue the rollback first.")
    own_page.locator("#operation-continue").click()
    _until_read(own_page)
    expect(own_page.locator("#stuck")).to_contain_text("Inner/Named")
    expect(own_page.locator("#stuck")).to_contain_text("cannot go back")
    submit(own_page.locator("#continue"))  # nothing is skipped, and the cause is still there
    again = ended(own_page, portal, "rollback")
    assert again.state == State.FAILED, reason(again)

    expect(own_page.get_by_role("link", name="Continue the rollback…")).to_be_visible(timeout=SOON)
    own_page.get_by_role("link", name="Continue the rollback…").click()
    _until_read(own_page)
    own_page.get_by_label("Skip the selected resources").check()
    submit(own_page.locator("#continue"))
    recovered = ended(own_page, portal, "rollback")
    assert recovered.state == State.SUCCEEDED, reason(recovered)

    fail(sandbox, created)
    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#skipped")).to_contain_text("Inner/Named", timeout=SOON)
    change_title(own_page, created.environment, "third")  # updates the skipped resource
    submit(own_page.locator("#apply-change"))
    assert ended(own_page, portal, "update").state == State.SUCCEEDED
    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#skipped")).to_have_count(0)
    assert names(created, sandbox) == {"third"}


def _until_read(page: Page) -> None:
    """Follow the page's “Load again” link until Sanso has read the failed resources."""

    def is_read() -> bool:
        """Return whether the page has what failed; load it again if it has not."""
        if not page.locator("#reading").count():
            return True
        with page.expect_navigation():  # or the next look would be at the page before
            page.get_by_role("link", name="Load again").click()
        return False

    wait_until(is_read, what="what failed, read")


def test_a_failed_deletion_goes_on_without_what_resists(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    fail(sandbox, created, **{"delete:Named": "it is busy"})
    visit(own_page, created.environment.get_absolute_url())
    choose(own_page, "delete")
    own_page.get_by_label("Type the environment name to confirm").fill("shop")
    own_page.get_by_label("Turn off deletion protection first").check()
    submit(own_page.get_by_role("button", name="Delete environment"))
    failed = ended(own_page, portal, "delete")
    assert failed.state == State.FAILED, reason(failed)

    expect(own_page.get_by_role("link", name="Delete again…")).to_be_visible(timeout=SOON)
    own_page.get_by_role("link", name="Delete again…").click()
    _until_read(own_page)
    expect(own_page.locator("#stuck")).to_contain_text("it is busy")
    own_page.get_by_label("Leave in AWS Inner/Named").check()
    own_page.get_by_label("Type the environment name to confirm").fill("shop")
    submit(own_page.locator("#delete-again"))
    gone = ended(own_page, portal, "delete")
    assert gone.state == State.SUCCEEDED, reason(gone)
    expect(own_page.get_by_role("heading", name="shop is deleted")).to_be_visible(timeout=SOON)
    assert names(created, sandbox) == {"first"}  # the resource left in AWS


def test_a_deletion_is_forced_and_what_stays_is_listed(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    fail(sandbox, created, **{"delete:Named": "it is busy"})
    visit(own_page, created.environment.get_absolute_url())
    choose(own_page, "delete")
    own_page.get_by_label("Type the environment name to confirm").fill("shop")
    own_page.get_by_label("Turn off deletion protection first").check()
    submit(own_page.get_by_role("button", name="Delete environment"))
    failed = ended(own_page, portal, "delete")
    assert failed.state == State.FAILED, reason(failed)

    visit(own_page, created.environment.get_absolute_url())
    own_page.get_by_role("link", name="Force deletion…").click(timeout=SOON)
    _until_read(own_page)
    visit(own_page, created.environment.get_absolute_url())
    own_page.get_by_role("link", name="Force deletion…").click(timeout=SOON)
    expect(own_page.locator("#force-does")).to_be_visible()  # the link opens the closed section
    own_page.get_by_label("Type the environment name to confirm").fill("shop")
    submit(own_page.locator("#force-delete"))
    gone = ended(own_page, portal, "delete")
    assert gone.state == State.SUCCEEDED, reason(gone)

    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#remaining")).to_contain_text("Named", timeout=SOON)
    expect(own_page.locator("#remaining")).not_to_contain_text("DeletionPolicy")  # the templates have none
    assert names(created, sandbox) == {"first"}  # the resource left in AWS


def _change_outside(deployment: Deployment, sandbox: Sandbox, page: Page) -> None:
    """Change the stack's title in AWS, and wait until the environment's page says so."""
    stack_is_known = Environment.objects.filter(pk=deployment.environment_id).exclude(known_stack={})
    wait_until(stack_is_known.exists, what="the first observation of the stack")
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    name = deployment.stack_id
    cloudformation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Title", "ParameterValue": "outside"},
            *({"ParameterKey": key, "UsePreviousValue": True} for key in ("Bucket", "Prefix")),
        ],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    visit(page, deployment.environment.get_absolute_url())
    expect(page.locator("#changed-outside")).to_be_visible(timeout=SOON)


def test_a_change_from_outside_is_taken_over_or_undone_by_the_next_change(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    _change_outside(created, sandbox, own_page)
    expect(own_page.locator("#changed-outside")).to_contain_text("Changed outside of Sanso")
    submit(own_page.get_by_role("button", name="Take over"))
    taken = ended(own_page, portal, "update")
    assert (taken.state, taken.operation) == (State.SUCCEEDED, "take_over"), reason(taken)

    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#change")).to_be_enabled(timeout=SOON)
    expect(own_page.locator("#changed-outside")).to_have_count(0)
    own_page.locator("#change").click()
    expect(own_page.locator("#id_parameter_Title")).to_have_value("outside")
    change_title(own_page, created.environment, "third")
    submit(own_page.locator("#apply-change"))
    assert ended(own_page, portal, "update").state == State.SUCCEEDED
    assert names(created, sandbox) == {"third"}

    _change_outside(created, sandbox, own_page)  # and nobody takes it over
    change_title(own_page, created.environment, "fourth")
    submit(own_page.locator("#apply-change"))
    assert ended(own_page, portal, "update").state == State.SUCCEEDED
    assert names(created, sandbox) == {"fourth"}
    visit(own_page, created.environment.get_absolute_url())
    expect(own_page.locator("#changed-outside")).to_have_count(0)


def test_a_stack_that_was_deleted_outside_is_created_again_or_removed(
    own_page: Page, portal: Portal, created: Deployment, sandbox: Sandbox
) -> None:
    _delete_outside(created, sandbox, own_page)
    own_page.get_by_role("link", name="Create again…").click()
    expect(own_page.locator("#id_parameter_Title")).to_have_value("first")
    submit(own_page.get_by_role("button", name="Deploy"))
    again = ended(own_page, portal, "create")
    assert again.state == State.SUCCEEDED, reason(again)
    assert again.pk != created.pk
    assert names(again, sandbox) == {"first"}

    _delete_outside(again, sandbox, own_page)
    submit(own_page.get_by_role("button", name="Remove environment from Sanso"))
    visit(own_page, "/environments/")
    expect(own_page.get_by_role("link", name="shop")).to_have_count(0)


def _delete_outside(deployment: Deployment, sandbox: Sandbox, page: Page) -> None:
    """Delete the stack in AWS, and wait until the environment's page says so."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    name = deployment.stack_id
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
    visit(page, deployment.environment.get_absolute_url())
    expect(page.locator("#missing")).to_contain_text("Stack no longer exists in AWS", timeout=SOON)
