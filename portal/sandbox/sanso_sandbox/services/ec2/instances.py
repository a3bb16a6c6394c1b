"""Instances: launched into a subnet with one of its addresses, found by filters, removed when terminated."""

import time
from typing import Any

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Record, Refused, here
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.machines import Instance
from sanso_sandbox.services.ec2 import images, interfaces, offers, profiles
from sanso_sandbox.services.iam import role_sessions

_engine_launch = ec2._launch_instances_internal
_engine_terminate = ec2._terminate_instances


def install() -> None:
    """Install the launch and the cleanup after termination."""
    ec2._launch_instances_internal = _launch_instances
    ec2._ACTION_MAP["TerminateInstances"] = _terminate_action
    ec2._ACTION_MAP["RunInstances"] = _refusing(ec2._ACTION_MAP["RunInstances"])
    ec2.exec_in_instance_blocking = _run_command


def launch(template: Record, subnet_id: str, tags: list[Record]) -> Record:
    """Launch an instance into a subnet with the data of a launch template.

    Args:
        tags: added to the template's TagSpecifications, with priority.

    Raises Refused if the image, the subnet, a security group or the instance profile does not exist.
    """
    image = images.resolve(template.get("ImageId") or "")
    if not image:
        raise Refused("MissingParameter", "The request must contain the parameter ImageId")
    found = profiles.resolve(template.get("IamInstanceProfile") or {})
    (instance,) = _launch_instances(
        image,
        template.get("InstanceType") or "t3.micro",
        subnet_id,
        1,
        key_name=template.get("KeyName") or "",
        user_data=template.get("UserData") or "",
        sg_ids=_groups(template),
        iam_profile=found,
    )
    merged = {tag["Key"]: tag for tag in [*_template_tags(template), *tags]}
    ec2._tags[instance["InstanceId"]] = list(merged.values())
    return instance


def terminate(instance_id: str) -> None:
    """Terminate an instance: remove its interface, volumes and machine; its record stays for a while."""
    instance = ec2._instances.get(instance_id)
    if instance is None:
        return
    instance["State"] = {"Code": 48, "Name": "terminated"}
    instance["_terminated_at"] = time.time()
    instance["_ssm_managed"] = False
    interfaces.remove(instance_id=instance_id)
    for mapping in instance["BlockDeviceMappings"]:
        ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
    in_use.machines().terminate(instance_id)


def exists(instance_id: str) -> bool:
    """Return whether the instance exists and has not been terminated."""
    instance = ec2._instances.get(instance_id)
    return instance is not None and instance["State"]["Name"] != "terminated"


def running(instance_id: str) -> bool:
    """Return whether the instance exists and is running."""
    instance = ec2._instances.get(instance_id)
    return instance is not None and instance["State"]["Name"] == "running"


def _groups(template: Record) -> list[str]:
    groups = list(template.get("SecurityGroupIds") or [])
    for interface in template.get("NetworkInterfaces") or []:
        groups += interface.get("Groups") or []
    for group in groups:
        if group not in ec2._security_groups:
            raise Refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    return groups


def _groups_in(subnet_id: str, groups: list[str]) -> list[str]:
    """Return the groups of an instance in a subnet: without any, the default group of its own VPC.

    MiniStack names that of the default VPC instead. Raises Refused for a group of another VPC.
    """
    default = interfaces.default_groups(subnet_id)
    if default and groups in ([], [ec2._DEFAULT_SG_ID]):
        return default
    vpc = (ec2._subnets.get(subnet_id) or {}).get("VpcId")
    for group in groups:
        if vpc and (ec2._security_groups.get(group) or {}).get("VpcId", vpc) != vpc:
            raise Refused(
                "InvalidParameter",
                f"Security group {group} and subnet {subnet_id} belong to different networks.",
            )
    return groups


