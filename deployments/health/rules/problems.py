"""Why a source does not respond, as a message and back."""

from __future__ import annotations

from deployments.common.errors import AwsAccessError, AwsFailure, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.common.rules.aws_error_codes import denied_action


def problem_message(problem: AwsFailure) -> Message:
    """Return why a source does not respond; its value `action` is the IAM action to allow."""
    code = Code.AWS_ERROR
    if isinstance(problem, AwsRetryable):
        code = Code.AWS_RETRYING
    elif isinstance(problem, AwsAccessError):
        code = Code.AWS_DENIED_SHORT
    action = denied_action(problem.code, problem.message, problem.operation)
    values = {"action": action, "code": problem.code, "aws": problem.message}
    return Message(code, values, problem.request_id)


def access_error(problem: Message) -> AwsAccessError:
    """Return the error that `problem_message` was given, from its values."""
    values = problem.params
    return AwsAccessError(values["code"], values.get("aws", ""), values["action"], problem.request_id)
