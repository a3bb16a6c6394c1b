"""The form of an account, for its pages and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

from deployments.accounts.commands.accounts import FIELDS
from deployments.common.pages.forms import FormProblems
from deployments.environments.models.accounts import Account

if TYPE_CHECKING:
    AccountFields = forms.ModelForm[Account]
else:  # generic for type checkers only
    AccountFields = forms.ModelForm


class NewAccountForm(FormProblems, AccountFields):
    """The name and region of a new account: its roles need its external id, and are entered later."""

    class Meta:
        model = Account
        fields = ("name", "region")


class AccountForm(FormProblems, AccountFields):
    """An account and region, and the roles that Sanso uses there."""

    class Meta:
        model = Account
        fields = FIELDS


class OutputsForm(FormProblems, AccountFields):
    """The outputs of the stack of account.yaml."""

    class Meta:
        model = Account
        fields = ("role_arn", "service_role_arn", "boundary_arn", "artifact_bucket")
