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

from sanso_sandbox.reachability import paths
from sanso_sandbox.reachability.network import Network, Node
from sanso_sandbox.services.ec2 import reach

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

    There are none if it reaches everything, and only those that lead nowhere if it reaches the internet and
    not all of its endpoints.
    """
    network = reach.network(fresh=True)
    nodes = nodes_of(config, network)
    own = f"http://{os.environ.get('MINISTACK_HOST', '127.0.0.1')}:{os.environ.get('GATEWAY_PORT', '4567')}"
    silent = f"http://{silent_address()}"

    def reached(service: str) -> bool:
        return all(paths.to_service(network, node, service).allowed for node in nodes)

    others = all(paths.to_internet(network, node).allowed for node in nodes)
    services = {one.service for one in network.endpoints}
    found = {service: reached(service) for service in services}
    if others and all(found.values()):
        return {}
    return ({} if others else {"AWS_ENDPOINT_URL": silent}) | {
        f"AWS_ENDPOINT_URL_{VARIABLES.get(service, service.upper())}": own if found[service] else silent
        for service in sorted(services)
        if found[service] is not others
    }


def nodes_of(config: dict[str, Any], network: Network) -> list[Node]:
    """Return a function's interfaces, one in each of its subnets that exists."""
    vpc = config.get("VpcConfig") or {}
    groups = tuple(sorted(vpc.get("SecurityGroupIds") or ()))
    wanted = {(subnet, groups) for subnet in vpc.get("SubnetIds") or () if subnet in network.subnets}
    return [
        node
        for record in ec2._network_interfaces.values()
        if record.get("_lambda") in wanted and (node := reach.node_of(record)) is not None
    ]


def response_url(config: dict[str, Any], url: str) -> str:
    """Return the URL for the response of a custom resource's function."""
    unreached = endpoints(config)
    own = "AWS_ENDPOINT_URL_S3"
    if not unreached or silent_address() not in unreached.get(own, unreached.get("AWS_ENDPOINT_URL", "")):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="http", netloc=silent_address()))
