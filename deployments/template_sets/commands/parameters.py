"""The values of a template set's parameters in a request: validation, and separating secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from deployments.aws.regions import arn_beginning
from deployments.cloudformation.parameters import problem
from deployments.cloudformation.template_rules import Violation, violations
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets import template_files

MANY = 3
"""If a rule uses more parameters than this, its error belongs to the form, not to a field."""


def checked(
    template_set: template_files.TemplateSet,
    parameters: Mapping[str, str],
    region: str,
    kept: Collection[str] = (),
) -> tuple[dict[str, str], dict[str, str]]:
    """Return (plain, secret) values of the set's parameters; missing values are the defaults.

    A secret in `kept` without a value keeps the stack's value, and is left out. Raise UserFixable with the
    field of a value that is not allowed, or that is of another region than the environment's.
    """
    declared = template_set.parameters
    unknown = sorted(set(parameters) - set(declared))
    if unknown:
        raise UserFixable(
            "UnknownParameter",
            Code.PARAMETER_UNKNOWN,
            parameter=", ".join(unknown),
        )
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for name, parameter in declared.items():
        if parameter.no_echo and name in kept and not parameters.get(name):
            continue
        value = parameters.get(name, parameter.initial or "")
        if found := problem(parameter, value):
            raise UserFixable("BadParameter", found.code, f"parameter_{name}", **found.params)
        if parameter.same_region and value:
            _check_region(value, region, f"parameter_{name}")
        (secret if parameter.no_echo else plain)[name] = value
    missing = template_set.missing_templates(plain)
    if missing:
        field = "" if template_set.own_prefix else f"parameter_{template_set.prefix_parameter}"
        raise UserFixable("BadParameter", Code.NESTED_TEMPLATE_MISSING, field, files=", ".join(missing))
    for error in broken_rules(template_set, parameters):
        raise error
    return plain, secret


def broken_rules(
    template_set: template_files.TemplateSet, parameters: Mapping[str, str]
) -> list[UserFixable]:
    """Return an error for each assertion in the template's Rules that the values do not meet.

    Missing values are the defaults. There is an error at the field of each parameter that the assertion uses,
    or one without a field if it uses many.
    """
    values = {name: parameters.get(name, p.initial or "") for name, p in template_set.parameters.items()}
    return [
        _rule_error(one, field)
        for one in violations(template_set.rules, template_set.parameters, values)
        for field in _fields_of(one)
    ]


def _fields_of(broken: Violation) -> list[str]:
    names = broken.parameters if len(broken.parameters) <= MANY else ()
    return [f"parameter_{name}" for name in names] or [""]


def _rule_error(broken: Violation, field: str) -> UserFixable:
    if broken.description:
        return UserFixable("RuleNotMet", Code.RULE_DESCRIPTION, field, constraint=broken.description)
    names = ", ".join(broken.parameters)
    return UserFixable("RuleNotMet", Code.RULE_NOT_MET, field, rule=broken.rule, parameters=names)


def _check_region(value: str, region: str, field: str) -> None:
    """Raise UserFixable if one of the ARNs in a value is of another region or partition."""
    for arn in value.split(","):
        if not arn.strip().startswith(begin := arn_beginning(arn.strip(), region)):
            raise UserFixable("BadParameter", Code.PARAMETER_OF_OTHER_REGION, field, begin=begin)
