"""Causes: what keeps a resource from being deleted.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html ("Delete stack
fails").
"""

from __future__ import annotations

from deployments.core.causes.cause import Cause, NextStep, signature
from deployments.errors import N_

_AGAIN = (NextStep.DELETE_AGAIN,)

CAUSES = (
    Cause(
        code="Protected",
        reason=signature(
            r"Cannot delete protected|deletion protection|termination ?protection|DisableApiTermination"
        ),
        title=N_("It is protected against deletion"),
        advice=N_("Delete once more and let Sanso turn the protection off first."),
        steps=_AGAIN,
        example="Cannot delete protected Cluster, please disable deletion protection and try again. "
        "(Service: "
        "Rds, Status Code: 400)",
    ),
    Cause(
        code="BucketNotEmpty",
        reason=signature(r"bucket you tried to delete is not empty|BucketNotEmpty"),
        title=N_("A bucket still holds objects"),
        advice=N_("Empty it in S3, all versions included, then delete once more."),
        steps=_AGAIN,
        example="The bucket you tried to delete is not empty (Service: S3, Status Code: 409, Request ID: 6)",
    ),
    Cause(
        code="ExportInUse",
        reason=signature(
            r"Export (?P<export>\S+) cannot be (?:deleted|updated) as it is in use by (?P<stacks>.+)"
        ),
        title=N_("Another stack uses an output of this one"),
        advice=N_("%(stacks)s imports %(export)s. Delete or change that stack first."),
        steps=_AGAIN,
        example="Export app-VpcId cannot be deleted as it is in use by reports-prod",
    ),
    Cause(
        code="InUse",
        reason=signature(
            r"has dependencies|has a dependent object|DependencyViolation|ResourceInUse"
            r"|is currently in use|has mapped public address|in use by"
        ),
        title=N_("Something that the stack does not know still uses it"),
        advice=N_(
            "Most often a network interface, a security group rule or a server made by hand. Remove it, then "
            "delete once more."
        ),
        steps=(NextStep.DELETE_AGAIN, NextStep.DELETE_FIRST),
        example="resource sg-0a12 has a dependent object (Service: Ec2, Status Code: 400, Request ID: d9) "
        "(HandlerErrorCode: InvalidRequest)",
    ),
)
