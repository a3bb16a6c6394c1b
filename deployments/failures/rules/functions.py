"""Causes: custom resources and the functions behind them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, EvidenceKind, NextStep, signature

_LOG = (EvidenceKind.FUNCTION_LOG,)
_LOG_AND_NETWORK = (EvidenceKind.FUNCTION_LOG, EvidenceKind.CONNECTIONS)

CAUSES = (
    Cause(
        code="CustomResourceSilent",
        reason=signature(
            r"did not receive a response from your Custom Resource|Custom Resource failed to stabilize"
        ),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST, NextStep.RETRY),
        evidence=_LOG_AND_NETWORK,
        example="CloudFormation did not receive a response from your Custom Resource. Please check your logs "
        "for requestId [5e0d]. If you are using the Python cfn-response module, you may need to update your "
        "Lambda function code so that CloudFormation can attach the updated version.",
    ),
    Cause(
        code="CustomResourceFailed",
        reason=signature(
            r"Received response status \[FAILED\] from custom resource\. Message returned: (?P<message>.+?)"
            r"(?: \(RequestId: .*)?$"
        ),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST, NextStep.RETRY),
        evidence=_LOG_AND_NETWORK,
        example="Received response status [FAILED] from custom resource. Message returned: Access denied for "
        "user 'admin'@'10.0.3.17' (RequestId: 4f0e)",
    ),
    Cause(
        code="CustomResourceTooLong",
        reason=signature(r"Response object is too long"),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        evidence=_LOG,
        example="Response object is too long.",
    ),
    Cause(
        code="CodeMissing",
        reason=signature(
            r"Error occurred while GetObject\. S3 Error Code: (?P<s3>\w+)|PermanentRedirect"
            r"|S3 Error Message: (?P<said>[^.]+)"
        ),
        steps=(NextStep.RETRY, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        types=("AWS::Lambda::",),
        example="Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
        "specified key "
        "does not exist. (Service: Lambda, Status Code: 400)",
    ),
    Cause(
        code="FunctionMayNotJoinVpc",
        reason=signature(r"does not have permissions to call CreateNetworkInterface on EC2"),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        types=("AWS::Lambda::",),
        example="The provided execution role does not have permissions to call CreateNetworkInterface on EC2 "
        "(Service: Lambda, Status Code: 400, Request ID: 0c)",
    ),
    Cause(
        code="FunctionLimit",
        reason=signature(
            r"exceeded the 4KB limit|Unzipped size must be smaller than|Inline code is longer"
            r"|at '(?:timeout|memorySize)' failed to satisfy constraint"
        ),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        types=("AWS::Lambda::",),
        example="Lambda was unable to configure your environment variables because the environment variables "
        "you have provided exceeded the 4KB limit.",
    ),
    Cause(
        code="FunctionInvalid",
        reason=signature(
            r"Value .{0,80}? at 'runtime' failed|runtime parameter of (?P<runtime>\S+) is no longer supported"
        ),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        types=("AWS::Lambda::",),
        example="The runtime parameter of python3.7 is no longer supported for creating or updating AWS "
        "Lambda "
        "functions. We recommend you use a supported runtime while creating or updating functions.",
    ),
)
