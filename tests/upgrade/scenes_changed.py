"""Scenes of the later release: changes, rollbacks, recoveries, approvals and deletions that have ended.

Each function plays one scene in the account of its name, and returns when its rows have their final values.
"""

from __future__ import annotations

from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.later import FAST, STEP, Later, in_days

BUSY = "The topic is busy."
NO_WAY_BACK = "The topic cannot be changed back."
DENIED = "denied"


def changed(later: Later) -> None:
    """Changes that succeed, are rolled back, cannot be rolled back, and go on after that; then locks."""
    name = "blog"
    first = later.created(name, labels={"stage": "production", "team": "payments"})
    later.changes(name, "second")
    later.fails(name, update__Last=BUSY)
    later.changes(name, "third", "rolled_back")
    later.fails(name, update__Last=BUSY, rollback__Named=NO_WAY_BACK)
    later.changes(name, "third", "failed")
    later.ends(later.recover(name, "continue-rollback"), "failed")
    stuck = "SELECT 1 FROM deployments_environment WHERE name = ? AND stuck LIKE '%Named%'"
    later.wait_for(f"{name}: what is stuck is read", lambda: bool(later.release.rows(stuck, (name,))))
    later.ends(later.recover(name, "continue-rollback", resources=["Inner/Named"]), "succeeded")
    later.fails(name)
    later.changes(name, "third", in_line=True)
    back = later.on(first, "rollback", reason="fixture: back to the first")["id"]
    later.wait_for_state(back, "preview")
    later.ends(later.apply(back), "succeeded")
    locks(later, name)


def locks(later: Later, name: str) -> None:
    """One lock of each end, and one in force."""
    path = f"/environments/{later.environment(name)}"
    later.program.post(f"{path}/lock", reason="Load test")
    later.program.post(f"{path}/unlock")
    later.program.post(f"{path}/lock", reason="Load test, again", expires_at=in_days(1))
    later.admin.post(f"{path}/break-lock", reason="An incident")
    later.program.post(f"{path}/lock", reason="Until the audit is over", expires_at=in_days(300))


def kept(later: Later) -> None:
    """A creation is kept after a failure, and completed by a retry."""
    name = "kept"
    later.fails(name, Last=BUSY)
    later.pace(name, FAST)
    later.ends(later.create(name, on_failure="keep"), "failed")
    later.fails(name)
    retry = later.change(name, path="retry")
    later.wait_for_state(retry, "preview")
    later.ends(later.apply(retry), "succeeded")


def kept_and_left(later: Later) -> None:
    """A creation is kept after a failure, and nothing was done about it."""
    later.fails("kept-left", Last=BUSY)
    later.pace("kept-left", FAST)
    later.ends(later.create("kept-left", on_failure="keep"), "failed")


def kept_and_rolled_back(later: Later) -> None:
    """The rollback of a kept creation is denied first, fails then, and succeeds in the end."""
    name = "kept-back"
    kept_creation(later, name)
    later.fail_calls(name, "cloudformation", "DescribeStacks", mode=DENIED)
    later.ends(later.recover(name, "rollback"), "failed")
    later.fails(name, delete__Named=BUSY)
    later.ends(later.recover(name, "rollback"), "failed")
    later.fails(name)
    later.ends(later.removal(name), "succeeded")
    kept_creation(later, "kept-emptied")
    later.ends(later.recover("kept-emptied", "rollback"), "succeeded")


def kept_creation(later: Later, name: str) -> None:
    """Create an environment that fails and is kept."""
    later.fails(name, Last=BUSY)
    later.pace(name, FAST)
    later.ends(later.create(name, on_failure="keep"), "failed")
    later.fails(name)


