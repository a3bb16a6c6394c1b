"""The field for typing labels."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.rules.labels import parse_labels


class LabelsField(forms.CharField):
    """One key=value on each line; the value is a dictionary."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Labels"),
            required=False,
            max_length=4000,
            widget=forms.Textarea(
                attrs={"rows": 3, "autocapitalize": "off", "autocomplete": "off", "spellcheck": "false"}
            ),
            help_text=gettext_lazy(
                "One key=value on each line, such as team=payments. Labels filter lists, and roles can be "
                "given for a label. They are Sanso's own, not tags of the stack."
            ),
        )

    def clean(self, value: Any) -> Any:
        """Return the labels by key. Raise ValidationError for the first line that is not valid."""
        try:
            return parse_labels(super().clean(value))
        except UserFixable as error:
            raise ValidationError(error_text(error), code=error.code) from error
