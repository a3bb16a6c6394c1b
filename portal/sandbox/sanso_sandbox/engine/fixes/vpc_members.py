"""Responses about VPCs have members that EC2 does not send (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html
"""

from typing import Final

from ministack.services import ec2

from sanso_sandbox.engine.registry import Record

INTERNAL: Final = ("DefaultNetworkAclId", "DefaultSecurityGroupId", "MainRouteTableId")


def install() -> None:
    """Render VPCs without MiniStack's own members."""
    render = ec2._vpc_fields_xml

    def rendered(vpc: Record, tag: str = "item") -> str:
        kept = {name: value for name, value in vpc.items() if name not in INTERNAL}
        return str(render(kept, tag=tag))

    ec2._vpc_fields_xml = rendered
