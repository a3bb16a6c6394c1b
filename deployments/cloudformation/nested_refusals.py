"""Whether CloudFormation rejected a change set only because it includes nested ones.

It computes them before the outputs of other nested stacks are known, and checks parameters and functions with
placeholders: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 (Fn::Select),
https://github.com/aws-cloudformation/cfn-language-discussion/issues/152 (the placeholder) and
https://github.com/aws-cloudformation/rain/issues/526 (patterns). Without nested change sets, the same update
is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.template_stacks import TemplateStack

_PLACEHOLDER = "{{IntrinsicFunction:"
_SELECT = re.compile(r"Fn::Select\s+cannot select", re.IGNORECASE)
_MISSING = re.compile(r"must have values|do not exist in the template", re.IGNORECASE)
_NAME = re.compile(r"\w+")


def is_of_nesting(reason: str, path: str, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether a change set without nested ones would not fail for this reason.

    `path` is the nested stack of the reason, "" if CloudFormation does not report it; `stacks` are those of
    the template set with the values of the request.
    """
    if _PLACEHOLDER in reason:
        return True
    about = [stacks[path]] if path in stacks and path else [one for at, one in stacks.items() if at]
    if _SELECT.search(reason):
        return any(_unknown_in(one, stacks) for one in about)
    if _MISSING.search(reason):
        return False
    named = set(_NAME.findall(reason))
    return any(named & _unknown_in(one, stacks) for one in about)


def _unknown_in(stack: TemplateStack, stacks: Mapping[str, TemplateStack]) -> set[str]:
    """Return the parameters of a nested stack whose values come from outputs, not known beforehand."""
    parent = stacks[stack.path.rpartition("/")[0]].scope
    declared = mapping(stack.template.get("Parameters"))
    return {
        name for name, value in stack.passed.items() if name in declared and parent.literal(value) is None
    }
