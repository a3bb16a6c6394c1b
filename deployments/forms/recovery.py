"""The forms of the recovery pages: resources that a continued rollback skips or a deletion retains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from deployments.forms import ReasonedForm, name_field

ALL, SKIP = "all", "skip"


class _ChoosingForm(ReasonedForm):
    """A form with a choice of resources, given as paths below the root stack."""

    resources = forms.MultipleChoiceField(
        label=gettext_lazy("Resources"),
        required=False,
        error_messages={
            "invalid_choice": gettext_lazy(
                "%(value)s is not in the list any more. Select resources of the list below."
            )
        },
    )

    def __init__(self, choices: Iterable[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        resources = self.fields["resources"]
        resources.choices = [(one, one) for one in choices]  # type: ignore[attr-defined]  # MultipleChoiceField


class ContinueForm(_ChoosingForm):
    """Whether everything is rolled back again, or everything except the chosen resources."""

    mode = forms.ChoiceField(
        label=gettext_lazy("How to continue"), choices=[(ALL, ALL), (SKIP, SKIP)], initial=ALL
    )

    def clean(self) -> dict[str, Any] | None:
        """Require chosen resources for skipping, and drop them otherwise."""
        cleaned = super().clean() or {}
        if cleaned.get("mode") == SKIP and not cleaned.get("resources") and "resources" not in self.errors:
            self.add_error("resources", gettext_lazy("Select at least one resource."))
        if cleaned.get("mode") == ALL:
            cleaned["resources"] = []
        return cleaned


class DeleteAgainForm(_ChoosingForm):
    """The resources to retain in AWS, and the environment's name, typed by hand."""

    typed_name = name_field()
    unprotect = forms.BooleanField(
        label=gettext_lazy("Turn off deletion protection first"),
        required=False,
        help_text=gettext_lazy("Applies to the stack, the database and the load balancers."),
    )
    field_order = ("typed_name", "unprotect", "reason")
