"""Causes: invalid templates, missing capabilities, and faults of AWS.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, NextStep, signature

_FIX = (NextStep.TEMPLATE, NextStep.DELETE_FIRST)

CAUSES = (
    Cause(
        code="Capabilities",
        reason=signature(r"Requires capabilities : \[(?P<capabilities>[\w, ]+)\]|InsufficientCapabilities"),
        steps=_FIX,
        example="Requires capabilities : [CAPABILITY_NAMED_IAM]",
    ),
    Cause(
        code="TemplateMissing",
        reason=signature(r"S3 error: The specified key does not exist"),
        types=("AWS::CloudFormation::Stack",),
        steps=_FIX,
        example="S3 error: The specified key does not exist.",
    ),
    Cause(
        code="TemplateUnreadable",
        reason=signature(
            r"TemplateURL must (?:be|reference)|S3 error: (?P<said>[^.]+)|unable to (?:read"
            r"|access) (?:the )?template"
        ),
        types=("AWS::CloudFormation::Stack",),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="S3 error: Access Denied. For more information check "
        "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    ),
    Cause(
        code="ParametersMissing",
        reason=signature(
            r"Parameters: \[(?P<names>[^\]]+)\] (?P<problem>must have values|do not exist in the template)"
        ),
        steps=_FIX,
        example="Parameters: [VpcId] must have values",
    ),
    Cause(
        code="ParameterInvalid",
        reason=signature(
            r"Parameter '?(?P<name>\w+)'? (?:must|failed to satisfy)|ParameterValue .{0,60} is invalid"
        ),
        steps=(NextStep.EDIT, NextStep.DELETE_FIRST),
        example="Parameter 'DatabaseName' must match pattern [a-z][a-z0-9_]*",
    ),
    Cause(
        code="TemplateError",
        reason=signature(
            r"Template (?:error|format error|validation error)|Unresolved resource dependencies"
            r"|Encountered unsupported "
            r"property (?P<unsupported>\w+)|Circular dependency"
        ),
        steps=_FIX,
        example="Template error: instance of Fn::GetAtt references undefined resource Cluster",
    ),
    Cause(
        code="PropertyInvalid",
        reason=signature(
            r"Properties validation failed for resource (?P<resource>\w+) with message:? ?(?P<problem>.+)"
            r"|Property validation failure|Model validation failed|Value of property (?P<name>\w+) must be"
            r"|extraneous key \[(?P<key>\w+)\]"
        ),
        steps=_FIX,
        example="Properties validation failed for resource Cluster with message: [#: extraneous key "
        "[Enginee] is not permitted]",
    ),
    Cause(
        code="Throttled",
        reason=signature(r"Rate exceeded|Throttl|RequestLimitExceeded|TooManyRequests"),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="Rate exceeded (Service: AmazonAutoScaling; Status Code: 400; Error Code: Throttling; "
        "Request "
        "ID: 4d) (HandlerErrorCode: Throttling)",
    ),
    Cause(
        code="NotStabilized",
        reason=signature(
            r"NotStabilized|Exceeded attempts to wait|timed out waiting for|did not stabilize"
            r"|failed to stabilize"
        ),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="Resource timed out waiting for completion (RequestToken: 1f) (HandlerErrorCode: "
        "NotStabilized)",
    ),
    Cause(
        code="AwsFault",
        reason=signature(
            r"Internal ?Failure|InternalError|ServiceInternalError|ServiceUnavailable"
            r"|An internal error"
        ),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="Internal Failure",
    ),
)
