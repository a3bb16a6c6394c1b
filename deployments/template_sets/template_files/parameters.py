"""The parameters of a root template in their groups, with its rules and what the manifest says of them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from deployments.cloudformation.parameters import Parameter, ParameterGroup, problem
from deployments.cloudformation.template_rules import Assertion, Rule
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.template_files.manifest import MANIFEST, Manifest
from deployments.template_sets.template_files.yaml_files import Checked

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


def applied(
    groups: tuple[ParameterGroup, ...], manifest: Manifest, *, checks_values: bool
) -> tuple[ParameterGroup, ...]:
    """Return the groups with the manifest's settings of their parameters.

    Raise UserFixable("TemplateSetBroken") for a parameter that does not exist or, with `checks_values`, a
    value that is not allowed.
    """
    declared = {parameter.name: parameter for group in groups for parameter in group.parameters}
    chosen = [
        *manifest.new_environments.items(),
        *(pair for preset in manifest.presets for pair in preset.values.items()),
    ]
    named = (
        *manifest.choose_once,
        *manifest.same_region,
        *(manifest.main or ()),
        *filter(None, [manifest.protection]),
        *manifest.restore.names,
        *manifest.second.names,
    )
    for name in (*named, *(name for name, _value in chosen)):
        if name not in declared:
            raise _broken(Code.MANIFEST_PARAMETER_MISSING, name)
    if manifest.protection:
        chosen += [(manifest.protection, "true"), (manifest.protection, "false")]
    for name, value in chosen if checks_values else ():
        if problem(declared[name], value):
            raise _broken(Code.MANIFEST_VALUE_NOT_ALLOWED, name)

    kept = {*manifest.choose_once, *manifest.restore.names, *manifest.second.names}

    def with_manifest(parameter: Parameter) -> Parameter:
        return replace(
            parameter,
            choose_once=parameter.name in kept,
            is_internal=parameter.name in manifest.second.names,
            same_region=parameter.name in manifest.same_region,
            new_environment=manifest.new_environments.get(parameter.name),
            is_main=_is_main(parameter, manifest),
        )

    return tuple(replace(group, parameters=tuple(map(with_manifest, group.parameters))) for group in groups)


def _is_main(parameter: Parameter, manifest: Manifest) -> bool:
    """Return whether the form always shows a parameter: if the manifest lists it, or without a default."""
    required = parameter.default is None and parameter.name not in manifest.new_environments
    return manifest.main is None or parameter.name in manifest.main or required


def _broken(code: Code, parameter: str) -> UserFixable:
    return UserFixable("TemplateSetBroken", code, manifest=MANIFEST, parameter=parameter)