def update_kept(later: Later) -> None:
    """Updates are kept after a failure; their rollbacks are denied, fail, are continued, and succeed."""
    name = "update-kept"
    later.created(name)
    kept_update(later, name, "second")
    later.fail_calls(name, "cloudformation", "DescribeStacks", mode=DENIED)
    later.ends(later.recover(name, "rollback"), "failed")
    later.fails(name)
    later.ends(later.recover(name, "rollback"), "succeeded")
    kept_update(later, name, "third")
    later.fails(name, rollback__Named=NO_WAY_BACK)
    later.ends(later.recover(name, "rollback"), "failed")
    later.fail_calls(name, "cloudformation", "DescribeStacks", mode=DENIED)
    later.ends(later.recover(name, "continue-rollback"), "failed")
    later.fails(name)
    later.ends(later.recover(name, "continue-rollback"), "succeeded")


def kept_update(later: Later, name: str, title: str) -> int:
    """Change an environment so that it fails and is kept."""
    later.fails(name, update__Last=BUSY)
    deployment = later.changes(name, title, "failed", on_failure="keep")
    later.fails(name)
    return deployment


def failures(later: Later) -> None:
    """Changes that fail before their stacks: in preflight, artifacts and the change set."""
    name = "failing"
    later.created(name)
    later.fail_calls(name, "sts", mode=DENIED)
    later.ends(later.change(name, "second"), "failed")
    later.no_fault(name)
    later.fail_calls(name, "s3", "PutObject", mode=DENIED)
    later.ends(later.change(name, "second", template_version=later.versions["changing"][1]), "failed")
    later.no_fault(name)
    later.fail_calls(name, "cloudformation", "CreateChangeSet", mode=DENIED)
    later.ends(later.change(name, "second"), "failed")
    later.no_fault(name)
    later.ends(later.change(name), "failed", "succeeded")  # a change set without changes


def not_protected(later: Later) -> None:
    """Protection after a creation, and after the retry of one that was kept, is denied."""
    for name in ("not-protected", "retry-not-protected"):
        later.pace(name, FAST)
        if name == "not-protected":
            later.fail_calls(name, "cloudformation", "UpdateTerminationProtection", mode=DENIED)
            later.ends(later.create(name), "failed", "succeeded")
            continue
        kept_creation(later, name)
        later.fail_calls(name, "cloudformation", "UpdateTerminationProtection", mode=DENIED)
        retry = later.change(name, path="retry")
        later.wait_for_state(retry, "preview")
        later.ends(later.apply(retry), "failed", "succeeded")


def with_secret(later: Later) -> None:
    """The small set, whose password changes, and whose function answers FAILED once."""
    name = "guests-later"
    later.created(name, version=("small", 0))
    change = later.preview(name, parameters={"Password": f"{GUEST_PASSWORD} 2"})
    later.ends(later.apply(change), "succeeded")
    change = later.preview(name, parameters={"Password": GUEST_PASSWORD, "Answer": "FAILED"})
    later.ends(later.apply(change), "rolled_back", "failed")


def approved(later: Later) -> None:
    """Changes that are approved, denied, withdrawn and applied without approval; a deletion is denied."""
    name = "approved"
    later.created(name, requires_approval=True)
    change = later.apply(later.preview(name, "second"))
    later.wait_for_state(change, "approval")
    later.approve(change)
    later.ends(change, "succeeded")
    for title, path in {"third": "deny", "fourth": "discard", "fifth": "bypass"}.items():
        change = later.apply(later.preview(name, title))
        later.wait_for_state(change, "approval")
        if path == "discard":
            later.on(change, path)
        else:
            digest = {"digest": later.digest(change)} if path == "bypass" else {}
            later.admin.post(f"/deployments/{change}/{path}", reason="An incident", **digest)
        later.ends(change, "succeeded" if path == "bypass" else "canceled")
    removal = later.removal(name)
    later.wait_for_state(removal, "approval")
    later.admin.post(f"/deployments/{removal}/deny", reason="Still needed")
    later.ends(removal, "canceled")


