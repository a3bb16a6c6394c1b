"""The form of a new environment on the page: presets, main parameters, advanced parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.pages.forms.create import TRUE_OR_FALSE, ParametersForm
from deployments.cloudformation.parameters import Parameter, Preset


@dataclass(frozen=True, slots=True)
class PresetCard:
    """A preset to choose. `rows` has (group of parameters, their values)."""

    name: str
    label: str
    description: str
    rows: list[tuple[str, str]]
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """The fields of one group of parameters."""

    label: str
    fields: list[BoundField]


class FormLayout:
    """The parts of the form. Presets and advanced parameters are empty unless the manifest has them."""

    def __init__(self, form: ParametersForm) -> None:
        self._form = form
        self.chosen = _chosen(form)

    @property
    def presets(self) -> list[PresetCard]:
        """Return the presets of the template set."""
        return [
            PresetCard(
                preset.name,
                _(preset.label),
                _(preset.description) if preset.description else "",
                self._rows(preset),
                preset is self.chosen,
            )
            for preset in self._form.template_set.presets
        ]

    @property
    def preset_values(self) -> dict[str, dict[str, str]]:
        """Return the values of each preset by field name, for the page's script."""
        return {
            preset.name: {PREFIX + name: value for name, value in preset.values.items()}
            for preset in self._form.template_set.presets
        }

    @property
    def main(self) -> list[FieldGroup]:
        """Return the groups of the parameters that are always visible."""
        return self._groups(is_main=True)

    @property
    def advanced(self) -> list[FieldGroup]:
        """Return the groups of the other parameters."""
        return self._groups(is_main=False)

    @property
    def advanced_count(self) -> int:
        """Return the number of advanced parameters."""
        return sum(len(group.fields) for group in self.advanced)

    @property
    def is_advanced_open(self) -> bool:
        """Return whether an advanced field has an error, or the cursor, and must be visible."""
        fields = [field for group in self.advanced for field in group.fields]
        return any(field.errors or field.field.widget.attrs.get("autofocus") for field in fields)

    def _groups(self, *, is_main: bool) -> list[FieldGroup]:
        found = [
            FieldGroup(label, [field for field in fields if _parameter(field).is_main is is_main])
            for label, fields in self._form.groups()
        ]
        return [group for group in found if group.fields]

    def _rows(self, preset: Preset) -> list[tuple[str, str]]:
        rows = []
        for label, fields in self._form.groups():
            texts = [
                f"{field.label}: {_value(preset.values[parameter.name])}"
                for field in fields
                if (parameter := _parameter(field)).name in preset.values
            ]
            if texts:
                rows.append((label, " · ".join(texts)))
        return rows


def _parameter(field: BoundField) -> Parameter:
    return field.field.parameter  # type: ignore[attr-defined, no-any-return]  # of ParameterField


def _chosen(form: ParametersForm) -> Preset | None:
    """Return the preset that was sent, or else the first one whose values match the form."""
    presets = form.template_set.presets
    sent = form.data.get("preset") if form.is_bound else None
    if sent is not None:
        return next((preset for preset in presets if preset.name == sent), None)
    return next((preset for preset in presets if _has_values(form, preset.values)), None)


def _has_values(form: ParametersForm, values: Mapping[str, str]) -> bool:
    return all(str(form[PREFIX + name].value()) == value for name, value in values.items())


def _value(value: str) -> str:
    if value.lower() in TRUE_OR_FALSE:
        return _("Yes") if value.lower() == "true" else _("No")
    return value
