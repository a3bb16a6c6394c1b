"""Errors of resource handlers as the reasons that a stack shows: the service, its code and the request.

A handler's error reaches the stack as `Resource handler returned message: "TEXT (Service: Rds, Status Code:
400, Request ID: …)" (RequestToken: …, HandlerErrorCode: CODE)`:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

from typing import Final

from ministack.core.responses import new_uuid

from portal.sandbox.engine.cloudformation import answers
from portal.sandbox.engine.registry import Refused

# Names of AWS's SDK for Java, which most handlers are written with; others are the namespace itself.
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
    """Word the reason of a failure that was injected."""
    return _from_handler(text, "GeneralServiceException")


def of_error(resource_type: str, error: Exception, code: str = "InvalidRequest") -> str:
    """Word an error as the reason that AWS shows for the resource type.

    Args:
        code: the HandlerErrorCode of an error that has none of its own.
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
    """Word IAM's refusal; CloudFormation's own types have no handler around it."""
    if resource_type.startswith(("Custom::", "AWS::CloudFormation::")):
        return text
    return _from_handler(f"{text} {_origin(resource_type, 'AccessDenied')}", "AccessDenied")


def service_of(resource_type: str) -> str:
    """Return the name that a reason gives the service of a resource type."""
    namespace = resource_type.split("::")[1] if resource_type.count("::") == 2 else "CloudFormation"
    return SERVICES.get(namespace, namespace)


def handler_code(code: str) -> str:
    """Return the HandlerErrorCode that stands for a service's error code."""
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