def _template_tags(template: Record) -> list[Record]:
    return [
        {"Key": tag["Key"], "Value": str(tag.get("Value", ""))}
        for specification in template.get("TagSpecifications") or []
        if specification.get("ResourceType") == "instance"
        for tag in specification.get("Tags") or []
    ]


def _launch_instances(
    image_id: str, instance_type: str, subnet_id: str, count: int, **options: Any
) -> list[Record]:
    """Launch instances with MiniStack, and add the subnet's address, zone, names and interface."""
    ec2._ensure_defaults_initialized()
    subnet_id = subnet_id or ec2._DEFAULT_SUBNET_ID
    wanted = options.pop("requested_private_ip", None)
    options["sg_ids"] = _groups_in(subnet_id, options.get("sg_ids") or [])
    created: list[Record] = []
    offers.require_valid(image_id, instance_type)
    zone = (ec2._subnets.get(subnet_id) or {}).get("AvailabilityZone", f"{here().region}a")
    offers.require_room(instance_type, zone, count)
    with interfaces.addresses:
        for _number in range(count):
            address = wanted or interfaces.free_address(subnet_id)
            (instance,) = _engine_launch(
                image_id, instance_type, subnet_id, 1, requested_private_ip=address, **options
            )
            _place(instance, ec2._subnets.get(subnet_id) or {})
            in_use.machines().launch(_machine_of(instance))
            created.append(instance)
    return created


def _machine_of(instance: Record) -> Instance:
    user_data = str(instance.get("UserData") or "")
    return Instance(
        id=instance["InstanceId"],
        scope=here(),
        private_address=instance["PrivateIpAddress"],
        hostname=instance["PrivateDnsName"].partition(".")[0],
        user_data=user_data,
        is_preconfigured=bool(user_data) or instance["ImageId"] not in images.IMAGES,
        environment=role_sessions.of_instance(instance),
    )


def _place(instance: Record, subnet: Record) -> None:
    region = here().region
    zone = subnet.get("AvailabilityZone", f"{region}a")
    address = instance["PrivateIpAddress"]
    instance["Placement"]["AvailabilityZone"] = zone
    instance["Architecture"] = images.architecture_of(instance["ImageId"])
    instance["PrivateDnsName"] = f"ip-{address.replace('.', '-')}.{region}.compute.internal"
    instance["_ssm_managed"] = bool(instance.get("IamInstanceProfile"))
    if subnet.get("MapPublicIpOnLaunch"):
        public = instance["PublicIpAddress"].replace(".", "-")
        instance["PublicDnsName"] = f"ec2-{public}.{region}.compute.amazonaws.com"
    else:
        instance["PublicIpAddress"] = instance["PublicDnsName"] = ""
    for mapping in instance["BlockDeviceMappings"]:
        ec2._volumes[mapping["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone
    if subnet:
        # The record has the address already, so the interface must not get a second one.
        instance["PrivateIpAddress"] = ""
        interface = interfaces.add(
            subnet["SubnetId"],
            "",
            [group["GroupId"] for group in instance["SecurityGroups"]],
            instance_id=instance["InstanceId"],
        )
        interface["PrivateIpAddress"] = instance["PrivateIpAddress"] = address
        interface["PublicIp"] = instance["PublicIpAddress"] or None


def _refusing(run: Action) -> Action:
    def checked(parameters: Parameters) -> Answer:
        try:
            return run(parameters)
        except Refused as refused:
            return ec2_responses.refusal(refused)

    return checked


def _terminate_action(parameters: Parameters) -> Answer:
    answer: Answer = _engine_terminate(parameters)
    if answer[0] == 200:
        for instance_id in query.members(parameters, "InstanceId"):
            terminate(instance_id)
    return answer


def _run_command(instance_id: str, arguments: list[str]) -> tuple[int, str, str]:
    outcome = in_use.machines().run_commands(instance_id, [arguments[-1]])
    return outcome.exit_code, outcome.stdout, outcome.stderr
