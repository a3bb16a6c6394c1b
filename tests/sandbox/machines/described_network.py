"""The network of a deployed environment as EC2's API describes it, in the values of decisions."""

from __future__ import annotations

from typing import Any

from deployments.aws.reachability.network import Node

Shape = dict[str, Any]


def node(interface: Shape, *, public: bool = False) -> Node:
    return Node(
        address=interface["PrivateIpAddress"],
        subnet=interface["SubnetId"],
        groups=tuple(group["GroupId"] for group in interface["Groups"]),
        public=public,
    )


def name_of(resource: Shape) -> str:
    return next((str(tag["Value"]) for tag in resource.get("Tags", ()) if tag["Key"] == "Name"), "")
