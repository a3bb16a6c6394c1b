"""Resources of some types do not get the tags of their stack (MiniStack 1.5.33).

By the schemas of these types, CloudFormation passes the stack's tags to their handlers:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from typing import Final

from ministack.services.cloudformation import provisioners

TYPES: Final = (
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::RDS::DBCluster",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
)


def install() -> None:
    """Name the property for the tags of these types."""
    for resource_type in TYPES:
        provisioners._STACK_TAG_PROPERTY[resource_type] = ("Tags", "list")
