"""The clean-up after a run: everything with its tag is deleted. What is left, or may be, is returned."""

from __future__ import annotations

from deployments.aws.tagged_arns import read_arn
from deployments.cloudformation.remaining import Billing, billing_of
from deployments.first_contact.rules.answers import PREFIX, STACKS, TAG, Left, Match
from deployments.first_contact.steps import environment_deletion, stacks
from deployments.first_contact.steps.contact import Contact

REPEATED_FOR = 120.0
"""Seconds for which a call is repeated that AWS does not answer."""
SEARCHES = 6
"""Searches by tag until nothing is found: for a while AWS lists what no longer exists."""
OBJECTS = "AWS::S3::Object"


def take(contact: Contact) -> list[Left]:
    """Delete what the run created, and return what still exists or may exist. It can be repeated."""
    contact.repeated_for = REPEATED_FOR
    left = {one.id: one for one in environment_deletion.clean_up(contact)}
    for which in stacks.ALL:
        name = stacks.name_of(contact.run, which)
        for one in stacks.left_of(contact, name, stacks.delete(contact, name)):
            left[one.id] = one
    for arn in _nested(contact):
        for one in stacks.left_of(contact, arn, stacks.delete(contact, arn)):
            left[one.id] = one
    for one in (*_objects(contact), *_tagged(contact)):
        left.setdefault(one.id, one)
    if not left:
        contact.note("left in AWS", "nothing", Match.EXPECTED)
    for one in left.values():
        contact.note(f"left in AWS: {one.type}", f"{one.id} ({one.billing}) {one.why}", Match.DIFFERENT)
    return list(left.values())


def _nested(contact: Contact) -> list[str]:
    """Return the ids of stacks that outlive their root: those of change sets that were not executed."""
    found, error = contact.quietly(lambda aws: aws.tagging.tagged(TAG, contact.run.tag))
    if error is not None:
        contact.note("tagging.tagged", str(error), Match.DENIED)
    ours = f"{STACKS}{contact.run.tag}-"
    return [arn for arn in found or () if read_arn(arn).is_stack and read_arn(arn).name.startswith(ours)]


def _objects(contact: Contact) -> list[Left]:
    run, prefix = contact.run, f"{PREFIX}{contact.run.tag}/"
    if not run.bucket:
        return []
    more: bool | None = True
    while more:
        more, error = contact.quietly(
            lambda aws: aws.s3.delete_versions(run.bucket, prefix, run.account_number)
        )
        if error is not None:
            place = f"{run.bucket}/{prefix}"
            return [Left(type=OBJECTS, id=place, billing=str(Billing.BILLED), why=str(error))]
    contact.note("s3.delete_versions", prefix, Match.EXPECTED)
    return []


def _tagged(contact: Contact) -> list[Left]:
    """Return what the search by tag still finds, except stacks, which CloudFormation has reported."""
    for _ in range(SEARCHES):
        found, error = contact.quietly(lambda aws: aws.tagging.tagged(TAG, contact.run.tag))
        if error is not None:
            why = f"the search by tag failed: {error}"
            tag = f"{TAG}={contact.run.tag}"
            return [Left(type="?", id=tag, billing=str(Billing.UNKNOWN), why=why, is_certain=False)]
        arns = [read_arn(arn) for arn in found or ()]
        arns = [arn for arn in arns if not arn.is_stack]
        if not arns:
            return []
        contact.pause(10.0)
    why = "found by its tag; for a while AWS also lists what no longer exists"
    return [Left(type=arn.type, id=arn.text, billing=str(billing_of(arn.type)), why=why) for arn in arns]
