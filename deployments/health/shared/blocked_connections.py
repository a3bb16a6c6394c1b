"""Which connections that an environment needs its network does not allow, read of EC2 after a failure.

They are those of servers and functions to databases that a rule of one side names, of servers with
associations to Systems Manager, and of a function without a response to S3, where CloudFormation expects it:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html,
https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deployments.aws.described_network import DescribedNetwork
from deployments.aws.reachability import blocked
from deployments.aws.reachability.network import Node
from deployments.aws.session import Clients
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.stacks.models.stacks import Resource

_VPC, _ASSOCIATION = "AWS::EC2::VPC", "AWS::SSM::Association"
_CLUSTER: Final = "AWS::RDS::DBCluster"
DATABASES: Final = "RDSNetworkInterface"
"""The description of the interfaces of databases."""
_FUNCTIONS: Final = "AWS Lambda VPC ENI-"
MYSQL: Final = 3306


def of_environment(
    environment: Environment, clients: Clients, functions: Sequence[str] = (), *, is_silent: bool = False
) -> list[str]:
    """Return a sentence for each kind of connection that is not possible, the nearest causes first.

    Args:
        functions: the names of functions behind a failed custom resource.
        is_silent: whether that failed because CloudFormation got no response.
    """
    rows = Resource.objects.newest_of(environment)
    vpcs = _ids(rows, _VPC)
    if not vpcs:
        return []  # in a VPC that is not the environment's
    described = clients.ec2.network_in(vpcs[0])
    network, callers = described.network, _callers(described, functions)
    clusters = _ids(rows, _CLUSTER)[:1]
    found = clients.rds.clusters(clusters) if clusters else []
    databases = {key: described.others.get(DATABASES, ()) for key in clusters}
    port = found[0].port if found and found[0].port else MYSQL
    if functions:
        sentences = [*blocked.to_databases(network, callers, databases, port)]
        sentences += blocked.to_services(network, callers, ["s3"] if is_silent else [])
    else:
        servers = servers_of(environment, described)
        sentences = [*blocked.to_services(network, servers, ["ssm"] if _ids(rows, _ASSOCIATION) else [])]
        sentences += blocked.to_databases(network, servers, databases, port)
    return list(dict.fromkeys(sentences))


def _ids(rows: Sequence[Resource], type_: str) -> list[str]:
    return [row.physical_id for row in rows if row.type == type_ and row.physical_id]


def servers_of(environment: Environment, described: DescribedNetwork) -> dict[str, list[Node]]:
    """Return the servers in the described network, by tier and id."""
    tiers = {target.target_id: target.tier for target in Target.objects.of(environment)}
    return {
        f"{tiers[key]} {key}" if tiers.get(key) else key: [node]
        for key, node in described.instances.items()
        if node.subnet in described.network.subnets
    }


def _callers(described: DescribedNetwork, functions: Sequence[str]) -> dict[str, list[Node]]:
    """Return the interfaces of functions; functions with the same subnets and groups share them."""
    return {
        name: [
            node
            for description, nodes in described.others.items()
            if description.startswith(f"{_FUNCTIONS}{name}-")
            for node in nodes
        ]
        for name in functions
    }
