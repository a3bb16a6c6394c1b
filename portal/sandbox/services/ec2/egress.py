"""Whether a server's calls to AWS's services get out of its VPC, by its rules, routes and endpoints.

https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html: an agent needs HTTPS to
Systems Manager, over the internet or an endpoint. In a VPC that has neither a gateway nor an endpoint,
servers are let out all the same, which is kinder than AWS.
"""

from typing import Final

from deployments.core.reachability import paths
from deployments.core.reachability.network import Network
from portal.sandbox.services.ec2 import reach

TIMED_OUT: Final = "RequestError: send request failed caused by: dial tcp: i/o timeout"
"""The agent's message for a connection that gets no response."""


def reaches(instance_id: str, service: str) -> bool:
    """Return whether an instance reaches a service, which is named as its endpoints are."""
    return _decided(instance_id, service, reach.network()) or _decided(
        instance_id, service, reach.network(fresh=True)
    )


def _decided(instance_id: str, service: str, network: Network) -> bool:
    node = reach.instance_node(instance_id)
    subnet = network.subnets.get(node.subnet) if node is not None else None
    if node is None or subnet is None or not _has_way_out(network, subnet.vpc):
        return True
    return paths.to_service(network, node, service).allowed


def _has_way_out(network: Network, vpc: str) -> bool:
    nat_subnets = {gateway.node.subnet for gateway in network.nat_gateways.values()}
    return (
        vpc in network.gateways.values()
        or any(one.vpc == vpc for one in network.endpoints)
        or any(subnet.vpc == vpc for key, subnet in network.subnets.items() if key in nat_subnets)
    )
