"""Security groups: rules as resources of their own, one rule for each source, and groups that are in use."""

from typing import Any

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from portal.sandbox.engine import query, quotas
from portal.sandbox.engine.registry import (
    Answer,
    Created,
    Parameters,
    Properties,
    Record,
    Refused,
    handler,
    provide,
)
from portal.sandbox.services.ec2 import interfaces, responses

SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
INGRESS, EGRESS = "IpPermissions", "IpPermissionsEgress"


def install() -> None:
    """Put the standalone rule types, the rule actions and the refusal to delete a used group in place."""
    for resource_type, direction in (("Ingress", INGRESS), ("Egress", EGRESS)):
        rule = _RuleResource(direction)
        provide(f"AWS::EC2::SecurityGroup{resource_type}", rule.create, rule.delete, rule.update)
    ec2._ACTION_MAP["AuthorizeSecurityGroupIngress"] = lambda parameters: _authorize(parameters, INGRESS)
    ec2._ACTION_MAP["AuthorizeSecurityGroupEgress"] = lambda parameters: _authorize(parameters, EGRESS)
    ec2._ACTION_MAP["RevokeSecurityGroupIngress"] = lambda parameters: _revoke(parameters, INGRESS)
    ec2._ACTION_MAP["RevokeSecurityGroupEgress"] = lambda parameters: _revoke(parameters, EGRESS)
    ec2._ACTION_MAP["DescribeSecurityGroups"] = _describe
    ec2._ACTION_MAP["DeleteSecurityGroup"] = _delete_group_action
    handler("AWS::EC2::SecurityGroup")["delete"] = lambda physical_id, properties: _delete_group(physical_id)


