"""The parameters of a root template, in the groups of its AWS::CloudFormation::Interface."""

from __future__ import annotations

from collections.abc import Container

from deployments.cloudformation.parameters import Parameter, ParameterGroup
from deployments.common.message_codes import Code
from deployments.template_sets.template_files.checked import Checked

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_PARAMETERS = 200


def check_number(template: Checked) -> None:
    """Raise UserFixable if a template has more parameters than CloudFormation allows."""
    declared = template.value.get("Parameters")
    if isinstance(declared, dict) and len(declared) > MAX_PARAMETERS:
        raise template.broken(Code.TOO_MANY_PARAMETERS, count=len(declared), limit=MAX_PARAMETERS)


def groups(root: Checked, hidden: Container[str]) -> tuple[ParameterGroup, ...]:
    """Return the parameters that the user sets; those without a group come last, in a separate group.

    Raise UserFixable if CloudFormation would reject the template's parameters.
    """
    declared = dict(root.get("Parameters").items())
    interface = root.get("Metadata").get("AWS::CloudFormation::Interface")
    labels = {name: label.get("default").text() for name, label in interface.get("ParameterLabels").items()}
    left = {
        name: _parameter(name, spec, labels.get(name, ""))
        for name, spec in declared.items()
        if name not in hidden
    }
    found = []
    for group in interface.get("ParameterGroups").list():
        names = [member.text() for member in group.get("Parameters").list()]
        members = tuple(left.pop(name) for name in dict.fromkeys(names) if name in left)
        if members:
            found.append(ParameterGroup(label=group.get("Label").get("default").text(), parameters=members))
    if left:
        found.append(ParameterGroup(label="", parameters=tuple(left.values())))
    return tuple(found)


def _parameter(name: str, spec: Checked, label: str) -> Parameter:
    if not isinstance(spec.value, dict) or not spec.value.get("Type"):
        raise spec.broken(Code.PARAMETER_WITHOUT_TYPE, parameter=name)
    default = spec.get("Default")
    if isinstance(default.value, list | dict):
        raise spec.broken(Code.PARAMETER_DEFAULT_INVALID, parameter=name)
    return Parameter(
        name=name,
        type=spec.get("Type").text(),
        default=None if default.value is None else default.text(),
        allowed_values=tuple(value.text() for value in spec.get("AllowedValues").list()),
        allowed_pattern=spec.get("AllowedPattern").text(),
        constraint_description=spec.get("ConstraintDescription").text(),
        min_length=spec.get("MinLength").whole_number(),
        max_length=spec.get("MaxLength").whole_number(),
        min_value=spec.get("MinValue").number(),
        max_value=spec.get("MaxValue").number(),
        no_echo=spec.get("NoEcho").text().lower() == "true",
        description=" ".join(spec.get("Description").text().split()),
        label=label,
    )
