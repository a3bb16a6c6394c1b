"""The forms of environments. The fields of a new environment are the template set's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.access.pages.label_field import LabelsField
from deployments.changes.commands.create import check_name
from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.pages import schedule
from deployments.cloudformation.parameters import Parameter, problem
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text, message_text
from deployments.environments.models.accounts import Account
from deployments.template_sets.commands.parameters import broken_rules
from deployments.template_sets.template_files.restored_data import RestoredData
from deployments.template_sets.template_files.template_set import TemplateSet

TRUE_OR_FALSE = {"true", "false"}
MAX_SHOWN = 100
"""Number of characters of a pattern that a text has."""


ON_FAILURE = (
    ("roll_back", gettext_lazy("Roll back (default)")),
    ("keep", gettext_lazy("Keep what was created, so that it can be fixed")),
)


class ParametersForm(ReasonedForm):
    """A reason and one field for each parameter of the template set."""

    def __init__(self, template_set: TemplateSet, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.template_set = template_set
        for name, parameter in template_set.parameters.items():
            self.fields[PREFIX + name] = ParameterField(parameter)

    def clean(self) -> dict[str, Any] | None:
        """Check the template's Rules, which use several parameters at once, if each value is allowed."""
        cleaned = super().clean()
        if not self.errors:
            for error in broken_rules(self.template_set, self.parameters()):
                self.reject(error)
        return cleaned

    def label_of(self, field: BoundField) -> str:
        """Return a field's label after its group's label: two tiers both have an instance type."""
        for label, fields in self.groups():
            if label and any(field.name == one.name for one in fields):
                return f"{label} · {field.label}"
        return super().label_of(field)

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Return the (label, fields) of the template's groups, in its order."""
        for group in self.template_set.groups:
            label = _(group.label) if group.label else _("Parameters")
            shown = [one.name for one in group.parameters if not one.is_internal]
            if shown:
                yield label, [self[PREFIX + name] for name in shown]

    def parameters(self) -> dict[str, str]:
        """Return the values for the action. An empty secret is left out, so that it gets its default."""
        values = {n: self.cleaned_data[PREFIX + n] for n in self.template_set.parameters}
        secret = {n for n, parameter in self.template_set.parameters.items() if parameter.no_echo}
        return {name: value for name, value in values.items() if value or name not in secret}

    def take(self, parameters: Mapping[str, str], **values: Any) -> dict[str, str] | None:
        """Take the values that a program sent instead of a page, and return those for the action.

        Parameters that it did not send have the initial values of the page. Parameters that the set does not
        declare, or that cannot be changed, are passed on: the action rejects them. Return None if values are
        not valid, with the errors in the form.
        """
        fields = {name: self.fields[PREFIX + name] for name in self.template_set.parameters}
        self.data = {PREFIX + name: field.initial or "" for name, field in fields.items()} | values
        self.data |= {PREFIX + name: value for name, value in parameters.items()}
        self.is_bound = True
        if not self.is_valid():
            return None
        beside = {n: v for n, v in parameters.items() if n not in fields or fields[n].disabled}
        return self.parameters() | beside

    def secrets_typed(self) -> list[BoundField]:
        """Return the secret fields that must be typed again, since pages never contain secrets."""
        return [
            self[n]
            for n, f in self.fields.items()
            if isinstance(f, ParameterField) and f.is_typed_again(self)
        ]


