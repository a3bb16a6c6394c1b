"""Scenes on the small set: each result that does not depend on servers, and deployments left in progress.

Each function plays one scene and returns when its rows have their final values.
"""

from __future__ import annotations

from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.scene_helpers import Stage

SLOW = 100_000.0
"""A time scale at which nothing more happens while the fixture is written."""


def succeeded(stage: Stage) -> None:
    stage.creates("guests", Password=GUEST_PASSWORD)


def deleted(stage: Stage) -> None:
    stage.creates("guests-deleted", Password=GUEST_PASSWORD)
    stage.wait_for_state(stage.delete("guests-deleted"), "succeeded")


def rolled_back(stage: Stage) -> None:
    deployment = stage.deploy("guests-rolled-back", Password=GUEST_PASSWORD, Answer="FAILED")
    stage.wait_for_state(deployment, "rolled_back")


def failed_in_preflight(stage: Stage) -> None:
    """The stack name is taken by another stack."""
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    stage.aws("guests-name-taken", "cloudformation").create_stack(
        StackName="sanso-guests-name-taken", TemplateBody=template
    )
    stage.wait_for_state(stage.deploy("guests-name-taken", Password=GUEST_PASSWORD), "failed")


def failed_in_artifacts(stage: Stage) -> None:
    stage.fail_calls("guests-no-upload", "s3", "PutObject", mode="denied")
    stage.wait_for_state(stage.deploy("guests-no-upload", Password=GUEST_PASSWORD), "failed")


def failed_in_change_set(stage: Stage) -> None:
    stage.fail_calls("guests-no-change-set", "cloudformation", "CreateChangeSet", mode="denied")
    stage.wait_for_state(stage.deploy("guests-no-change-set", Password=GUEST_PASSWORD), "failed")


def stack_missing(stage: Stage) -> None:
    """The stack is deleted outside of the portal; the environment remains."""
    stage.creates("guests-missing", Password=GUEST_PASSWORD)
    _vanish(stage, "guests-missing")


def closed_as_missing(stage: Stage) -> None:
    stage.creates("guests-closed", Password=GUEST_PASSWORD)
    _vanish(stage, "guests-closed")
    stage.press("guests-closed", "forget")


def _vanish(stage: Stage, name: str) -> None:
    stage.aws(name, "cloudformation").delete_stack(StackName=f"sanso-{name}")
    sql = "SELECT 1 FROM deployments_environment WHERE name = ? AND missing_since IS NOT NULL"
    stage.wait_for(f"the stack of {name} is missing", lambda: bool(stage.release.rows(sql, (name,))))


def deleted_outside_while_created(stage: Stage) -> None:
    deployment = _created_slowly(stage, "guests-gone")
    stage.aws("guests-gone", "cloudformation").delete_stack(StackName="sanso-guests-gone")
    stage.pace("guests-gone", 1)
    stage.wait_for_state(deployment, "failed")


def failed_delete(stage: Stage) -> None:
    stage.creates("guests-delete-failed", Password=GUEST_PASSWORD)
    stage.fault("guests-delete-failed", resources={"delete:Topic": "The topic is in use."})
    stage.wait_for_state(stage.delete("guests-delete-failed"), "failed")


def denied_delete(stage: Stage) -> None:
    """The portal has lost the permission to describe the stack."""
    stage.creates("guests-delete-denied", Password=GUEST_PASSWORD)
    stage.fail_calls("guests-delete-denied", "cloudformation", "DescribeStacks", mode="denied")
    stage.wait_for_state(stage.delete("guests-delete-denied"), "failed")


def at_preflight(stage: Stage) -> None:
    stage.fail_calls("at-preflight", "sts")
    stage.needs_attention(stage.deploy("at-preflight", Password=GUEST_PASSWORD))


def at_artifacts(stage: Stage) -> None:
    """Some of the objects are in the bucket, the others are not uploaded yet."""
    fault = {"service": "s3", "action": "PutObject", "mode": "throttle", "skip": 2, "count": 1_000_000}
    stage.fault("at-artifacts", api=[fault])
    deployment = stage.deploy("at-artifacts", Password=GUEST_PASSWORD)
    stage.needs_attention(deployment)
    stage.wait_for_state(deployment, "artifacts")


def at_change_set(stage: Stage) -> None:
    """CloudFormation has not accepted the change set yet; the row still has the sealed secret."""
    stage.fail_calls("at-change-set", "cloudformation", "CreateChangeSet")
    stage.needs_attention(stage.deploy("at-change-set", Password=GUEST_PASSWORD))


def at_change_set_created(stage: Stage) -> None:
    """CloudFormation has accepted the change set; the portal has not read yet that it is complete."""
    stage.fail_calls("at-change-set-created", "cloudformation", "DescribeChangeSet")
    stage.needs_attention(stage.deploy("at-change-set-created", Password=GUEST_PASSWORD))


def at_stacks(stage: Stage) -> None:
    _created_slowly(stage, "at-stacks")


def _created_slowly(stage: Stage, name: str) -> int:
    """Deploy, and stop time while the stack at the third level is being created."""
    stage.pace(name, 5)
    deployment = stage.deploy(name, Password=GUEST_PASSWORD)
    stage.has_event(deployment, "CREATE_IN_PROGRESS", "Inner")
    stage.pace(name, SLOW)
    return deployment


def at_rollback(stage: Stage) -> None:
    stage.pace("at-rollback", 5)
    deployment = stage.deploy("at-rollback", Password=GUEST_PASSWORD, Answer="FAILED")
    stage.has_event(deployment, "CREATE_IN_PROGRESS", "Table")
    stage.pace("at-rollback", 100)
    stage.has_event(deployment, "ROLLBACK_IN_PROGRESS", "sanso-at-rollback")
    stage.pace("at-rollback", SLOW)


def at_delete_preflight(stage: Stage) -> None:
    stage.creates("at-delete-preflight", Password=GUEST_PASSWORD)
    stage.fail_calls("at-delete-preflight", "cloudformation", "DescribeStacks")
    stage.needs_attention(stage.delete("at-delete-preflight"))


def at_delete(stage: Stage) -> None:
    stage.creates("at-delete", Password=GUEST_PASSWORD)
    stage.pace("at-delete", 5)
    deployment = stage.delete("at-delete")
    stage.has_event(deployment, "DELETE_IN_PROGRESS", "Network")
    stage.pace("at-delete", SLOW)


SCENES = {
    "guests": succeeded,
    "guests-deleted": deleted,
    "guests-rolled-back": rolled_back,
    "guests-name-taken": failed_in_preflight,
    "guests-no-upload": failed_in_artifacts,
    "guests-no-change-set": failed_in_change_set,
    "guests-missing": stack_missing,
    "guests-closed": closed_as_missing,
    "guests-gone": deleted_outside_while_created,
    "guests-delete-failed": failed_delete,
    "guests-delete-denied": denied_delete,
    "at-preflight": at_preflight,
    "at-artifacts": at_artifacts,
    "at-change-set": at_change_set,
    "at-change-set-created": at_change_set_created,
    "at-stacks": at_stacks,
    "at-rollback": at_rollback,
    "at-delete-preflight": at_delete_preflight,
    "at-delete": at_delete,
}
