"""The layout of the forms with parameters: sizes, folded options, main and advanced parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.pages.forms.create import TRUE_OR_FALSE, ParametersForm
from deployments.changes.rules.instance_types import known_sizes
from deployments.cloudformation.parameters import Parameter, Preset


@dataclass(frozen=True, slots=True)
class PresetColumn:
    """A preset to choose: a column of the table of sizes."""

    name: str
    label: str
    description: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """The fields of one group of parameters."""

    label: str
    fields: list[BoundField]


@dataclass(frozen=True, slots=True)
class Fold:
    """Folded parameters, with their group if there are several; `is_sized` if presets set them."""

    label: str
    fields: list[tuple[str, BoundField]]
    is_sized: bool
    is_open: bool

    @classmethod
    def of(cls, fields: list[tuple[str, BoundField]], *, is_sized: bool) -> Self:
        """Return the fold of the fields, named by their groups; open if one of them must be seen."""
        groups = list(dict.fromkeys(group for group, _field in fields))
        shown = fields if len(groups) > 1 else [("", field) for _group, field in fields]
        return cls(" · ".join(groups), shown, is_sized, _must_be_seen(field for _group, field in fields))


class FormLayout:
    """The parts of the form. Presets and advanced parameters are empty unless the manifest has them."""

    def __init__(self, form: ParametersForm) -> None:
        self._form = form
        self.chosen = _chosen(form)

    @property
    def presets(self) -> list[PresetColumn]:
        """Return the presets of the template set."""
        return [
            PresetColumn(
                preset.name,
                _(preset.label),
                _(preset.description) if preset.description else "",
                preset is self.chosen,
            )
            for preset in self._form.template_set.presets
        ]

    @property
    def preset_rows(self) -> list[tuple[str, list[str]]]:
        """Return the rows of the table of sizes: a label, and the value in each preset.

        Number and type of the servers of a group are one row, "2 × t4g.micro": a group's parameters whose
        names end with `Count` and `InstanceType` (infra_templates/README.md, "Parameters").
        """
        rows = []
        for group, fields in self._form.groups():
            found = [_parameter(field) for field in fields]
            count = next((one.name for one in found if one.name.endswith("Count")), "")
            labels = {_parameter(field).name: str(field.label) for field in fields}
            for name in self._of_presets(labels):
                is_type = name.endswith(("InstanceType", "InstanceClass"))
                if name == count and any(other.endswith("InstanceType") for other in labels):
                    continue
                parts = (count, name) if count and name.endswith("InstanceType") else (name,)
                values = [
                    " × ".join(_value(preset.values.get(part, "–")) for part in parts)
                    for preset in self._form.template_set.presets
                ]
                rows.append((group if is_type else labels[name], values))
        return rows

    @property
    def folds(self) -> list[Fold]:
        """Return the main parameters, those that presets set first; none if there are no advanced ones."""
        if not self.advanced:
            return []
        fields = [(group.label, field) for group in self.main for field in group.fields]
        sized = self._of_presets([_parameter(field).name for _label, field in fields])
        folds = []
        for is_sized in (True, False):
            part = [one for one in fields if (_parameter(one[1]).name in sized) is is_sized]
            if part:
                folds.append(Fold.of(part, is_sized=is_sized))
        return folds

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
        return _must_be_seen(field for group in self.advanced for field in group.fields)

    @property
    def instance_sizes(self) -> list[dict[str, str]]:
        """Return the instance types to choose from, with what each has, for the page's script."""
        return [
            {
                "name": one.name,
                "has": _("%(vcpus)s vCPU, %(gib)s GiB") % {"vcpus": one.vcpus, "gib": f"{one.gib:g}"},
            }
            for one in known_sizes()
        ]

    def _groups(self, *, is_main: bool) -> list[FieldGroup]:
        found = [
            FieldGroup(label, [field for field in fields if _parameter(field).is_main is is_main])
            for label, fields in self._form.groups()
        ]
        return [group for group in found if group.fields]

    def _of_presets(self, names: Iterable[str]) -> list[str]:
        presets = self._form.template_set.presets
        return [name for name in names if any(name in preset.values for preset in presets)]


def _must_be_seen(fields: Iterable[BoundField]) -> bool:
    """Return whether a field has an error or the cursor, or must be filled and is empty."""
    return any(
        field.errors
        or field.field.widget.attrs.get("autofocus")
        or (getattr(field.field, "must_be_filled", False) and not field.value())
        for field in fields
    )


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
