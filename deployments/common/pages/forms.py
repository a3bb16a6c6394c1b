"""What the forms of pages have in common, and the form of every request for a deployment."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import ClassVar, TypeVar

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text

T = TypeVar("T")


class FormProblems(forms.BaseForm):
    """What every form of a page has: the errors of actions, and the list of all errors."""

    base_fields: ClassVar[dict[str, forms.Field]] = {}

    def reject(self, error: UserFixable) -> None:
        """Add the error of an action to its field, or to the form if it has none."""
        self.add_error(error.field if error.field in self.fields else None, error_text(error))

    def requested(self, command: Callable[[], T]) -> T | None:
        """Return what a command returns for a valid form; None, with its errors, if it is refused."""
        if not self.is_valid():
            return None
        try:
            return command()
        except UserFixable as refusal:
            self.reject(refusal)
            return None

    def accepted(self, command: Callable[[], object]) -> bool:
        """Call a command if the form is valid. Return whether it succeeded; else the form has errors."""
        return self.requested(lambda: (command(),)) is not None

    def problems(self) -> list[tuple[BoundField | None, str, str]]:
        """Return every (field, label, error) in page order; those without a field first."""
        whole: list[tuple[BoundField | None, str, str]] = [
            (None, "", str(e)) for e in self.non_field_errors()
        ]
        return whole + [(field, self.label_of(field), str(e)) for field in self for e in field.errors]

    def label_of(self, field: BoundField) -> str:
        """Return a field's label for the list of errors."""
        return str(field.label)


class ReasonedForm(FormProblems, forms.Form):
    """The fields of every request for a deployment: a reason, and a key that detects double clicks."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Shown in the history."),
    )
    request_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
