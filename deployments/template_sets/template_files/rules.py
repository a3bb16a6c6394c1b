"""The Rules section of a root template."""

from __future__ import annotations

from deployments.cloudformation.template_rules import Assertion, Rule
from deployments.template_sets.template_files.checked import Checked


def read_rules(root: Checked) -> tuple[Rule, ...]:
    """Return the template's rules. Raise UserFixable if CloudFormation would not accept the section."""
    return tuple(
        Rule(
            name=name,
            condition=rule.get("RuleCondition").value,
            assertions=tuple(
                Assertion(
                    check=one.get("Assert").value,
                    description=" ".join(one.get("AssertDescription").text().split()),
                )
                for one in rule.get("Assertions").list()
            ),
        )
        for name, rule in root.get("Rules").items()
    )
