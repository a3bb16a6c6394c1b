"""AWS::EC2::SecurityGroupIngress and ...Egress: rules of security groups as separate resources."""

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.fixes.security_group_rules import EGRESS, INGRESS, SOURCES, add_rule, group_of
from sanso_sandbox.engine.registry import Created, Properties, provide


def install() -> None:
    """Install the resource types."""
    for resource_type, direction in (("Ingress", INGRESS), ("Egress", EGRESS)):
        rule = _RuleResource(direction)
        provide(f"AWS::EC2::SecurityGroup{resource_type}", rule.create, rule.delete, rule.update)


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
        """Update the description in place, or replace the rule (aws-resource-ec2-securitygroupingress)."""
        unlike = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        if unlike <= {"Description"}:
            for rule in group_of(self._group_id(new))[self.direction]:
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
