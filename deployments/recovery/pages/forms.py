"""The forms of the recovery pages: deletion, and the resources that a continued rollback skips."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from deployments.common.pages.forms import ReasonedForm

ALL, SKIP = "all", "skip"


def name_field() -> forms.CharField:
    """Return the field for typing the environment's name."""
    return forms.CharField(
        label=gettext_lazy("Type the environment name to confirm"),
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "off",
                "autocorrect": "off",
                "spellcheck": "false",
            }
        ),
    )


class DeleteForm(ReasonedForm):
    """The environment's name, typed by hand."""

    typed_name = name_field()
    unprotect = forms.BooleanField(
        label=gettext_lazy("Turn off deletion protection first"),
        required=False,
        help_text=gettext_lazy(
            "Applies to the stack, the database and the load balancers. AWS does not delete what is "
            "protected."
        ),
    )
    field_order = ("typed_name", "unprotect", "reason")


class DeleteRemainingForm(ReasonedForm):
    """The remaining resources to delete, and the environment's name, typed by hand."""

    reason = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    request_key = None  # type: ignore[assignment]
    resources = forms.MultipleChoiceField(
        label=gettext_lazy("Resources"),
        error_messages={"required": gettext_lazy("Select at least one resource that Sanso can delete.")},
    )
    typed_name = name_field()

    def __init__(self, choices: Iterable[tuple[str, str]], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        resources = self.fields["resources"]
        resources.choices = list(choices)  # type: ignore[attr-defined]  # a MultipleChoiceField


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
