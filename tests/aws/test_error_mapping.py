"""Every AWS error is mapped by one table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.session import get_session

from deployments.aws.error_mapping import TABLE, calling, translate
from deployments.common.errors import (
    AwsAccessError,
    AwsAlreadyDone,
    AwsFailure,
    AwsNotFound,
    AwsRejected,
    AwsRetryable,
)

GATEWAYS = Path(__file__).parents[2] / "deployments" / "aws"


def answer(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "r-1",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
                "HostId": "",
            },
        },
        "Operation",
    )


@pytest.mark.parametrize("code", ThrottledRetryableChecker._THROTTLED_ERROR_CODES)  # type: ignore[attr-defined]
def test_every_throttling_code_of_botocore_is_retried_except_an_exceeded_quota(code: str) -> None:
    kind = type(translate(answer(code), "s3:PutObject"))
    assert kind is (AwsRejected if code == "LimitExceededException" else AwsRetryable)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InternalFailure", AwsRetryable),
        ("503", AwsRetryable),
        ("AlreadyExistsException", AwsAlreadyDone),
        ("BucketAlreadyOwnedByYou", AwsAlreadyDone),
        ("AccessDenied", AwsAccessError),
        ("UnauthorizedOperation", AwsAccessError),
        ("ExpiredToken", AwsAccessError),
        ("InvalidClientTokenId", AwsAccessError),
        ("NoSuchBucket", AwsNotFound),
        ("404", AwsNotFound),
        ("InsufficientCapabilitiesException", AwsRejected),
        ("BucketAlreadyExists", AwsRejected),
        ("InvalidDBClusterStateFault", AwsRejected),
    ],
)
def test_an_error_code_has_its_kind_of_failure(code: str, kind: type[AwsFailure]) -> None:
    assert type(translate(answer(code), "s3:PutObject")) is kind


def test_a_failure_has_the_code_message_operation_and_request_id() -> None:
    failure = translate(answer("AccessDenied", "You shall not"), "s3:PutObject")

    assert (failure.code, failure.message) == ("AccessDenied", "You shall not")
    assert (failure.operation, failure.request_id) == ("s3:PutObject", "r-1")


# IAM actions whose API operation has another name.
OPERATIONS = {
    "s3:ListBucket": ("HeadBucket", "ListObjectsV2"),
    "s3:ListBucketVersions": ("ListObjectVersions",),
    "s3:DeleteObjectVersion": ("DeleteObjects",),
    "s3:PutEncryptionConfiguration": ("PutBucketEncryption",),
    "s3:PutBucketPublicAccessBlock": ("PutPublicAccessBlock",),
}
MODELS = {
    "elasticloadbalancing": "elbv2",
    "servicequotas": "service-quotas",
    "tag": "resourcegroupstaggingapi",
}


def declared_errors() -> set[tuple[str, str]]:
    """Return (action, code) of every error that botocore's models declare for calls of the gateways."""
    called = {
        action
        for path in GATEWAYS.glob("*.py")
        for action in re.findall(r'calling\("(\w+:\w+)"', path.read_text())
    }
    loader, found = get_session(), set()
    for action in sorted(called):
        service, _, name = action.partition(":")
        model = loader.get_service_model(MODELS.get(service, service))
        for operation in OPERATIONS.get(action, (name,)):
            for shape in model.operation_model(operation).error_shapes:
                found.add((action, shape.metadata.get("error", {}).get("code") or shape.name))
    return found


def test_every_error_that_a_called_action_declares_is_in_the_table() -> None:
    assert {(action, code) for action, code in declared_errors() if code not in TABLE} == set()


def test_an_unknown_code_is_rejected_and_an_unknown_server_error_is_retried() -> None:
    assert type(translate(answer("BrandNew"), "x:Y")) is AwsRejected
    assert type(translate(answer("BrandNew", status=503), "x:Y")) is AwsRetryable


def test_a_missing_stack_is_distinguished_from_other_validation_errors() -> None:
    missing = answer("ValidationError", "Stack with id sanso-x does not exist")
    assert type(translate(missing, "cloudformation:DescribeStacks")) is AwsNotFound
    other = answer("ValidationError", "Template format error")
    assert type(translate(other, "cloudformation:CreateChangeSet")) is AwsRejected


@pytest.mark.parametrize(
    "exc",
    [
        ReadTimeoutError(endpoint_url="https://x"),
        ConnectTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
    ],
)
def test_a_lost_response_is_retried(exc: ReadTimeoutError) -> None:
    assert type(translate(exc, "x:Y")) is AwsRetryable


def test_missing_credentials_are_an_access_error() -> None:
    with pytest.raises(AwsAccessError) as caught, calling("sts:GetCallerIdentity"):
        raise NoCredentialsError
    assert caught.value.code == "NoCredentialsError"


def test_a_denied_role_is_reported_as_a_denied_assume_role() -> None:
    refused = answer("AccessDenied", "not authorized to perform: sts:AssumeRole")
    refused.operation_name = "AssumeRole"
    assert translate(refused, "cloudformation:DescribeStacks").operation == "sts:AssumeRole"


def test_a_message_never_contains_the_query_of_a_url() -> None:
    failure = translate(EndpointConnectionError(endpoint_url="https://x/?X-Amz-Signature=abc"), "x:Y")
    assert "abc" not in failure.message


def test_every_boto3_call_is_inside_the_translation() -> None:
    """Each call on `self._client` (and each use of a paginator's pages) is inside a `with calling(…)`."""
    for path in GATEWAYS.glob("*.py"):
        tree = ast.parse(path.read_text())
        guarded = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.With) and "calling(" in ast.unparse(node.items[0])
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self._client."):
                lazy = ast.unparse(node.func).startswith("self._client.get_paginator")
                assert lazy or id(node) in guarded, f"{path.name}:{node.lineno}"
