"""Scenes of the later release that are left in progress: each kind of deployment in its phases and waits."""

from __future__ import annotations

from collections.abc import Callable

from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.later import FAST, SLOW, STEP, Later, in_days
from tests.upgrade.scene_helpers import MANY
from tests.upgrade.scenes_changed import BUSY, NO_WAY_BACK, kept_creation, kept_update

Scene = Callable[[Later], None]
SLOWER = 200.0
"""A time scale at which a rollback is seen before it ends."""


def creation_at(name: str, service: str, action: str = "*", *, skip: int = 0) -> Scene:
    """Return a scene in which a creation cannot make a call."""

    def scene(later: Later) -> None:
        fault = {"service": service, "action": action, "mode": "throttle", "skip": skip, "count": MANY}
        later.pace(name, FAST)
        later.fault(name, api=[fault])
        later.needs_attention(later.create(name))

    return scene


def update_at(name: str, service: str, action: str = "*", *, version: int = 0) -> Scene:
    """Return a scene in which a change cannot make a call."""

    def scene(later: Later) -> None:
        later.created(name)
        later.fail_calls(name, service, action)
        later.needs_attention(
            later.change(name, "second", template_version=later.versions["changing"][version])
        )

    return scene


def creation_at_stacks(later: Later) -> None:
    later.pace("new-at-stacks", STEP)
    later.started(later.create("new-at-stacks"), "CREATE_IN_PROGRESS", "Named", "new-at-stacks")


def creation_scheduled(later: Later) -> None:
    later.wait_for_state(later.create("new-scheduled", scheduled_for=in_days(29)), "scheduled")


def at_preview(later: Later) -> None:
    """A preview of the small set, whose new password is sealed in its row."""
    name = "change-at-preview"
    later.created(name, version=("small", 0))
    later.preview(name, parameters={"Password": f"{GUEST_PASSWORD} 2"})


def at_approval(later: Later) -> None:
    later.created("change-at-approval", requires_approval=True)
    change = later.apply(later.preview("change-at-approval", "second"))
    later.wait_for_state(change, "approval")


def scheduled(later: Later) -> None:
    """A change that waits for its time after it was approved."""
    name = "change-scheduled"
    later.created(name, requires_approval=True)
    change = later.apply(later.preview(name, "second"), scheduled_for=in_days(29))
    later.wait_for_state(change, "approval")
    later.approve(change)
    later.wait_for_state(change, "scheduled")


def at_stacks_and_queued(later: Later) -> None:
    """A change in its stacks, and a second one that waits for its end."""
    name = "change-at-stacks"
    later.created(name)
    first, second = later.preview(name, "second"), later.preview(name, "third")
    later.pace(name, STEP)
    later.started(later.apply(first), "UPDATE_IN_PROGRESS", "Named", name)
    later.apply(second)
    later.wait_for_state(second, "queued")


def at_update_rollback(later: Later) -> None:
    """A change that rolls back."""
    name = "change-at-rollback"
    later.created(name)
    later.fails(name, update__Last=BUSY)
    change = later.preview(name, "second")
    later.pace(name, SLOWER)
    later.apply(change)
    later.started(change, "UPDATE_ROLLBACK_IN_PROGRESS", f"sanso-{name}", name)


def retry_at_protect(later: Later) -> None:
    """The retry of a creation that was kept waits for its protection."""
    name = "retry-at-protect"
    kept_creation(later, name)
    later.fail_calls(name, "cloudformation", "UpdateTerminationProtection")
    retry = later.change(name, path="retry")
    later.wait_for_state(retry, "preview")
    later.apply(retry)
    later.wait_for_state(retry, "protect")


def deletion_at_approval(later: Later) -> None:
    later.created("delete-at-approval", requires_approval=True)
    later.wait_for_state(later.removal("delete-at-approval"), "approval")


