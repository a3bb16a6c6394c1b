"""Rules that a security group does not have can be revoked (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.fixes.security_group_rules import (
    EGRESS,
    INGRESS,
    group_of,
    identity,
    single_rules,
)
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused


def install() -> None:
    """Install the actions that remove rules."""
    ec2._ACTION_MAP["RevokeSecurityGroupIngress"] = lambda parameters: _revoke(parameters, INGRESS)
    ec2._ACTION_MAP["RevokeSecurityGroupEgress"] = lambda parameters: _revoke(parameters, EGRESS)


def _revoke(parameters: Parameters, direction: str) -> Answer:
    try:
        group = group_of(query.value(parameters, "GroupId"))
        doomed = _revoked(parameters, group, direction)
    except Refused as refused:
        return ec2_responses.refusal(refused)
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
    """List the named rules. Raises Refused, so that nothing is revoked, when one of them does not exist."""
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
    for rule in single_rules(ec2._parse_ip_permissions(parameters, "IpPermissions")):
        same = next((have for have in existing.values() if identity(have) == identity(rule)), None)
        if same is None:
            raise Refused(
                "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
            )
        doomed.append(same)
    return doomed
