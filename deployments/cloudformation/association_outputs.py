"""Where the associations of a template set write their output, as far as the templates determine it."""

from __future__ import annotations

from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.template_stacks import TemplateSide, stacks_of

ASSOCIATION = "AWS::SSM::Association"


def output_places(side: TemplateSide) -> set[tuple[str, str]]:
    """Return (bucket, key prefix) of every association of the stacks; the prefixes end in "/".

    Places that only CloudFormation can determine, and entire buckets, are left out.
    """
    found = set()
    for stack in stacks_of(side).values():
        for body in stack.resources.values():
            if body.get("Type") != ASSOCIATION:
                continue
            output = mapping(mapping(body.get("Properties")).get("OutputLocation"))
            location = mapping(output.get("S3Location"))
            bucket = stack.scope.literal(location.get("OutputS3BucketName"))
            prefix = (stack.scope.literal(location.get("OutputS3KeyPrefix")) or "").strip("/")
            if bucket and prefix:
                found.add((bucket, f"{prefix}/"))
    return found
