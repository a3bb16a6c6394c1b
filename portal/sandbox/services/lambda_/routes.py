"""The network of functions in a VPC: without a route to the internet, their calls get no response.

A function's interface has no public address: it needs a NAT gateway or an endpoint of the service.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
"""

import os
import socket
import threading
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ministack.services import ec2

INTERNET: Final = "0.0.0.0/0"
S3: Final = "s3"
# Services whose endpoint variable differs from the VPC endpoint's service name.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
VARIABLES: Final = {"secretsmanager": "SECRETS_MANAGER", "elasticloadbalancing": "ELASTIC_LOAD_BALANCING_V2"}

_lock = threading.Lock()
_silent: list[socket.socket] = []


def silent_address() -> str:
    """Return the address of a socket that accepts connections and never responds."""
    with _lock:
        if not _silent:
            listener = socket.create_server(("127.0.0.1", 0), backlog=socket.SOMAXCONN)
            _silent.append(listener)
        host, port = _silent[0].getsockname()
        return f"{host}:{port}"


def endpoints(config: dict[str, Any]) -> dict[str, str]:
    """Return the endpoint variables for a function's AWS calls, by the reach of its network.

    There are none if it reaches everything.
    """
    subnets = (config.get("VpcConfig") or {}).get("SubnetIds") or ()
    if not subnets or all(_has_default_route(subnet) for subnet in subnets):
        return {}
    own = f"http://{os.environ.get('MINISTACK_HOST', '127.0.0.1')}:{os.environ.get('GATEWAY_PORT', '4567')}"
    reached = set.intersection(*(_services_of(subnet) for subnet in subnets))
    return {"AWS_ENDPOINT_URL": f"http://{silent_address()}"} | {
        f"AWS_ENDPOINT_URL_{VARIABLES.get(service, service.upper())}": own for service in sorted(reached)
    }


def response_url(config: dict[str, Any], url: str) -> str:
    """Return the URL for the response of a custom resource's function."""
    unreached = endpoints(config)
    if not unreached or "AWS_ENDPOINT_URL_S3" in unreached:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="http", netloc=silent_address()))


def _table_of(subnet_id: str) -> dict[str, Any]:
    vpc = (ec2._subnets.get(subnet_id) or {}).get("VpcId")
    main: dict[str, Any] = {}
    for table in ec2._route_tables.values():
        for association in table.get("Associations", ()):
            if association.get("SubnetId") == subnet_id:
                return dict(table)
            if association.get("Main") and table["VpcId"] == vpc:
                main = table
    return main


def _has_default_route(subnet_id: str) -> bool:
    for route in _table_of(subnet_id).get("Routes", ()):
        if route.get("DestinationCidrBlock") == INTERNET and route.get("State") != "blackhole":
            gateway = ec2._nat_gateways.get(route.get("NatGatewayId") or "")
            other = (
                route.get("TransitGatewayId") or route.get("InstanceId") or route.get("NetworkInterfaceId")
            )
            return bool(other) or (gateway is not None and gateway["State"] == "available")
    return False


def _services_of(subnet_id: str) -> set[str]:
    """Return the services whose endpoints a subnet reaches: in its route table, or by name in its VPC."""
    table = _table_of(subnet_id).get("RouteTableId")
    vpc = (ec2._subnets.get(subnet_id) or {}).get("VpcId")
    return {
        str(endpoint["ServiceName"]).rpartition(".")[2]
        for endpoint in ec2._vpc_endpoints.values()
        if table in endpoint.get("RouteTableIds", ())
        or (endpoint["VpcId"] == vpc and endpoint.get("PrivateDnsEnabled"))
    }
