"""The form of a first contact: which steps are taken, each with what AWS charges for."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.common.pages.forms import FormProblems
from deployments.first_contact.rules.step_names import ALL, FREE
from deployments.first_contact.texts import STEPS


class ContactForm(FormProblems, forms.Form):
    """The steps; at first those that create nothing that AWS bills by the hour."""

    steps = forms.MultipleChoiceField(
        label=_("Steps"),
        choices=[(name, STEPS[name]) for name in ALL],
        initial=list(FREE),
        required=False,  # the command refuses none, as it does for programs
    )
