"""Updates of nested stacks: detected at every depth, and rolled back in child, sibling and parent."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until

CHILD = """
    Parameters:
      Text: {Type: String}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: !Sub "/${Text}", Value: first}}
      Still: {Type: AWS::SNS::Topic}
    Outputs:
      Topic: {Value: !GetAtt Still.TopicArn}
      Value: {Value: !GetAtt Note.Value}
"""
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def parent(url: str, *names: str, more: str = "") -> str:
    """Return a template with a nested stack of each name; the Text parameter of each is its name."""
    nested = "".join(
        f"  {name}: {{Type: AWS::CloudFormation::Stack, Properties: "
        f"{{TemplateURL: {url}/{name.lower()}.yaml, Parameters: {{Text: {name.lower()}}}}}}}\n"
        for name in names
    )
    return f"Resources:\n{nested}{more}"


def test_a_nested_stack_is_created_modified_replaced_and_removed_by_updates_of_its_parent(
    account: Account, template_url: str
) -> None:
    account.publish(left=CHILD, right=CHILD)
    root = account.create("root", parent(template_url, "Left"))
    left = account.child(root, "Left")
    topic = account.outputs(left)["Topic"]
    account.update(root, parent(template_url, "Left", "Right"))
    right = account.child(root, "Right")
    assert account.status(right) == "CREATE_COMPLETE"
    assert account.status(left) == "CREATE_COMPLETE"  # nothing in it changed

    seen = len(account.events(left))
    account.publish(left=CHILD.replace("Value: first", "Value: second"))
    account.update(root, parent(template_url, "Left", "Right", more="  T: {Type: AWS::SNS::Topic}\n"))
    assert account.story(left, since=seen) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_COMPLETE",
    ]
    assert account.outputs(left) == {"Topic": topic, "Value": "second"}

    seen = len(account.events(left))
    moved = CHILD.replace('"/${Text}"', '"/new/${Text}"').replace("Still: {Type: AWS::SNS::Topic}", "")
    account.publish(left=moved.replace("      Topic: {Value: !GetAtt Still.TopicArn}\n", ""))
    account.update(root, parent(template_url, "Left"))
    assert account.story(left, since=seen) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        f"Note UPDATE_IN_PROGRESS {REPLACING}",
        "Note UPDATE_IN_PROGRESS Resource creation Initiated",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        *["Still DELETE_IN_PROGRESS", "Note DELETE_IN_PROGRESS"],
        *["Still DELETE_COMPLETE", "Note DELETE_COMPLETE"],
        "stack UPDATE_COMPLETE",
    ]
    assert account.status(right) == "DELETE_COMPLETE"
    assert account.parameter("/new/left") == "first"
    assert account.parameter("/left") is None
    assert account.client("sns").list_topics()["Topics"] == []


def test_a_change_of_a_nested_template_alone_is_found(account: Account, template_url: str) -> None:
    account.publish(left=CHILD)
    template = parent(template_url, "Left")
    root = account.create("root", template)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        account.update(root, template)
    account.publish(left=CHILD.replace("Value: first", "Value: second"))
    assert account.update(root, template) == "UPDATE_COMPLETE"
    assert account.parameter("/left") == "second"


def test_a_change_two_levels_down_is_found(account: Account, template_url: str) -> None:
    account.publish(middle=parent(template_url, "Left"), left=CHILD)
    template = f"""
        Resources:
          Middle:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {template_url}/middle.yaml}}
    """
    root = account.create("root", template)
    account.publish(left=CHILD.replace("Value: first", "Value: second"))
    assert account.update(root, template) == "UPDATE_COMPLETE"
    assert account.parameter("/left") == "second"


def test_a_failed_nested_update_rolls_back_child_sibling_and_parent(
    account: Account, template_url: str
) -> None:
    account.publish(left=CHILD, right=CHILD)
    template = parent(template_url, "Left", "Right")
    root = account.create("root", template)
    left, right = account.child(root, "Left"), account.child(root, "Right")
    before = {stack: account.describe(stack)["Outputs"] for stack in (left, right)}
    seen = {stack: len(account.events(stack)) for stack in (root, left, right)}
    changed = CHILD.replace("Value: first", "Value: second")
    account.publish(
        left=changed,
        right=changed.replace("Still:", "New: {Type: AWS::SQS::Queue, DependsOn: Note}\n      Still:"),
    )
    account.fail(New="no more queues")
    ordered = template.replace("right.yaml", "right.yaml").replace(
        "  Right: {Type: AWS::CloudFormation::Stack,",
        "  Right: {Type: AWS::CloudFormation::Stack, DependsOn: Left,",
    )
    assert account.update(root, ordered) == "UPDATE_ROLLBACK_COMPLETE"
    failed = (
        f"Right UPDATE_FAILED Embedded stack {right} was not successfully updated. Currently in "
        "UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to create: [New]."
    )
    assert account.story(root, since=seen[root]) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Left UPDATE_IN_PROGRESS",
        "Left UPDATE_COMPLETE",
        "Right UPDATE_IN_PROGRESS",
        failed,
        "stack UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Right].",
        *["Left UPDATE_IN_PROGRESS", "Right UPDATE_IN_PROGRESS"],
        *account.story(root, since=seen[root])[8:10],
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]
    assert set(account.story(root, since=seen[root])[8:10]) == {
        "Left UPDATE_COMPLETE",
        "Right UPDATE_COMPLETE",
    }
    assert account.story(left, since=seen[left]) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_IN_PROGRESS",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]
    assert account.story(right, of="stack", since=seen[right]) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "stack UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [New].",
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]
    assert account.parameter("/left") == account.parameter("/right") == "first"
    assert {stack: account.describe(stack)["Outputs"] for stack in (left, right)} == before
    assert account.queue_names() == set()
    # The previous template is in place again: the same update can be requested, and now succeeds.
    account.heal()
    assert account.update(root, ordered) == "UPDATE_COMPLETE"
    assert account.parameter("/right") == "second"


def test_a_rollback_stuck_in_a_nested_stack_is_continued_from_the_root(
    account: Account, template_url: str
) -> None:
    account.publish(left=CHILD)
    template = parent(template_url, "Left")
    root = account.create("root", template)
    left = account.child(root, "Left")
    changed = CHILD.replace("Value: first", "Value: second")
    account.publish(
        left=changed.replace("Still:", "New: {Type: AWS::SQS::Queue, DependsOn: Note}\n      Still:")
    )
    account.fail(New="no more queues", **{"rollback:Note": "cannot go back"})
    assert account.update(root, template) == "UPDATE_ROLLBACK_FAILED"
    assert account.status(left) == "UPDATE_ROLLBACK_FAILED"
    name = account.describe(left)["StackName"]
    account.cloudformation.continue_update_rollback(StackName=root, ResourcesToSkip=[f"{name}.Note"])
    assert account.settled(root) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.status(left) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.queue_names() == set()


def test_a_skipped_resource_two_levels_down_is_named_by_its_own_stack(
    account: Account, template_url: str
) -> None:
    account.publish(middle=parent(template_url, "Left"), left=CHILD)
    template = f"""
        Resources:
          Middle:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {template_url}/middle.yaml}}
    """
    root = account.create("root", template)
    middle = account.child(root, "Middle")
    left = account.child(middle, "Left")
    changed = CHILD.replace("Value: first", "Value: second")
    account.publish(
        left=changed.replace("Still:", "New: {Type: AWS::SQS::Queue, DependsOn: Note}\n      Still:")
    )
    account.fail(New="no more queues", **{"rollback:Note": "cannot go back"})
    assert account.update(root, template) == "UPDATE_ROLLBACK_FAILED"
    around, within = account.describe(middle)["StackName"], account.describe(left)["StackName"]
    for wrong in (f"{around}.{within}.Note", f"{around}.Left", "Middle", "Note"):
        with pytest.raises(ClientError, match="cannot be skipped"):
            account.cloudformation.continue_update_rollback(StackName=root, ResourcesToSkip=[wrong])
    account.cloudformation.continue_update_rollback(StackName=root, ResourcesToSkip=[f"{within}.Note"])
    assert account.settled(root) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.status(left) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_nested_stack_that_an_update_adds_and_fails_is_deleted_again(
    account: Account, template_url: str
) -> None:
    account.publish(left=CHILD, right=CHILD.replace("Note:", "Bad:").replace("Note.", "Bad."))
    root = account.create("root", parent(template_url, "Left"))
    account.fail(Bad="no more notes")
    assert account.update(root, parent(template_url, "Left", "Right")) == "UPDATE_ROLLBACK_COMPLETE"
    right = next(
        one["PhysicalResourceId"]
        for one in account.events(root)
        if one["LogicalResourceId"] == "Right" and one["PhysicalResourceId"]
    )
    rolled_back, *rest = account.story(right, of="stack")[1:]
    begun = "stack ROLLBACK_IN_PROGRESS The following resource(s) failed to create: "
    assert rolled_back in (f"{begun}[Bad].", f"{begun}[Bad, Still].")  # the topic may exist by then
    assert rest == [
        "stack ROLLBACK_COMPLETE",
        "stack DELETE_IN_PROGRESS User Initiated",
        "stack DELETE_COMPLETE",
    ]
    assert account.parameter("/right") is None


def test_a_canceled_update_cancels_what_is_in_flight_below_and_rolls_all_back(
    account: Account, template_url: str
) -> None:
    """The root's events have AWS's order: the rollback begins, then updates in flight are cancelled."""
    account.publish(left=CHILD, right=CHILD)
    template = parent(template_url, "Left", "Right").replace(
        "  Right: {Type: AWS::CloudFormation::Stack,",
        "  Right: {Type: AWS::CloudFormation::Stack, DependsOn: Left,",
    )
    root = account.create("root", template)
    left, right = account.child(root, "Left"), account.child(root, "Right")
    seen = {stack: len(account.events(stack)) for stack in (root, left, right)}
    changed = CHILD.replace("Value: first", "Value: second")
    account.publish(left=changed, right=changed)
    account.pace(200)
    account.cloudformation.update_stack(StackName=root, TemplateBody=template)
    wait_until(
        lambda: "Note UPDATE_IN_PROGRESS" in account.story(left, since=seen[left]), what="an update in flight"
    )
    account.cloudformation.cancel_update_stack(StackName=root, ClientRequestToken="stop")
    account.cloudformation.cancel_update_stack(StackName=root, ClientRequestToken="stop")  # a retry
    account.pace(0)
    assert account.settled(root) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.story(root, since=seen[root])[:4] == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Left UPDATE_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
        "Left UPDATE_FAILED Resource update cancelled",
    ]
    assert account.story(root, of="stack", since=seen[root])[1:] == [
        "stack UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]
    assert "Note UPDATE_FAILED Resource update cancelled" in account.story(left, since=seen[left])
    assert account.status(left) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.story(right, since=seen[right]) == []  # it depends on Left, so its update had not started
    assert account.parameter("/left") == account.parameter("/right") == "first"
    with pytest.raises(ClientError, match="cannot be called from current stack status"):
        account.cloudformation.cancel_update_stack(StackName=root, ClientRequestToken="again")
    assert account.update(root, template) == "UPDATE_COMPLETE"
    assert account.parameter("/right") == "second"


def test_a_deletion_during_the_creation_deletes_what_nested_stacks_have(
    account: Account, template_url: str
) -> None:
    account.publish(left=CHILD)
    account.pace(200)
    root = account.start("root", parent(template_url, "Left"))
    wait_until(lambda: any("Left" in line for line in account.story(root)), what="a nested stack in flight")
    left = account.child(root, "Left")
    wait_until(lambda: bool(account.polled(left)) and len(account.events(left)) > 1, what="its resources")
    account.cloudformation.delete_stack(StackName=root, ClientRequestToken="stop")
    account.pace(0)
    assert account.settled(root) == "DELETE_COMPLETE"
    assert account.story(root, of="stack") == [
        "stack CREATE_IN_PROGRESS User Initiated",
        "stack DELETE_IN_PROGRESS User Initiated",
        "stack DELETE_COMPLETE",
    ]
    assert "Left CREATE_FAILED Resource creation cancelled" in account.story(root)
    assert account.status(left) == "DELETE_COMPLETE"
    assert account.client("sns").list_topics()["Topics"] == []
    assert account.parameter("/left") is None
