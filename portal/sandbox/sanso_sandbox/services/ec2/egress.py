"""Whether a server's calls to AWS's services get out of its VPC, by its rules, routes and endpoints.

https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html: an agent needs HTTPS to
Systems Manager, over the internet or an endpoint.
"""

from typing import Final

from sanso_sandbox.reachability import paths
from sanso_sandbox.reachability.network import Network
from sanso_sandbox.services.ec2 import reach

TIMED_OUT: Final = "RequestError: send request failed caused by: dial tcp: i/o timeout"
"""The agent's message for a connection that gets no response."""


def reaches(instance_id: str, service: str) -> bool:
    """Return whether an instance reaches a service, which is named as its endpoints are."""
    return _decided(instance_id, service, reach.network()) or _decided(
        instance_id, service, reach.network(fresh=True)
    )


def _decided(instance_id: str, service: str, network: Network) -> bool:
    node = reach.instance_node(instance_id)
    if node is None or node.subnet not in network.subnets:
        return True
    return paths.to_service(network, node, service).allowed
