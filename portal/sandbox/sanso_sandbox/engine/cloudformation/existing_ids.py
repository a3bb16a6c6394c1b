"""Parameters of types such as AWS::EC2::Subnet::Id: their values must exist in the account and region.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
"""

from collections.abc import Mapping
from typing import Any

from ministack.services import ec2

_STORES: Mapping[str, Any] = {
    "AWS::EC2::SecurityGroup::Id": ec2._security_groups,
    "AWS::EC2::Subnet::Id": ec2._subnets,
    "AWS::EC2::VPC::Id": ec2._vpcs,
}
_MISSING = "Parameter validation failed: parameter value {value} for parameter name {name} does not exist"


def check(parameters: Mapping[str, Any]) -> None:
    """Raise ValueError with AWS's message for a parameter whose value does not exist."""
    for name, found in parameters.items():
        kind = str(found.get("Type", ""))
        is_list = kind.startswith("List<")
        store = _STORES.get(kind.removeprefix("List<").removesuffix(">"))
        if store is None:
            continue
        for value in str(found["Value"]).split(",") if is_list else [str(found["Value"])]:
            if value.strip() not in store:
                raise ValueError(_MISSING.format(value=value.strip(), name=name))