def canceled(later: Later) -> None:
    """Creations that are canceled in preflight and in their stacks."""
    name = "canceled-early"
    later.fail_calls(name, "sts")
    early = later.create(name)
    later.needs_attention(early)
    later.on(early, "cancel")
    later.ends(early, "canceled")

    name = "canceled-in-stacks"
    later.pace(name, STEP)
    creation = later.create(name)
    later.has_event(creation, "CREATE_IN_PROGRESS", "Inner")
    later.on(creation, "cancel")
    later.has_event(creation, "DELETE_IN_PROGRESS", f"sanso-{name}")
    later.pace(name, FAST)
    later.ends(creation, "canceled")
    change_canceled(later)


def change_canceled(later: Later) -> None:
    """Changes that are discarded, that are canceled while they wait for their time, and in their stacks."""
    name = "update-canceled"
    later.created(name)
    later.on(later.preview(name, "second"), "discard")
    later.on(later.preview(name, "second"), "cancel")
    scheduled = later.apply(later.preview(name, "second"), scheduled_for=in_days(2))
    later.wait_for_state(scheduled, "scheduled")
    later.on(scheduled, "schedule", scheduled_for=in_days(3))
    later.on(scheduled, "cancel")
    later.ends(scheduled, "canceled")
    later.pace(name, STEP)
    change = later.apply(later.preview(name, "third"))
    later.has_event(change, "UPDATE_IN_PROGRESS", "Named")
    later.on(change, "cancel")
    later.has_event(change, "UPDATE_ROLLBACK_IN_PROGRESS", f"sanso-{name}")
    later.pace(name, FAST)
    later.ends(change, "canceled", "rolled_back")


def taken_over(later: Later) -> None:
    """Stacks that are changed outside: one is taken over, one is not."""
    for name in ("taken-over", "changed-outside"):
        later.created(name)
        changed_outside(later, name)
    later.ends(later.recover("taken-over", "take-over"), "succeeded")


def changed_outside(later: Later, name: str) -> None:
    """Change the title in AWS, and wait until the release has noticed."""
    known = "SELECT 1 FROM deployments_environment WHERE name = ? AND known_stack <> '{}'"
    later.wait_for(f"the stack of {name} is known", lambda: bool(later.release.rows(known, (name,))))
    client = later.aws(name, "cloudformation")
    client.update_stack(
        StackName=f"sanso-{name}",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Title", "ParameterValue": "outside"},
            *({"ParameterKey": key, "UsePreviousValue": True} for key in ("Bucket", "Prefix")),
        ],
    )
    sql = "SELECT 1 FROM deployments_environment WHERE name = ? AND changed_outside_at IS NOT NULL"
    later.wait_for(
        f"{name} was changed outside",
        lambda: bool(later.release.rows(sql, (name,))),
    )


def deleted(later: Later) -> None:
    """Deletions: one that fails and goes on without a resource, one forced, one whose remains are deleted."""
    for name in ("deleted-without", "deleted-by-force"):
        later.created(name)
        later.fails(name, delete__Named=BUSY)
        later.ends(later.removal(name), "failed")
    without = later.removal("deleted-without", "deletion-again", resources=["Inner/Named"])
    later.ends(without, "succeeded")
    later.ends(later.removal("deleted-by-force", "deletion-again", force=True), "succeeded")
    later.fails("deleted-by-force")
    found = later.program.post(f"/environments/{later.environment('deleted-by-force')}/remaining/search")
    assert found


SCENES = {
    "blog": changed,
    "kept": kept,
    "kept-left": kept_and_left,
    "kept-back": kept_and_rolled_back,
    "update-kept": update_kept,
    "failing": failures,
    "not-protected": not_protected,
    "guests-later": with_secret,
    "approved": approved,
    "canceled-in-stacks": canceled,
    "taken-over": taken_over,
    "deleted-without": deleted,
}
ACCOUNTS = [
    *SCENES,
    "kept-emptied",
    "retry-not-protected",
    "canceled-early",
    "update-canceled",
    "changed-outside",
    "deleted-by-force",
]
