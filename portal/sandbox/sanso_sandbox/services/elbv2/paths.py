"""Which connections to and from load balancers security groups, routes and network ACLs allow."""

from collections.abc import Iterable

from ministack.services import alb, autoscaling, ec2

from sanso_sandbox.engine.fixes import target_group_in_use
from sanso_sandbox.engine.registry import Record
from sanso_sandbox.reachability import balancing, paths
from sanso_sandbox.reachability.balancing import Balancer
from sanso_sandbox.reachability.decision import Decision
from sanso_sandbox.reachability.network import Network, Node
from sanso_sandbox.services.ec2 import reach
from sanso_sandbox.services.elbv2 import load_balancers


def blocked_share(load_balancer: str, port: int) -> int:
    """Return how many of 100 connections to a listener are not possible.

    Clients of an internet-facing load balancer are visitors, those of an internal one the servers of its VPC
    that are not its targets. A client may connect to any of its interfaces.
    """
    record = alb._lbs.get(load_balancer)
    if record is None:
        return 0
    network = reach.network()
    balancer = _balancer(record, network)
    if record["Scheme"] == "internal":
        decisions = [
            decision
            for client in _clients(record, network)
            for decision in balancing.from_client(network, balancer, client, port)
        ]
    else:
        decisions = balancing.from_visitor(network, balancer, reach.VISITOR, port)
    blocked = sum(not decision.allowed for decision in decisions)
    return round(100 * blocked / len(decisions)) if decisions else 0


def requests(group: str, row: Record) -> Decision:
    """Return whether all load balancers of a target group can send requests to a target."""
    return _to_target(group, row, int(row["Port"]), health_check=False)


def health_checks(group: str, row: Record, port: int) -> Decision:
    """Return whether the health checks of all load balancers of a target group reach a target."""
    return _to_target(group, row, port, health_check=True)


def _to_target(group: str, row: Record, port: int, *, health_check: bool) -> Decision:
    decision = _decided(reach.network(), group, row, port, health_check)
    if decision.allowed:
        return decision
    return _decided(reach.network(fresh=True), group, row, port, health_check)


def _decided(network: Network, group: str, row: Record, port: int, health_check: bool) -> Decision:
    target = _target(group, row["Id"])
    decisions: list[Decision] = []
    for key in target_group_in_use.load_balancers_of(group):
        record = alb._lbs.get(key)
        if record is None or target is None or target.subnet not in network.subnets:
            continue
        clients: Iterable[str] = () if health_check else _preserved(group, record, network)
        decisions += balancing.requests_to_target(network, _balancer(record, network), target, port, clients)
    return paths.all_of(decisions)


def _balancer(record: Record, network: Network) -> Balancer:
    """Return a load balancer's interfaces, and whether each of them sends to all zones."""
    key = record["LoadBalancerArn"]
    attributes = {one["Key"]: one["Value"] for one in alb._lb_attrs.get(key) or ()}
    nodes = reach.described_nodes(load_balancers.interface_description(key))
    return Balancer(
        nodes=tuple(node for node in nodes if node.subnet in network.subnets),
        cross_zone=attributes.get("load_balancing.cross_zone.enabled", "true") == "true",
    )


def _target(group: str, target_id: str) -> Node | None:
    record = alb._tgs.get(group) or {}
    if record.get("TargetType") == "ip":
        return reach.address_node(target_id, str(record.get("VpcId")))
    return reach.instance_node(target_id)


def _preserved(group: str, balancer: Record, network: Network) -> list[str]:
    """Return the clients' addresses that targets see, if the load balancer preserves them.

    A network load balancer does so for instances unless the attribute says otherwise, and for addresses only
    if it says so. https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    if balancer["Type"] != "network":
        return []
    attributes = {one["Key"]: one["Value"] for one in alb._tg_attrs.get(group) or ()}
    default = "false" if (alb._tgs.get(group) or {}).get("TargetType") == "ip" else "true"
    if attributes.get("preserve_client_ip.enabled", default) != "true":
        return []
    if balancer["Scheme"] != "internal":
        return [reach.VISITOR]
    return [client.address for client in _clients(balancer, network)]


def _clients(balancer: Record, network: Network) -> list[Node]:
    """Return the interfaces of the servers that may connect to an internal load balancer.

    They are the running ones of its VPC that do not stand behind it: not its targets, not the members of
    their Auto Scaling groups, which may be out of service, and none with the security groups of one of these.
    """
    behind = _behind(balancer["LoadBalancerArn"])
    nodes = {
        key: node
        for key, instance in ec2._instances.items()
        if instance["State"]["Name"] == "running"
        and (node := reach.instance_node(key)) is not None
        and node.subnet in network.subnets
        and network.subnets[node.subnet].vpc == balancer["VpcId"]
    }
    alike = {node.groups for key, node in nodes.items() if key in behind}
    return [node for key, node in nodes.items() if key not in behind and node.groups not in alike]


def _behind(load_balancer: str) -> set[str]:
    """Return the targets of a load balancer, and the members of the groups that register theirs there."""
    used = {group for group in alb._tgs if load_balancer in target_group_in_use.load_balancers_of(group)}
    found = {row["Id"] for group in used for row in alb._targets.get(group, ())}
    for fleet in autoscaling._asgs.values():
        if used & set(fleet.get("TargetGroupARNs") or ()):
            found |= {member["InstanceId"] for member in fleet["Instances"]}
    return found