def deletion_at_preflight(later: Later) -> None:
    name = "delete-at-preflight"
    later.created(name)
    later.fail_calls(name, "cloudformation", "DescribeStacks")
    later.needs_attention(later.removal(name))


def deletion_at_stacks(later: Later) -> None:
    name = "delete-at-stacks"
    later.created(name)
    later.pace(name, SLOW)
    later.started(later.removal(name), "DELETE_IN_PROGRESS", f"sanso-{name}", name)


def continuation(name: str, *, at_preflight: bool) -> Scene:
    """Return a scene in which the rollback of a change is continued."""

    def scene(later: Later) -> None:
        later.created(name)
        later.fails(name, update__Last=BUSY, rollback__Named=NO_WAY_BACK)
        later.changes(name, "second", "failed")
        later.fails(name)
        _rolls_back(
            later, name, "continue-rollback", "UPDATE_ROLLBACK_IN_PROGRESS", at_preflight=at_preflight
        )

    return scene


def rollback_of_update(name: str, *, at_preflight: bool) -> Scene:
    """Return a scene in which a change that was kept is rolled back."""

    def scene(later: Later) -> None:
        later.created(name)
        kept_update(later, name, "second")
        _rolls_back(later, name, "rollback", "UPDATE_ROLLBACK_IN_PROGRESS", at_preflight=at_preflight)

    return scene


def rollback_of_creation(name: str, *, at_preflight: bool) -> Scene:
    """Return a scene in which a creation that was kept is rolled back."""

    def scene(later: Later) -> None:
        kept_creation(later, name)
        _rolls_back(later, name, "rollback", "ROLLBACK_IN_PROGRESS", at_preflight=at_preflight)

    return scene


def _rolls_back(later: Later, name: str, path: str, status: str, *, at_preflight: bool) -> None:
    if at_preflight:
        later.fail_calls(name, "cloudformation", "DescribeStacks")
        later.needs_attention(later.recover(name, path))
    else:
        later.pace(name, SLOW)
        later.started(later.recover(name, path), status, f"sanso-{name}", name)


SCENES = {
    "new-at-preflight": creation_at("new-at-preflight", "sts"),
    "new-at-artifacts": creation_at("new-at-artifacts", "s3", "PutObject", skip=1),
    "new-at-change-set": creation_at("new-at-change-set", "cloudformation", "CreateChangeSet"),
    "new-at-change-set-created": creation_at(
        "new-at-change-set-created", "cloudformation", "DescribeChangeSet"
    ),
    "new-at-stacks": creation_at_stacks,
    "new-at-protect": creation_at("new-at-protect", "cloudformation", "UpdateTerminationProtection"),
    "new-scheduled": creation_scheduled,
    "change-at-preflight": update_at("change-at-preflight", "sts"),
    "change-at-artifacts": update_at("change-at-artifacts", "s3", "PutObject", version=1),
    "change-at-change-set": update_at("change-at-change-set", "cloudformation", "CreateChangeSet"),
    "change-at-preview": at_preview,
    "change-at-approval": at_approval,
    "change-scheduled": scheduled,
    "change-at-stacks": at_stacks_and_queued,
    "change-at-rollback": at_update_rollback,
    "retry-at-protect": retry_at_protect,
    "delete-at-approval": deletion_at_approval,
    "delete-at-preflight": deletion_at_preflight,
    "delete-at-stacks": deletion_at_stacks,
    "continue-at-preflight": continuation("continue-at-preflight", at_preflight=True),
    "continue-at-stacks": continuation("continue-at-stacks", at_preflight=False),
    "back-at-preflight": rollback_of_update("back-at-preflight", at_preflight=True),
    "back-at-stacks": rollback_of_update("back-at-stacks", at_preflight=False),
    "empty-at-preflight": rollback_of_creation("empty-at-preflight", at_preflight=True),
    "empty-at-stacks": rollback_of_creation("empty-at-stacks", at_preflight=False),
}
