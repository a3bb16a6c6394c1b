"""Causes: what CloudFormation cannot read or may not do, and faults on AWS's own side.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html.
"""

from __future__ import annotations

from deployments.core.causes.cause import Cause, NextStep, signature
from deployments.errors import N_

_FIX = (NextStep.TEMPLATE, NextStep.DELETE_FIRST)

CAUSES = (
    Cause(
        code="Capabilities",
        reason=signature(r"Requires capabilities : \[(?P<capabilities>[\w, ]+)\]|InsufficientCapabilities"),
        title=N_("A nested stack makes IAM resources that nobody acknowledged"),
        advice=N_(
            "CloudFormation asks for %(capabilities)s. Mend the template set, or tell those who look "
            "after Sanso."
        ),
        steps=_FIX,
        example="Requires capabilities : [CAPABILITY_NAMED_IAM]",
    ),
    Cause(
        code="TemplateUnreadable",
        reason=signature(
            r"TemplateURL must (?:be|reference)|S3 error: (?P<said>[^.]+)|unable to (?:read"
            r"|access) (?:the )?template"
        ),
        types=("AWS::CloudFormation::Stack",),
        title=N_("CloudFormation could not read a nested stack's template"),
        advice=N_(
            "The artifact bucket must be readable for it, and hold the template. Deploy again to upload "
            "it anew."
        ),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="S3 error: Access Denied. For more information check "
        "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    ),
    Cause(
        code="ParametersMissing",
        reason=signature(
            r"Parameters: \[(?P<names>[^\]]+)\] (?P<problem>must have values|do not exist in the template)"
        ),
        title=N_("A nested stack is not given the parameters that its template wants"),
        advice=N_("Parameters %(names)s %(problem)s. Mend the template set."),
        steps=_FIX,
        example="Parameters: [VpcId] must have values",
    ),
    Cause(
        code="ParameterInvalid",
        reason=signature(
            r"Parameter '?(?P<name>\w+)'? (?:must|failed to satisfy)|ParameterValue .{0,60} is invalid"
        ),
        title=N_("A parameter's value is not allowed"),
        advice=N_("Change %(name)s."),
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
        title=N_("The template has an error"),
        advice=N_("CloudFormation names the place. Mend the template set, then deploy again."),
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
        title=N_("A property of the resource is not valid"),
        advice=N_("AWS names the property. Mend the template set, then deploy again."),
        steps=_FIX,
        example="Properties validation failed for resource Cluster with message: [#: extraneous key "
        "[Enginee] is not permitted]",
    ),
    Cause(
        code="Throttled",
        reason=signature(r"Rate exceeded|Throttl|RequestLimitExceeded|TooManyRequests"),
        title=N_("AWS answered too slowly for too many requests"),
        advice=N_("Too much happened in the account at once. Deploy again."),
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
        title=N_("The resource did not become ready in time"),
        advice=N_("AWS waited as long as it does and gave up. Look at the resource, then deploy again."),
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
        title=N_("AWS had a fault of its own"),
        advice=N_("Deploy again; if it happens once more, AWS's Health Dashboard or support can tell why."),
        steps=(NextStep.RETRY, NextStep.DELETE_FIRST),
        example="Internal Failure",
    ),
)
