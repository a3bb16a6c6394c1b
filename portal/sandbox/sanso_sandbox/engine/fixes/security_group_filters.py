"""DescribeSecurityGroups ignores most filters (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.fixes.security_group_rules import INGRESS, group_of
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused


def install() -> None:
    """Install the action."""
    ec2._ACTION_MAP["DescribeSecurityGroups"] = _describe


def _describe(parameters: Parameters) -> Answer:
    ids = query.members(parameters, "GroupId")
    names = query.members(parameters, "GroupName")
    wanted = query.filters(parameters)
    try:
        for group_id in ids:
            group_of(group_id)
        shapes = "".join(
            ec2._sg_xml(group)
            for key, group in ec2._security_groups.items()
            if (not ids or key in ids)
            and (not names or group["GroupName"] in names)
            and query.matches(wanted, _filterable(group), ec2_responses.tags(key))
        )
    except KeyError as unknown:
        return ec2_responses.refusal(Refused("InvalidParameterValue", f"The filter {unknown} is invalid"))
    except Refused as refused:
        return ec2_responses.refusal(refused)
    answered: Answer = ec2._xml(
        200, "DescribeSecurityGroupsResponse", f"<securityGroupInfo>{shapes}</securityGroupInfo>"
    )
    return answered


def _filterable(group: Record) -> dict[str, str | list[str]]:
    return {
        "description": group["Description"],
        "group-id": group["GroupId"],
        "group-name": group["GroupName"],
        "ip-permission.cidr": _values(group, "IpRanges", "CidrIp"),
        "ip-permission.from-port": [str(rule.get("FromPort", -1)) for rule in group[INGRESS]],
        "ip-permission.group-id": _values(group, "UserIdGroupPairs", "GroupId"),
        "ip-permission.protocol": [str(rule["IpProtocol"]) for rule in group[INGRESS]],
        "ip-permission.to-port": [str(rule.get("ToPort", -1)) for rule in group[INGRESS]],
        "owner-id": group["OwnerId"],
        "vpc-id": group["VpcId"],
    }


def _values(group: Record, source: str, key: str) -> list[str]:
    return [entry[key] for rule in group[INGRESS] for entry in rule[source] if entry.get(key)]
