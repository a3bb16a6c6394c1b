"""Security groups can be deleted while interfaces have them or rules name them (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.fixes.security_group_rules import EGRESS, INGRESS, group_of
from sanso_sandbox.engine.registry import Answer, Parameters, Refused, handler


def install() -> None:
    """Install the action and the handler."""
    ec2._ACTION_MAP["DeleteSecurityGroup"] = _delete_group_action
    handler("AWS::EC2::SecurityGroup")["delete"] = lambda physical_id, properties: _delete_group(physical_id)


def _delete_group(group_id: str) -> None:
    """Delete a group, unless an interface has it or a rule of another group names it, as on AWS."""
    group = ec2._security_groups.get(group_id)
    if group is None:
        return
    named = any(
        pair.get("GroupId") == group_id
        for key, other in ec2._security_groups.items()
        if key != group_id
        for direction in (INGRESS, EGRESS)
        for rule in other[direction]
        for pair in rule["UserIdGroupPairs"]
    )
    carried = _interfaces_with(group_id) or _instances_in(group_id)
    if named or carried:
        raise Refused("DependencyViolation", f"resource {group_id} has a dependent object")
    ec2._security_groups.pop(group_id, None)
    ec2._tags.pop(group_id, None)


def _instances_in(group_id: str) -> list[str]:
    return [
        key
        for key, instance in ec2._instances.items()
        if instance["State"]["Name"] != "terminated"
        and any(group["GroupId"] == group_id for group in instance["SecurityGroups"])
    ]


def _delete_group_action(parameters: Parameters) -> Answer:
    group_id = query.value(parameters, "GroupId")
    try:
        if group_of(group_id)["GroupName"] == "default":
            raise Refused(
                "CannotDelete",
                f'the specified group: "{group_id}" name: "default" cannot be deleted by a user',
            )
        _delete_group(group_id)
    except Refused as refused:
        return ec2_responses.refusal(refused)
    return ec2_responses.answer("DeleteSecurityGroup", {"return": True, "groupId": group_id})


def _interfaces_with(group_id: str) -> list[str]:
    """List the ids of the interfaces that a security group is attached to."""
    return [
        key
        for key, record in ec2._network_interfaces.items()
        if any(group["GroupId"] == group_id for group in record["Groups"])
    ]