def _group(group_id: str) -> Record:
    group: Record | None = ec2._security_groups.get(group_id)
    if group is None:
        raise Refused("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return group


def _single_rules(permissions: list[Record]) -> list[Record]:
    """EC2 keeps a rule for each source, whatever a request bundles into one permission."""
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


def _identity(rule: Record) -> tuple[Any, ...]:
    return str(rule.get("IpProtocol")), rule.get("FromPort", -1), rule.get("ToPort", -1), _peer(rule)


def add_rule(group_id: str, direction: str, rule: Record) -> str:
    """Add a rule and return its id. Raises Refused when the group has the same rule already."""
    group = _group(group_id)
    if any(_identity(rule) == _identity(existing) for existing in group[direction] if _sources(existing)):
        protocol = {"-1": "ALL"}.get(str(rule.get("IpProtocol")), str(rule.get("IpProtocol")).upper())
        raise Refused(
            "InvalidPermission.Duplicate",
            f'the specified rule "peer: {_peer(rule)}, {protocol}, from port: {rule.get("FromPort", -1)}, '
            f'to port: {rule.get("ToPort", -1)}, ALLOW" already exists',
        )
    quotas.require("rules_per_security_group", len(_single_rules(group[direction])))
    rule_id = str(ec2._sg_rule_id(group_id, direction == EGRESS, rule))
    rule["SecurityGroupRuleId"] = rule_id
    group[direction].append(rule)
    return rule_id


def _sources(rule: Record) -> bool:
    return any(rule.get(source) for source in SOURCES)


class _RuleResource:
    """AWS::EC2::SecurityGroupIngress or ...Egress: Ref is the rule's id."""

    def __init__(self, direction: str) -> None:
        self.direction = direction

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        rule = provisioners._ec2_sg_permissions([properties])[0]
        rule_id = add_rule(self._group_id(properties), self.direction, rule)
        return rule_id, {"Id": rule_id}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        """Only the description can change in place (aws-resource-ec2-securitygroupingress)."""
        unlike = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        if unlike <= {"Description"}:
            for rule in _group(self._group_id(new))[self.direction]:
                if rule.get("SecurityGroupRuleId") == physical_id:
                    fresh = provisioners._ec2_sg_permissions([new])[0]
                    rule.update({source: fresh[source] for source in SOURCES})
            return physical_id, {"Id": physical_id}
        created = self.create(logical_id, new, stack)
        provisioners._delete_predecessor(self.delete, physical_id, old)
        return created

    def delete(self, physical_id: str, properties: Properties) -> None:
        group = ec2._security_groups.get(self._group_id(properties))
        if group is not None:
            group[self.direction] = [
                rule for rule in group[self.direction] if rule.get("SecurityGroupRuleId") != physical_id
            ]

    @staticmethod
    def _group_id(properties: Properties) -> str:
        if properties.get("GroupId"):
            return str(properties["GroupId"])
        named = (
            key
            for key, group in ec2._security_groups.items()
            if group["GroupName"] == properties.get("GroupName")
        )
        return next(named, "")


def _authorize(parameters: Parameters, direction: str) -> Answer:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html"""
    group_id = query.value(parameters, "GroupId")
    rules = _single_rules(ec2._parse_ip_permissions(parameters, "IpPermissions"))
    shapes = ""
    try:
        if not rules:
            raise Refused(
                "InvalidParameterValue",
                "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
            )
        known = list(_group(group_id)[direction])
        try:
            for rule in rules:
                add_rule(group_id, direction, rule)
                shapes += ec2._sg_rule_xml(group_id, rule, is_egress=direction == EGRESS)
        except Refused:
            _group(group_id)[direction][:] = known
            raise
    except Refused as refused:
        return responses.refusal(refused)
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


def _revoke(parameters: Parameters, direction: str) -> Answer:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html"""
    try:
        group = _group(query.value(parameters, "GroupId"))
        doomed = _revoked(parameters, group, direction)
    except Refused as refused:
        return responses.refusal(refused)
    group[direction] = [rule for rule in group[direction] if rule not in doomed]
    shapes = "".join(ec2._revoked_sg_rule_xml(group["GroupId"], rule, direction == EGRESS) for rule in doomed)
    action = "RevokeSecurityGroup" + ("Egress" if direction == EGRESS else "Ingress")
    answered: Answer = ec2._xml(
        200,
        f"{action}Response",
        f"<return>true</return><revokedSecurityGroupRuleSet>{shapes}</revokedSecurityGroupRuleSet>",
    )
    return answered


def _revoked(parameters: Parameters, group: Record, direction: str) -> list[Record]:
    """Every rule that is named must exist, or nothing is revoked."""
    existing = {
        str(ec2._sg_rule_id(group["GroupId"], direction == EGRESS, rule)): rule for rule in group[direction]
    }
    doomed = []
    for rule_id in query.members(parameters, "SecurityGroupRuleId"):
        if rule_id not in existing:
            raise Refused(
                "InvalidSecurityGroupRuleId.NotFound",
                f"The security group rule ID '{rule_id}' does not exist",
            )
        doomed.append(existing[rule_id])
    for rule in _single_rules(ec2._parse_ip_permissions(parameters, "IpPermissions")):
        same = next((have for have in existing.values() if _identity(have) == _identity(rule)), None)
        if same is None:
            raise Refused(
                "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
            )
        doomed.append(same)
    return doomed


def _describe(parameters: Parameters) -> Answer:
    ids = query.members(parameters, "GroupId")
    names = query.members(parameters, "GroupName")
    wanted = query.filters(parameters)
    try:
        for group_id in ids:
            _group(group_id)
        shapes = "".join(
            ec2._sg_xml(group)
            for key, group in ec2._security_groups.items()
            if (not ids or key in ids)
            and (not names or group["GroupName"] in names)
            and query.matches(wanted, _filterable(group), responses.tags(key))
        )
    except KeyError as unknown:
        return responses.refusal(Refused("InvalidParameterValue", f"The filter {unknown} is invalid"))
    except Refused as refused:
        return responses.refusal(refused)
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


def _delete_group(group_id: str) -> None:
    """A group that an interface carries or another group's rule names cannot go, as on AWS."""
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
    carried = interfaces.users_of_group(group_id) or _instances_in(group_id)
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
        if _group(group_id)["GroupName"] == "default":
            raise Refused(
                "CannotDelete",
                f'the specified group: "{group_id}" name: "default" cannot be deleted by a user',
            )
        _delete_group(group_id)
    except Refused as refused:
        return responses.refusal(refused)
    return responses.answer("DeleteSecurityGroup", {"return": True, "groupId": group_id})
