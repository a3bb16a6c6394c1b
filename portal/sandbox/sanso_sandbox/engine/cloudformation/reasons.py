"""Errors of resource handlers in the form of a stack's reasons: the service, its code and the request.

In a stack, a handler's error is `Resource handler returned message: "TEXT (Service: Rds, Status Code: 400,
Request ID: …)" (RequestToken: …, HandlerErrorCode: CODE)`:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

from typing import Final

from ministack.core.responses import new_uuid

from sanso_sandbox.engine.cloudformation import answers
from sanso_sandbox.engine.registry import Refused

# Names from AWS's SDK for Java, which most handlers use; other services have the namespace's name.
SERVICES: Final = {
    "Logs": "CloudWatchLogs",
    "EC2": "Ec2",
    "RDS": "Rds",
    "IAM": "Iam",
    "SSM": "Ssm",
    "SQS": "Sqs",
}
HANDLER_CODES: Final = {"InternalFailure": "ServiceInternalError", "Throttling": "Throttling"}
CONFLICTS: Final = {
    "EntityAlreadyExists",
    "ResourceConflictException",
    "LimitExceeded",
    "BucketAlreadyExists",
}


def of_fault(text: str) -> str:
    """Return the reason of an injected failure."""
    return _from_handler(text, "GeneralServiceException")


def of_error(resource_type: str, error: Exception, code: str = "InvalidRequest") -> str:
    """Return the reason that AWS reports for an error of a resource type's handler.

    Args:
        code: the HandlerErrorCode of an error without its own.
    """
    if isinstance(error, Refused):
        text = f"{error} {_origin(resource_type, error.code)}" if error.by_service else str(error)
        return _from_handler(text, error.handler_code or handler_code(error.code))
    text = str(error) or type(error).__name__
    if resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource":
        return _of_custom_resource(error, text)
    if answer := answers.read(text):
        message, answered = answer
        return _from_handler(f"{message} {_origin(resource_type, answered)}", handler_code(answered))
    if resource_type.startswith("AWS::CloudFormation::"):
        return text
    return _from_handler(text, code)


def of_denial(resource_type: str, text: str) -> str:
    """Return the reason of IAM's denial; CloudFormation's own types have no handler's wording.

    https://github.com/aws-solutions-library-samples/data-lakes-on-aws/issues/275 has that of a nested stack.
    """
    if resource_type == "AWS::CloudFormation::Stack":
        return f"API: cloudFormation {text}"
    if resource_type.startswith(("Custom::", "AWS::CloudFormation::")):
        return text
    return _from_handler(f"{text} {_origin(resource_type, 'AccessDenied')}", "AccessDenied")


def of_denied_attribute(resource_type: str, attribute: str, text: str) -> str:
    """Return the reason of a Fn::GetAtt whose resource CloudFormation may not read."""
    return (
        f"Unable to retrieve {attribute} attribute for {resource_type}, with error message "
        f"{text} {_origin(resource_type, 'AccessDenied')}"
    )


def service_of(resource_type: str) -> str:
    """Return the name of a resource type's service in reasons."""
    namespace = resource_type.split("::")[1] if resource_type.count("::") == 2 else "CloudFormation"
    return SERVICES.get(namespace, namespace)


def handler_code(code: str) -> str:
    """Return the HandlerErrorCode for a service's error code."""
    if code in HANDLER_CODES:
        return HANDLER_CODES[code]
    if "Exist" in code or "Conflict" in code or "Duplicate" in code:
        return "AlreadyExists"
    if "NotFound" in code or "NoSuch" in code:
        return "NotFound"
    if "LimitExceeded" in code or "QuotaExceeded" in code or code.startswith("TooMany"):
        return "ServiceLimitExceeded"
    return "AccessDenied" if "Denied" in code or "Unauthorized" in code else "InvalidRequest"


def _origin(resource_type: str, code: str) -> str:
    status = 409 if code in CONFLICTS else 403 if handler_code(code) == "AccessDenied" else 400
    return f"(Service: {service_of(resource_type)}, Status Code: {status}, Request ID: {new_uuid()})"


def _from_handler(text: str, code: str) -> str:
    if "HandlerErrorCode" in text or text.startswith("Resource handler returned message"):
        return text
    return (
        f'Resource handler returned message: "{text}" (RequestToken: {new_uuid()}, HandlerErrorCode: {code})'
    )


def _of_custom_resource(error: Exception, text: str) -> str:
    if isinstance(error, TimeoutError):
        return (
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs "
            f"for requestId [{new_uuid()}]. If you are using the Python cfn-response module, you may need "
            "to update your Lambda function code so that CloudFormation can attach the updated version."
        )
    if isinstance(error, RuntimeError):
        return (
            "Received response status [FAILED] from custom resource. "
            f"Message returned: {text} (RequestId: {new_uuid()})"
        )
    return text
