"""The table of AWS error codes: how each is handled. Every AWS error is mapped here.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html and the Errors
section of each action used; https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. Throttling
and access are in `deployments/common/rules/aws_error_codes.py`. A code that is not in the table counts
as rejected and is displayed: unknown errors fail closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionFailed
from botocore.parsers import ResponseParserError

from deployments.common.errors import (
    AwsAccessError,
    AwsAlreadyDone,
    AwsFailure,
    AwsNotFound,
    AwsRejected,
    AwsRetryable,
)
from deployments.common.rules.aws_error_codes import CREDENTIALS, DENIED, THROTTLING, needs_access

_RETRY = (
    "InternalFailure InternalError InternalServerError InternalServerException PolicyEvaluation "
    "InternalServiceError ServiceException "
    "ServiceUnavailable ServiceUnavailableException Unavailable RequestTimeout RequestTimeoutException "
    "InternalServiceException OperationAborted OperationAbortedException PaginationTokenExpiredException "
    "IDPCommunicationError ResourceContention ResourceInUse HealthUnavailable InvalidNextToken "
    "500 502 503 504"
)
_ADOPT = (
    "AlreadyExistsException TokenAlreadyExistsException InvalidChangeSetStatus "
    "InvalidChangeSetStatusException OperationInProgressException BucketAlreadyOwnedByYou "
    "PreconditionFailed ConditionalRequestConflict DBClusterSnapshotAlreadyExistsFault"
)
_MISSING = (
    "ChangeSetNotFound ChangeSetNotFoundException StackNotFoundException NoSuchBucket NoSuchEntity NoSuchKey "
    "NotFound ResourceNotFoundException LoadBalancerNotFound TargetGroupNotFound InvalidTarget "
    "AssociationDoesNotExist AssociationExecutionDoesNotExist InvalidAssociation InvalidInstanceId "
    "DBClusterNotFoundFault DBInstanceNotFound DBClusterSnapshotNotFoundFault DBSnapshotNotFound "
    "DBClusterAutomatedBackupNotFoundFault DBInstanceAutomatedBackupNotFound "
    "InvalidInstanceID.NotFound "
    "NoSuchResourceException ResourceNotFoundFault "
    "InvalidNetworkInterfaceID.NotFound NoSuchVersion InvalidCommandId InvocationDoesNotExist 404"
)
_REJECTED = (
    "ValidationError ValidationException InsufficientCapabilitiesException LimitExceededException "
    "InvalidInput "
    "InvalidOperationException BucketAlreadyExists InvalidBucketName InvalidBucketState TooManyBuckets "
    "InvalidParameterValue InvalidParameterCombination MalformedXML EntityTooLarge MalformedPolicy "
    "MalformedPolicyDocument IllegalLocationConstraintException AuthorizationHeaderMalformed "
    "PermanentRedirect InvalidAction OperationIdAlreadyExistsException StaleRequestException "
    "PackedPolicyTooLarge InvalidRange InvalidObjectState InvalidRequest InvalidWriteOffset TooManyParts "
    "EncryptionTypeMismatch InvalidConfigurationRequest InvalidDocument InvalidDocumentVersion "
    "InvalidAssociationVersion InvalidParameters InvalidOutputFolder InvalidRole InvalidNotificationConfig "
    "InvalidNetworkInterface.InUse InvalidKeyId InvalidPluginName InvalidFilterKey "
    "TooManyRegistrationsForTargetId TooManyTargets "
    "InvalidNextTokenException InvalidTimeRangeException InvalidLookupAttributesException "
    "InvalidMaxResultsException InvalidEventCategoryException OperationNotPermittedException "
    "UnsupportedOperationException IllegalArgumentException InvalidPaginationTokenException "
    "DuplicateInstanceId UnsupportedPlatformType MaxDocumentSizeExceeded InvalidParameterException "
    "InvalidArnException 301 400"
)
# Errors of ModifyDBCluster, ModifyDBInstance and CreateDBClusterSnapshot: the cluster is busy or stopped, a
# quota is used up, or the change is not possible. AWS's message, which is displayed, has the details.
_REJECTED_BY_RDS = (
    "InvalidDBClusterStateFault InvalidDBInstanceState InvalidDBSecurityGroupState "
    "InvalidDBSubnetGroupStateFault InvalidGlobalClusterStateFault InvalidVPCNetworkStateFault InvalidSubnet "
    "StorageQuotaExceeded StorageTypeNotAvailableFault StorageTypeNotSupported NetworkTypeNotSupported "
    "InsufficientDBInstanceCapacity ProvisionedIopsNotAvailableInAZFault DBUpgradeDependencyFailure "
    "TenantDatabaseQuotaExceeded DBClusterAlreadyExistsFault DBInstanceAlreadyExists "
    "DBParameterGroupNotFound DBClusterParameterGroupNotFound DBSubnetGroupNotFoundFault "
    "DBSecurityGroupNotFound OptionGroupNotFoundFault DomainNotFoundFault KMSKeyNotAccessibleFault "
    "InvalidDBClusterSnapshotStateFault InvalidDBSnapshotState InvalidDBClusterAutomatedBackupStateFault "
    "InvalidDBInstanceAutomatedBackupState AuthorizationNotFound BackupPolicyNotFoundFault "
    "CertificateNotFound VpcEncryptionControlViolationException SnapshotQuotaExceeded"
)
TABLE: dict[str, type[AwsFailure]] = {
    code: kind
    for codes, kind in (
        (THROTTLING, AwsRetryable),
        (_RETRY.split(), AwsRetryable),
        (_ADOPT.split(), AwsAlreadyDone),
        (DENIED | CREDENTIALS, AwsAccessError),
        (_MISSING.split(), AwsNotFound),
        (_REJECTED.split(), AwsRejected),
        (_REJECTED_BY_RDS.split(), AwsRejected),
    )
    for code in codes
}


def translate(exc: ClientError | BotoCoreError | ResponseParserError, operation: str) -> AwsFailure:
    """Return the AwsFailure for an error of botocore.

    A lost response (connection closed, read timeout) is AwsRetryable: the call may have taken effect, so
    every call must be safe to repeat (client tokens, content-addressed keys).
    """
    if isinstance(exc, ClientError):
        if exc.operation_name == "AssumeRole":  # called by botocore before the requested call
            operation = "sts:AssumeRole"
        error = exc.response.get("Error", {})
        code, message = error.get("Code", ""), error.get("Message", "")
        request_id = exc.response.get("ResponseMetadata", {}).get("RequestId", "")
        if code == "ValidationError" and _is_missing(message, operation):
            return AwsNotFound(code, message, operation, request_id)
        http = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return translate_code(code, message, operation, request_id, is_server_error=http >= 500)
    code = type(exc).__name__
    if needs_access(code):
        return AwsAccessError(code, str(exc), operation)
    if isinstance(exc, HTTPClientError | ConnectionFailed | ResponseParserError):
        return AwsRetryable(code, _without_address(exc), operation)
    return AwsRejected(code, str(exc), operation)


def translate_code(
    code: str, message: str, operation: str, request_id: str = "", *, is_server_error: bool = False
) -> AwsFailure:
    """Return the error for a code, also for one part of a response that succeeded as a whole."""
    otherwise = AwsRetryable if is_server_error else AwsRejected
    return TABLE.get(code, otherwise)(code or "Unknown", message, operation, request_id)


def _is_missing(message: str, operation: str) -> bool:
    """CloudFormation: "Stack with id x does not exist"; Auto Scaling: "AutoScalingGroup name not found"."""
    return "does not exist" in message or (operation.startswith("autoscaling:") and "not found" in message)


def _without_address(exc: Exception) -> str:
    """Return botocore's message without the query parameters of the request's URL."""
    return str(exc).split("?", 1)[0].rstrip('"')


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """Run a boto3 call of `service:Action`; raise its errors as AwsFailure."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as exc:
        raise translate(exc, operation) from exc
