"""The objects of a run in the artifact bucket: below a prefix with the run's tag."""

from __future__ import annotations

from deployments.first_contact.rules.answers import PREFIX, Expect
from deployments.first_contact.steps.contact import Contact
from deployments.stacks.shared.change_sets import address_of
from deployments.stacks.shared.preflight import bucket_name


def prefix_of(contact: Contact) -> str:
    """Return the prefix of a run's objects."""
    return f"{PREFIX}{contact.run.tag}"


def bucket_of(contact: Contact) -> str:
    """Return the artifact bucket. If it does not exist, create it as the first deployment would."""
    run = contact.run
    if run.bucket:
        return run.bucket
    owner = contact.need("sts.caller_identity", lambda aws: aws.sts.caller_identity()).account_id
    bucket = bucket_name(contact.account, owner)
    run.account_number, run.bucket = owner, bucket
    exists = contact.need("s3.bucket_exists", lambda aws: aws.s3.bucket_exists(bucket, owner))
    if not exists:
        contact.check("s3.create_bucket", lambda aws: aws.s3.create_bucket(bucket), Expect.EMPTY)
        contact.check("s3.harden_bucket", lambda aws: aws.s3.harden_bucket(bucket, owner), Expect.EMPTY)
        contact.note("the artifact bucket", "was created, and stays for the first environment")
    run.save(update_fields=["account_number", "bucket"])
    return bucket


def upload(contact: Contact, name: str, body: bytes) -> str:
    """Upload an object below the run's prefix, and return its address for CloudFormation."""
    bucket, key = bucket_of(contact), f"{prefix_of(contact)}/{name}"
    owner = contact.run.account_number
    contact.need(
        f"s3.put_object {name} ({len(body)} bytes)", lambda aws: aws.s3.put_object(bucket, key, body, owner)
    )
    return address(contact, name)


def address(contact: Contact, name: str) -> str:
    """Return the address of one of the run's objects, for CloudFormation."""
    return address_of(contact.account, bucket_of(contact), f"{prefix_of(contact)}/{name}")
