"""What AWS sends though botocore's model of the service does not have it, by the source."""

from collections.abc import Mapping
from typing import Final

NOT_IN_ENUM: Final = "has the value {!r}, which is not in the enum"
_EC2: Final = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
_SSM: Final = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    f"{_EC2}/API_InternetGatewayAttachment.html": (
        "ec2 internetGatewaySet[].attachmentSet[].state " + NOT_IN_ENUM.format("available"),
    ),
    f"{_EC2}/API_DescribeNetworkInterfaces.html": (
        "ec2 networkInterfaceSet[].interfaceType " + NOT_IN_ENUM.format("nat_gateway"),
    ),
    f"{_EC2}/API_DescribeVpcEndpoints.html": (
        "ec2 vpcEndpointSet[].state " + NOT_IN_ENUM.format("available"),
        "ec2 vpcEndpoint.state " + NOT_IN_ENUM.format("available"),
    ),
    f"{_SSM}/documents-syntax-data-elements-parameters.html": (
        "ssm Document.Parameters[].Type " + NOT_IN_ENUM.format("StringMap"),
    ),
    "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html": (
        "s3 the body is no structure",
    ),
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html": tuple(
        f"cloudformation {member}[].ResourceStatus {NOT_IN_ENUM.format(status)}"
        for member in ("StackEvents", "OperationEvents")
        for status in (
            "REVIEW_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        )
    ),
}
EXEMPT: Final = frozenset(one for found in SOURCES.values() for one in found)
