"""Apply a set's manifest to the parameters of its root template."""

from __future__ import annotations

from dataclasses import replace

from deployments.cloudformation.parameters import Parameter, ParameterGroup, problem
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.template_files.manifest import MANIFEST, Manifest


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
    )
    for name in (*named, *(name for name, _value in chosen)):
        if name not in declared:
            raise _broken(Code.MANIFEST_PARAMETER_MISSING, name)
    if manifest.protection:
        chosen += [(manifest.protection, "true"), (manifest.protection, "false")]
    for name, value in chosen if checks_values else ():
        if problem(declared[name], value):
            raise _broken(Code.MANIFEST_VALUE_NOT_ALLOWED, name)

    def with_manifest(parameter: Parameter) -> Parameter:
        return replace(
            parameter,
            choose_once=parameter.name in (*manifest.choose_once, *manifest.restore.names),
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
