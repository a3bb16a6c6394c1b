"""A network with two zones as the templates create it, to take parts away from."""

from __future__ import annotations

from deployments.aws.reachability.network import (
    AclEntry,
    Endpoint,
    GroupRule,
    NatGateway,
    Network,
    Node,
    Route,
    SecurityGroup,
    Subnet,
)

VPC = "vpc-1"
OPEN_ACL = tuple(
    AclEntry(number=number, egress=egress, allows=number == 100, range="0.0.0.0/0")
    for number in (100, 32767)
    for egress in (True, False)
)
LOCAL = Route(destination="10.0.0.0/16", target="local")
ALB_A = Node(address="10.0.0.10", subnet="public-a", groups=("sg-alb",), public=True)
WEB_A = Node(address="10.0.2.10", subnet="web-a", groups=("sg-web",))
WEB_B = Node(address="10.0.3.10", subnet="web-b", groups=("sg-web",))
APP_A = Node(address="10.0.4.10", subnet="app-a", groups=("sg-app",))
DATABASE = Node(address="10.0.6.10", subnet="db-a", groups=("sg-db",))


def rule(peer: str, port: int = -1) -> GroupRule:
    return (
        GroupRule(protocol="-1", peer=peer)
        if port < 0
        else GroupRule(protocol="tcp", first=port, last=port, peer=peer)
    )


def group(
    name: str, *, ingress: tuple[GroupRule, ...] = (), egress: tuple[GroupRule, ...] = ()
) -> SecurityGroup:
    return SecurityGroup(id=name, name=name, ingress=ingress, egress=egress)


def network() -> Network:
    groups = (
        group("sg-alb", ingress=(rule("0.0.0.0/0", 80),), egress=(rule("10.0.2.0/23", 80),)),
        group("sg-web", ingress=(rule("sg-alb", 80),), egress=(rule("0.0.0.0/0", 443),)),
        group("sg-app", egress=(rule("10.0.6.0/24", 3306), rule("0.0.0.0/0", 443))),
        group("sg-db", ingress=(rule("sg-app", 3306),)),
    )
    tables = {"public": "public", "web": "private", "app": "private", "db": "inner"}
    return Network(
        groups={one.id: one for one in groups},
        subnets={
            f"{tier}-{zone}": Subnet(id=f"{tier}-{zone}", vpc=VPC, zone=zone, table=table, acl="acl-1")
            for tier, table in tables.items()
            for zone in "ab"
        },
        tables={
            "public": (LOCAL, Route(destination="0.0.0.0/0", target="igw-1")),
            "private": (LOCAL, Route(destination="0.0.0.0/0", target="nat-1")),
            "inner": (LOCAL,),
        },
        acls={"acl-1": OPEN_ACL},
        gateways={"igw-1": VPC},
        nat_gateways={
            "nat-1": NatGateway(id="nat-1", node=Node(address="10.0.0.4", subnet="public-a", public=True))
        },
        endpoints=(Endpoint(id="vpce-1", vpc=VPC, service="s3", tables=("private",)),),
    )
