"""The main route table of the default VPC has no route to its internet gateway (MiniStack 1.5.33).

https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
"""

from ministack.services import ec2


def install() -> None:
    """Add the route when the default VPC of an account is created."""
    create = ec2._init_defaults

    def created() -> None:
        create()
        routes = ec2._route_tables[ec2._DEFAULT_RTB_ID]["Routes"]
        if not any(route.get("GatewayId") == ec2._DEFAULT_IGW_ID for route in routes):
            routes.append(
                {
                    "DestinationCidrBlock": "0.0.0.0/0",
                    "GatewayId": ec2._DEFAULT_IGW_ID,
                    "State": "active",
                    "Origin": "CreateRoute",
                }
            )

    ec2._init_defaults = created
