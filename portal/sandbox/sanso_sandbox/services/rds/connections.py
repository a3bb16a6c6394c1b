"""The network interfaces of databases, and which servers and functions reach them.

RDS creates an interface with the cluster's groups for each instance, in the subnet of its zone:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html.
Decisions hold for new connections; established ones outlive the rule that allowed them, as on AWS:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

import threading
import time
from collections.abc import Iterator
from typing import Final

from ministack.services import ec2, rds

from sanso_sandbox.engine import heartbeat
from sanso_sandbox.engine.registry import Record, Scope, here
from sanso_sandbox.protocols.databases import Database, Origin
from sanso_sandbox.reachability import paths
from sanso_sandbox.reachability.network import Network, Node
from sanso_sandbox.services.ec2 import clients, interfaces, reach
from sanso_sandbox.services.ec2.clients import Client
from sanso_sandbox.services.rds import databases

DESCRIPTION: Final = "RDSNetworkInterface"
INTERVAL: Final = 0.3  # seconds between decisions
_lock = threading.Lock()
_decided: dict[Scope, float] = {}


def install() -> None:
    """Decide regularly, and before a new function runs."""
    heartbeat.listen(rds._clusters, _decide_again)
    clients.listen(decide_all)


def open_interface(instance: Record, cluster: Record) -> None:
    """Create the interface of a cluster's new instance, if its subnets are known."""
    subnets = [subnet["SubnetIdentifier"] for subnet in instance["DBSubnetGroup"].get("Subnets") or ()]
    known = [key for key in subnets if key in ec2._subnets]
    zone = instance["AvailabilityZone"]
    chosen = next((key for key in known if ec2._subnets[key]["AvailabilityZone"] == zone), None)
    if chosen is not None:
        if not cluster["VpcSecurityGroups"]:
            groups = [
                {"VpcSecurityGroupId": key, "Status": "active"} for key in interfaces.default_groups(chosen)
            ]
            cluster["VpcSecurityGroups"] = instance["VpcSecurityGroups"] = groups
        record = interfaces.add(chosen, DESCRIPTION, _groups(cluster), requester="amazon-rds")
        record["_database"] = instance["DBInstanceIdentifier"]


def close_interface(instance_id: str) -> None:
    """Delete the interface of an instance."""
    for record in _interfaces(instance_id):
        interfaces.remove(interface_id=record["NetworkInterfaceId"])


def decide_all() -> None:
    """Decide for the databases of every account."""
    for scope in {scope for (scope, _name), _database in databases.of_account(None)}:
        with scope.entered():
            _decide(reach.network(fresh=True))


def _decide_again() -> None:
    if time.monotonic() - _decided.get(here(), 0.0) >= INTERVAL:
        _decide(reach.network())


def _decide(network: Network) -> None:
    with _lock:
        _decided[here()] = time.monotonic()
        programs = clients.running()
        for cluster in list(rds._clusters.values()):
            database = databases.get((here(), cluster["DBClusterIdentifier"]))
            if database is not None:
                _keep_out(cluster, database, programs, network)


def _keep_out(cluster: Record, database: Database, programs: list[Client], network: Network) -> None:
    kept_out: dict[str, frozenset[Origin]] = {}
    for member in cluster["DBClusterMembers"]:
        instance_id = member["DBInstanceIdentifier"]
        node = _node(instance_id, cluster)
        if node is None or node.subnet not in network.subnets:
            continue  # its VPC is not known: it is not filtered
        kept_out[instance_id] = frozenset(
            origin
            for program in programs
            if not _reaches(program, node, int(cluster["Port"]), network)
            for origin in program.origins
        )
    database.keep_out(kept_out)


def _reaches(program: Client, node: Node, port: int, network: Network) -> bool:
    own = [one for one in program.nodes if one.subnet in network.subnets] if program.scope == here() else []
    if own and all(paths.between(network, one, node, port).allowed for one in own):
        return True
    return node.public and paths.from_internet(network, reach.VISITOR, node, port).allowed


def _node(instance_id: str, cluster: Record) -> Node | None:
    """Return the interface of an instance, with the current groups of its cluster."""
    public = bool((rds._instances.get(instance_id) or {}).get("PubliclyAccessible"))
    for record in _interfaces(instance_id):
        groups = _groups(cluster)
        if [group["GroupId"] for group in record["Groups"]] != groups:
            record["Groups"] = interfaces.group_records(groups)
        return reach.node_of(record, public=public)
    return None


def _interfaces(instance_id: str) -> Iterator[Record]:
    return (one for one in list(ec2._network_interfaces.values()) if one.get("_database") == instance_id)


def _groups(cluster: Record) -> list[str]:
    return [group["VpcSecurityGroupId"] for group in cluster["VpcSecurityGroups"]]
