"""Security groups accept the same rule twice, and keep several sources as one rule (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

from typing import Any

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query, quotas
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused

SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
INGRESS, EGRESS = "IpPermissions", "IpPermissionsEgress"


def install() -> None:
    """Install the actions that add rules."""
    ec2._ACTION_MAP["AuthorizeSecurityGroupIngress"] = lambda parameters: _authorize(parameters, INGRESS)
    ec2._ACTION_MAP["AuthorizeSecurityGroupEgress"] = lambda parameters: _authorize(parameters, EGRESS)


def group_of(group_id: str) -> Record:
    group: Record | None = ec2._security_groups.get(group_id)
    if group is None:
        raise Refused("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return group


def single_rules(permissions: list[Record]) -> list[Record]:
    """Split permissions into one rule per source, as EC2 keeps them."""
    rules = []
    for permission in permissions:
        for source in SOURCES:
            for entry in permission.get(source, []):
                rules.append({**permission, **{name: [] for name in SOURCES}, source: [entry]})
    return rules


def _peer(rule: Record) -> str:
    entry: Record = next(entry for source in SOURCES for entry in rule[source])
    return str(
        entry.get("CidrIp") or entry.get("CidrIpv6") or entry.get("PrefixListId") or entry.get("GroupId")
    )


def identity(rule: Record) -> tuple[Any, ...]:
    return str(rule.get("IpProtocol")), rule.get("FromPort", -1), rule.get("ToPort", -1), _peer(rule)


def add_rule(group_id: str, direction: str, rule: Record) -> str:
    """Add a rule and return its id. Raises Refused when the group has the same rule already."""
    group = group_of(group_id)
    if any(identity(rule) == identity(existing) for existing in group[direction] if _sources(existing)):
        protocol = {"-1": "ALL"}.get(str(rule.get("IpProtocol")), str(rule.get("IpProtocol")).upper())
        raise Refused(
            "InvalidPermission.Duplicate",
            f'the specified rule "peer: {_peer(rule)}, {protocol}, from port: {rule.get("FromPort", -1)}, '
            f'to port: {rule.get("ToPort", -1)}, ALLOW" already exists',
        )
    quotas.require("rules_per_security_group", len(single_rules(group[direction])))
    rule_id = str(ec2._sg_rule_id(group_id, direction == EGRESS, rule))
    rule["SecurityGroupRuleId"] = rule_id
    group[direction].append(rule)
    return rule_id


def _sources(rule: Record) -> bool:
    return any(rule.get(source) for source in SOURCES)


def _authorize(parameters: Parameters, direction: str) -> Answer:
    group_id = query.value(parameters, "GroupId")
    rules = single_rules(ec2._parse_ip_permissions(parameters, "IpPermissions"))
    shapes = ""
    try:
        if not rules:
            raise Refused(
                "InvalidParameterValue",
                "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
            )
        known = list(group_of(group_id)[direction])
        try:
            for rule in rules:
                add_rule(group_id, direction, rule)
                shapes += ec2._sg_rule_xml(group_id, rule, is_egress=direction == EGRESS)
        except Refused:
            group_of(group_id)[direction][:] = known
            raise
    except Refused as refused:
        return ec2_responses.refusal(refused)
    tags = ec2._sg_rule_tag_specifications(parameters)
    for rule in rules if tags else []:
        ec2._tags[rule["SecurityGroupRuleId"]] = list(tags)
    action = "AuthorizeSecurityGroup" + ("Egress" if direction == EGRESS else "Ingress")
    answered: Answer = ec2._xml(
        200,
        f"{action}Response",
        f"<return>true</return><securityGroupRuleSet>{shapes}</securityGroupRuleSet>",
    )
    return answered
