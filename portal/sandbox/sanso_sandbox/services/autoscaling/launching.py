"""The parameters of a group's launches: the data of its launch template, the subnet, and the tags."""

from ministack.services import autoscaling, ec2

from sanso_sandbox.engine.registry import Record, Refused


def template(group: Record) -> tuple[Record, Record]:
    """Return the data of the group's launch template, and the specification with a version number."""
    specification = group["LaunchTemplate"]
    if not specification:
        configuration = autoscaling._launch_configs.get(group["LaunchConfigurationName"])
        if configuration is None:
            raise Refused(
                "ValidationError", f"Launch configuration {group['LaunchConfigurationName']} not found"
            )
        return {**configuration, "SecurityGroupIds": configuration["SecurityGroups"]}, {}
    data, record, refusal = ec2._resolve_launch_template_data(specification)
    if refusal or record is None:
        raise Refused(
            "ValidationError",
            "The specified launch template, with template ID "
            f"{specification.get('LaunchTemplateId')}, does not exist.",
        )
    version = {
        "$Default": record["DefaultVersionNumber"],
        "$Latest": record["LatestVersionNumber"],
    }.get(specification["Version"], specification["Version"])
    return data, {
        "LaunchTemplateId": record["LaunchTemplateId"],
        "LaunchTemplateName": record["LaunchTemplateName"],
        "Version": str(version),
    }


def emptiest_subnet(group: Record, members: list[Record]) -> str:
    subnets = [subnet for subnet in group["VPCZoneIdentifier"].split(",") if subnet]
    if not subnets:
        ec2._ensure_defaults_initialized()
        return str(ec2._DEFAULT_SUBNET_ID)
    taken = [
        ec2._instances[member["InstanceId"]]["SubnetId"]
        for member in members
        if member["InstanceId"] in ec2._instances
    ]
    return str(min(subnets, key=taken.count))


def tags(group: Record) -> list[Record]:
    propagated = [
        {"Key": tag["Key"], "Value": tag["Value"]} for tag in group["Tags"] if tag.get("PropagateAtLaunch")
    ]
    return [*propagated, {"Key": "aws:autoscaling:groupName", "Value": group["AutoScalingGroupName"]}]
