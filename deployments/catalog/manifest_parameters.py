"""Apply a set's manifest to the parameters of its root template."""

from __future__ import annotations

from dataclasses import replace

from deployments.catalog.manifest import MANIFEST, Manifest
from deployments.core.parameters import Parameter, ParameterGroup, problem
from deployments.errors import UserFixable
from deployments.message_codes import Code


def applied(groups: tuple[ParameterGroup, ...], manifest: Manifest) -> tuple[ParameterGroup, ...]:
    """Return the groups with `choose_once` and `new_environment` of their parameters.

    Raise UserFixable("TemplateSetBroken") for a parameter that does not exist or a value that is not allowed.
    """
    declared = {parameter.name: parameter for group in groups for parameter in group.parameters}
    for name in (*manifest.choose_once, *manifest.new_environments):
        if name not in declared:
            raise _broken(Code.MANIFEST_PARAMETER_MISSING, name)
    for name, value in manifest.new_environments.items():
        if problem(declared[name], value):
            raise _broken(Code.MANIFEST_VALUE_NOT_ALLOWED, name)

    def with_manifest(parameter: Parameter) -> Parameter:
        return replace(
            parameter,
            choose_once=parameter.name in manifest.choose_once,
            new_environment=manifest.new_environments.get(parameter.name),
        )

    return tuple(replace(group, parameters=tuple(map(with_manifest, group.parameters))) for group in groups)


def _broken(code: Code, parameter: str) -> UserFixable:
    return UserFixable("TemplateSetBroken", code, manifest=MANIFEST, parameter=parameter)
