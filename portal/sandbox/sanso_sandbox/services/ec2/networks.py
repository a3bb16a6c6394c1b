"""VPC endpoints with their interfaces, and subnets and VPCs that cannot be deleted while they are in use."""

import time
from collections.abc import Callable

from ministack.services import ec2

from sanso_sandbox.engine.fixes import subnet_in_use
from sanso_sandbox.engine.registry import (
    Create,
    Created,
    Delete,
    Properties,
    Refused,
    handler,
    here,
)
from sanso_sandbox.engine.time_scale import shortened
from sanso_sandbox.services.ec2 import interfaces

RETRY = 0.2  # seconds between attempts to delete a resource that is still in use


def install() -> None:
    """Install the wrapped handlers."""
    endpoint = handler("AWS::EC2::VPCEndpoint")
    endpoint["create"] = _endpoint_creator(endpoint["create"])
    endpoint["delete"] = _endpoint_deleter(endpoint["delete"])
    subnet = handler("AWS::EC2::Subnet")
    subnet["delete"] = patient(subnet_in_use.require_empty, subnet["delete"])


def _endpoint_creator(create: Create) -> Create:
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        endpoint_id, attributes = create(logical_id, properties, stack)
        record = ec2._vpc_endpoints[endpoint_id]
        if record["VpcEndpointType"] == "Interface":
            if not record["SecurityGroupIds"] and record["SubnetIds"]:
                record["SecurityGroupIds"] = interfaces.default_groups(record["SubnetIds"][0])
            for subnet_id in record["SubnetIds"]:
                interface = interfaces.add(
                    subnet_id,
                    f"VPC Endpoint Interface {endpoint_id}",
                    record["SecurityGroupIds"],
                    kind="vpc_endpoint",
                    requester="amazon-vpce",
                )
                record["NetworkInterfaceIds"].append(interface["NetworkInterfaceId"])
            service = record["ServiceName"].rsplit(".", 1)[-1]
            record["DnsEntries"] = [
                f"Z2E726K9Y6RL4W:{endpoint_id}.{service}.{here().region}.vpce.amazonaws.com"
            ]
            attributes |= {
                "NetworkInterfaceIds": record["NetworkInterfaceIds"],
                "DnsEntries": record["DnsEntries"],
            }
        return endpoint_id, attributes

    return created


def _endpoint_deleter(delete: Delete) -> Delete:
    def deleted(physical_id: str, properties: Properties) -> None:
        interfaces.remove(description=f"VPC Endpoint Interface {physical_id}")
        delete(physical_id, properties)

    return deleted


def patient(check: Callable[[str], None], delete: Delete) -> Delete:
    """Return a delete handler that retries for some minutes while the resource is in use, as on AWS."""

    def deleted(physical_id: str, properties: Properties) -> None:
        deadline = time.monotonic() + shortened(300, at_least=3)
        while True:
            try:
                check(physical_id)
                return delete(physical_id, properties)
            except Refused:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY)

    return deleted
