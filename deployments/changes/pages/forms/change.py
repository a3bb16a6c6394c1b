"""The form of a change of an environment's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.pages.forms.create import ParameterField, ParametersForm
from deployments.cloudformation.parameters import Parameter
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.stacks.commands.change_base import set_of
from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.template_files.template_set import TemplateSet


def chosen_set(
    base: Deployment | None, version: TemplateVersion | None, *, wants_current: bool
) -> tuple[TemplateSet, bool]:
    """Return the template set of a change, and whether it is the current bundled one.

    It is that of a version, the bundled one if it is chosen, or else the deployed one. Raise UserFixable if
    it cannot be read.
    """
    if version is not None:
        return set_of_version(version), False
    if base is not None and not wants_current:
        try:
            return set_of(base), False
        except UserFixable:  # an earlier version of Sanso did not store it
            pass
    return stored_sets.current(), True


class ChangeForm(ParametersForm):
    """A reason and the parameters of the template set, with the current values.

    `current` are the values of the stack, `good` those of the last good deployment, against which differences
    are marked. Parameters that are chosen once cannot be edited, unless the change completes a creation
    (`is_creation`); an empty secret keeps its value. `cursor` names the parameter whose field has the cursor.
    """

    def __init__(
        self,
        template_set: TemplateSet,
        current: Mapping[str, str],
        good: Mapping[str, str],
        *args: Any,
        is_creation: bool = False,
        cursor: str = "",
        **options: Any,
    ) -> None:
        super().__init__(template_set, *args, **options)
        current = template_set.fixed(current)
        for name, parameter in template_set.parameters.items():
            field = self.fields[PREFIX + name]
            if isinstance(field, ParameterField):
                _with_values(field, parameter, current, good)
                if field.is_typed_again(self):
                    field.widget.attrs["placeholder"] = _("Changed: enter it again")
                field.disabled = parameter.is_internal or (field.disabled and not is_creation)
        named = self.fields.get(PREFIX + cursor)
        if named is not None and not named.disabled and not self.is_bound:
            named.widget.attrs["autofocus"] = True

    @property
    def cursor(self) -> BoundField | None:
        """Return the field with the cursor; None if no parameter was named."""
        return next((field for field in self if field.field.widget.attrs.get("autofocus")), None)

    @property
    def secrets(self) -> list[BoundField]:
        """Return the fields of secrets, which are never filled in."""
        fields = self.fields.items()
        return [self[n] for n, f in fields if isinstance(f, ParameterField) and f.parameter.no_echo]

    @property
    def locked(self) -> int:
        """Return the number of parameters that are shown and cannot be edited."""
        return sum(field.field.disabled for _label, fields in self.groups() for field in fields)


def _with_values(
    field: ParameterField, parameter: Parameter, current: Mapping[str, str], good: Mapping[str, str]
) -> None:
    name = parameter.name
    if parameter.no_echo:
        field.is_kept = True
        field.widget.attrs.pop("aria-required", None)
        field.widget.attrs["placeholder"] = _("Unchanged")
        return
    # CloudFormation uses the default of a parameter that the stack does not have yet.
    field.initial = current.get(name, parameter.default or "")
    field.unchanged = good.get(name, field.initial)
    if parameter.choose_once and name in current:
        field.disabled = True