class NewEnvironmentForm(ParametersForm):
    """Account, name, reason and one field for each parameter of the template set."""

    account = forms.ModelChoiceField(
        Account.objects.usable(), label=gettext_lazy("Account"), empty_label=None
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Letters, digits and hyphens; must start with a letter."),
    )
    labels = LabelsField()
    on_failure = forms.ChoiceField(
        label=gettext_lazy("If something fails"),
        choices=ON_FAILURE,
        initial="roll_back",
        required=False,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "What is kept is billed until you retry, roll back or delete it. CloudFormation finishes what "
            "does not depend on the failure."
        ),
    )
    requires_approval = forms.BooleanField(
        label=gettext_lazy("Require approval of changes"),
        required=False,
        help_text=gettext_lazy("A second person approves each change and the deletion; not the creation."),
    )
    field_order = ("name", "account", "reason", "labels", "on_failure", "requires_approval")

    def __init__(
        self,
        template_set: TemplateSet,
        *args: Any,
        accounts: QuerySet[Account] | None = None,
        may_require_approval: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(template_set, *args, **options)
        if accounts is not None:
            cast("forms.ModelChoiceField[Account]", self.fields["account"]).queryset = accounts
        if not may_require_approval:
            del self.fields["requires_approval"]
        if not self.is_bound:  # a form with errors has the focus on their list
            self.fields["name"].widget.attrs["autofocus"] = True

    schedule_error = ""
    """Why its time cannot be chosen; shown beside the choice, which is not a field of the form."""

    def reject(self, error: UserFixable) -> None:
        """Add the error of the action, also beside the choice of the time."""
        if error.field == schedule.FIELD:
            self.schedule_error = error_text(error)
        super().reject(error)

    def clean_name(self) -> str:
        """Return the name. Raise ValidationError if the action would reject it."""
        name: str = self.cleaned_data["name"]
        try:
            check_name(name)
        except UserFixable as error:
            raise ValidationError(error_text(error), code=error.code) from error
        return name

    @property
    def data_restored(self) -> RestoredData:
        """Return the data that the database is restored from."""
        restore = self.template_set.restore
        return restore.read({name: str(self[PREFIX + name].value() or "") for name in restore.names})

    @property
    def accounts(self) -> list[Account]:
        """Return the accounts to choose from: those that the person may deploy to."""
        return list(cast("forms.ModelChoiceField[Account]", self.fields["account"]).queryset or ())

    @property
    def timing_must_be_seen(self) -> bool:
        """Return whether the options of failure, time and approval have an error."""
        return bool(self.schedule_error or self.errors.keys() & {"on_failure", "requires_approval"})

    @property
    def keeps(self) -> bool:
        """Return whether created resources are kept after a failure."""
        return self.cleaned_data.get("on_failure") == "keep"

    @property
    def stack_prefix(self) -> str:
        """Return the prefix of stack names before the environment's name."""
        return str(settings.SANSO_STACK_PREFIX)


class ParameterField(forms.CharField):
    """One parameter: a widget for its type, and texts for CloudFormation's constraints.

    `unchanged` is the value that is not marked as changed. A secret that `is_kept` may be left empty: its
    value stays the one in AWS.
    """

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.is_kept = False
        self.unchanged = initial = parameter.initial
        super().__init__(
            label=_(parameter.label) if parameter.label else parameter.name,
            help_text=_help(parameter),
            initial="" if parameter.no_echo or initial is None else initial,
            required=False,  # the template determines whether a value may be empty: see validate()
            strip=not parameter.no_echo,
            widget=_widget(parameter),
        )
        self.disabled = parameter.is_internal
        if self.must_be_filled:
            self.widget.attrs["aria-required"] = "true"

    @property
    def must_be_filled(self) -> bool:
        """Return whether an empty value is rejected."""
        if self.is_kept:
            return False
        has_default = self.parameter.no_echo and self.parameter.default is not None
        return not has_default and problem(self.parameter, "") is not None

    @property
    def compared_with(self) -> str | None:
        """Return the value that a script compares for marking a change; None for a secret to be chosen."""
        if self.parameter.no_echo:
            return "" if self.is_kept else None
        return self.unchanged or ""

    def to_python(self, value: Any) -> str:
        """Return the value for CloudFormation. In the form, a list may have one entry per line."""
        text = super().to_python(value) or ""
        if self.parameter.is_list:
            return ",".join(item.strip() for item in text.replace("\n", ",").split(",") if item.strip())
        return text

    def validate(self, value: str) -> None:
        """Raise ValidationError if CloudFormation would reject the value."""
        if value == "" and not self.must_be_filled:
            return
        found = problem(self.parameter, value)
        if found:
            raise ValidationError(message_text(found), code=found.code)

    def is_typed_again(self, form: forms.Form) -> bool:
        """Return whether the parameter is a secret that was submitted; the page does not contain it."""
        name = next(name for name, field in form.fields.items() if field is self)
        return self.parameter.no_echo and bool(form.data.get(name))


def chosen_values(template_set: TemplateSet, submitted: Mapping[str, str]) -> dict[str, str]:
    """Return the submitted values of parameters that are chosen from a list; others are left out.

    They determine which resources the conditions of templates leave out. Free text, such as secrets, does not
    belong in the URL of an estimate.
    """
    return {
        name: value
        for name, parameter in template_set.parameters.items()
        if (value := submitted.get(PREFIX + name)) is not None
        and not parameter.no_echo
        and value in parameter.allowed_values
    }


def _help(parameter: Parameter) -> str:
    """Return the parameter's description, and which check is left to CloudFormation."""
    parts = [_(parameter.description)] if parameter.description else []
    if parameter.has_unchecked_pattern:
        pattern = parameter.allowed_pattern[:MAX_SHOWN]
        shown = pattern if pattern == parameter.allowed_pattern else f"{pattern}…"
        parts.append(_("Only CloudFormation checks the pattern %(pattern)s.") % {"pattern": shown})
    return " ".join(parts)


def _widget(parameter: Parameter) -> forms.Widget:
    if parameter.no_echo:
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    if parameter.allowed_values and not parameter.is_list:
        return forms.Select(choices=[(value, _choice(value, parameter)) for value in _choices(parameter)])
    if parameter.is_list:
        return forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"})
    if parameter.is_number:
        limits = {"min": parameter.min_value, "max": parameter.max_value}
        return forms.NumberInput(
            attrs={"step": "any"} | {k: f"{v:g}" for k, v in limits.items() if v is not None}
        )
    attributes: dict[str, Any] = {"autocomplete": "off", "spellcheck": "false"}
    if parameter.max_length:
        attributes["maxlength"] = parameter.max_length
    if parameter.type != "String":
        attributes["class"] = "mono"
    if parameter.name.endswith(("InstanceType", "InstanceClass")):
        attributes["data-instance-types"] = "db." if parameter.name.endswith("Class") else ""
    return forms.TextInput(attrs=attributes)


def _choices(parameter: Parameter) -> tuple[str, ...]:
    """Return the choices; the first is empty if the template has no default."""
    return parameter.allowed_values if parameter.initial is not None else ("", *parameter.allowed_values)


def _choice(value: str, parameter: Parameter) -> str:
    if value == "":
        return _("None") if "" in parameter.allowed_values else _("Choose…")
    if {v.lower() for v in parameter.allowed_values} == TRUE_OR_FALSE:
        return (
            _("Yes (%(value)s)") % {"value": value}
            if value.lower() == "true"
            else _("No (%(value)s)") % {"value": value}
        )
    return value
