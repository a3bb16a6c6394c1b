"""Causes: what prevents a resource from being deleted.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html ("Delete stack
fails").
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, NextStep, signature

_AGAIN = (NextStep.DELETE_AGAIN,)

CAUSES = (
    Cause(
        code="Protected",
        reason=signature(
            r"Cannot delete protected|deletion protection|termination ?protection|DisableApiTermination"
        ),
        steps=_AGAIN,
        example="Cannot delete protected Cluster, please disable deletion protection and try again. "
        "(Service: "
        "Rds, Status Code: 400)",
    ),
    Cause(
        code="BucketNotEmpty",
        reason=signature(r"bucket you tried to delete is not empty|BucketNotEmpty"),
        steps=_AGAIN,
        example="The bucket you tried to delete is not empty (Service: S3, Status Code: 409, Request ID: 6)",
    ),
    Cause(
        code="ExportInUse",
        reason=signature(
            r"Export (?P<export>\S+) cannot be (?:deleted|updated) as it is in use by (?P<stacks>.+)"
        ),
        steps=_AGAIN,
        example="Export app-VpcId cannot be deleted as it is in use by reports-prod",
    ),
    Cause(
        code="InUse",
        reason=signature(
            r"has dependencies|has a dependent object|DependencyViolation|ResourceInUse"
            r"|is currently in use|has mapped public address|in use by"
        ),
        steps=(NextStep.DELETE_AGAIN, NextStep.DELETE_FIRST),
        example="resource sg-0a12 has a dependent object (Service: Ec2, Status Code: 400, Request ID: d9) "
        "(HandlerErrorCode: InvalidRequest)",
    ),
)
