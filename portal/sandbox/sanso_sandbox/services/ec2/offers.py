"""Instance types: those that zones offer, and whether one can be launched, by image, capacity and quota.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and
https://github.com/hashicorp/terraform-provider-aws/issues/26377;
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html.
"""

from typing import Final

from ministack.services import ec2

from sanso_sandbox.engine import aws_tables, ec2_responses, query, quotas, shortages
from sanso_sandbox.engine.registry import Answer, Parameters, Refused, here
from sanso_sandbox.services.ec2 import images

ZONES: Final = "abc"
"""The last letters of the zones that MiniStack has in each region."""


def install() -> None:
    """Add the action, which MiniStack does not have."""
    ec2._ACTION_MAP["DescribeInstanceTypeOfferings"] = _describe_offerings


def _describe_offerings(parameters: Parameters) -> Answer:
    """Return the types of the region, or those of each zone but for its shortages, on one page."""
    region = here().region
    kind, wanted = query.value(parameters, "LocationType", "region"), query.filters(parameters)
    if kind not in ("region", "availability-zone"):
        return ec2_responses.refusal(
            Refused("InvalidParameterValue", f"Invalid value '{kind}' for LocationType.")
        )
    places = [region] if kind == "region" else [f"{region}{letter}" for letter in ZONES]
    rows = [
        {"instanceType": name, "locationType": kind, "location": place}
        for name in sorted(aws_tables.instance_types(region))
        for place in places
        if not shortages.missing("not_offered", name, place)
    ]
    try:
        found = [
            row
            for row in rows
            if query.matches(wanted, {"instance-type": row["instanceType"], "location": row["location"]}, [])
        ]
    except KeyError as unknown:
        return ec2_responses.refusal(
            Refused("InvalidParameterValue", f"The filter '{unknown.args[0]}' is invalid")
        )
    return ec2_responses.answer("DescribeInstanceTypeOfferings", {"instanceTypeOfferingSet": found})


def require_valid(image_id: str, instance_type: str) -> None:
    """Raise Refused if the region does not offer the type, or if it cannot run the image."""
    offered = aws_tables.instance_types(here().region)
    if offered and instance_type not in offered:
        raise Refused("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    of_type = aws_tables.architecture_of_type(instance_type)
    of_image = images.architecture_of(image_id)
    if image_id in images.IMAGES and of_type != of_image:
        raise Refused(
            "InvalidParameterValue",
            f"The architecture '{of_type}' of the specified instance type does not match the architecture "
            f"'{of_image}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to "
            "discover the architecture of the instance type or AMI.",
        )


def require_room(instance_type: str, zone: str, count: int) -> None:
    """Raise Refused if a zone cannot launch this number of instances of the type for this account."""
    if shortages.missing("not_offered", instance_type, zone):
        raise Refused(
            "Unsupported",
            f"Your requested instance type ({instance_type}) is not supported in your requested "
            f"Availability Zone ({zone}). Please retry your request by not specifying an Availability Zone "
            f"or choosing {', '.join(_others(zone))}.",
        )
    if shortages.missing("no_capacity", instance_type, zone):
        raise Refused(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you "
            f"requested ({zone}). Our system will be working on provisioning additional capacity. You can "
            f"currently get {instance_type} capacity by not specifying an Availability Zone in your request "
            f"or choosing {', '.join(_others(zone))}.",
        )
    running = [one for one in ec2._instances.values() if one["State"]["Name"] in ("pending", "running")]
    used = sum(aws_tables.vcpus_of_type(str(one["InstanceType"])) for one in running)
    quotas.require("vcpus", used, count * aws_tables.vcpus_of_type(instance_type))


def _others(zone: str) -> list[str]:
    return sorted({str(subnet["AvailabilityZone"]) for subnet in ec2._subnets.values()} - {zone}) or [
        "another"
    ]
