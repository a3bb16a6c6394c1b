"""The forms of roles, teams and service accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.access.models.grants import ROLE_NAMES, SCOPES, Grant, Team
from deployments.access.models.permissions import visible_accounts, visible_environments
from deployments.access.rules.roles import Right, Role, Scope
from deployments.access.texts.roles import RIGHTS
from deployments.administration.pages.subjects import subject_called
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.labels import parse_labels

_PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}


class AccessForm(ReasonedForm):
    """A form without a reason: the audit record has the person, the request and the time."""

    reason = request_key = None  # type: ignore[assignment]  # Django's way to leave out fields of the base class


class TeamForm(AccessForm):
    """The name and the description of a team."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=Team.MAX_NAME)
    description = forms.CharField(label=gettext_lazy("Description"), required=False, max_length=200)


class ServiceAccountForm(AccessForm):
    """The name of a service account and its use."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60, widget=forms.TextInput(attrs=_PLAIN))
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("The program that uses it, and a person to contact."),
    )


class InvitationForm(AccessForm):
    """The user name and the email address of a new person, with roles for everything and teams."""

    name = forms.CharField(
        label=gettext_lazy("Username"), max_length=60, widget=forms.TextInput(attrs=_PLAIN)
    )
    email = forms.EmailField(
        label=gettext_lazy("Email address"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles for everything"),
        choices=ROLE_NAMES[:-1],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Assign narrower roles on the person's page."),
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.all(),
        label=gettext_lazy("Teams"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class MemberForm(AccessForm):
    """The user name of a person to add to a team."""

    person = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        to_field_name="username",
        label=gettext_lazy("Username"),
        widget=forms.TextInput(attrs=_PLAIN),
        error_messages={"invalid_choice": gettext_lazy("No active user has this name.")},
    )


class GiveRoleForm(AccessForm):
    """The grant of a role: its subject, the role, and its scope."""

    person = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        to_field_name="username",
        required=False,
        label=gettext_lazy("User or service account"),
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=gettext_lazy("Enter a username, or choose a team."),
        error_messages={"invalid_choice": gettext_lazy("No active user has this name.")},
    )
    team = forms.ModelChoiceField(Team.objects.all(), required=False, label=gettext_lazy("Team"))
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLE_NAMES)
    rights = forms.MultipleChoiceField(
        label=gettext_lazy("Individual rights"),
        choices=list(RIGHTS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Only for the role “Individual rights”."),
    )
    scope = forms.ChoiceField(label=gettext_lazy("For"), choices=SCOPES)
    account = forms.ModelChoiceField(Account.objects.none(), required=False, label=gettext_lazy("Account"))
    label = forms.CharField(
        label=gettext_lazy("Label"),
        required=False,
        max_length=110,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=gettext_lazy("key=value. Applies to every environment with this label, now and later."),
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(), required=False, label=gettext_lazy("Environment")
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        accounts = Account.objects.usable().filter(visible_accounts(user, Right.MANAGE_ACCESS)).distinct()
        mine = visible_environments(user, Right.MANAGE_ACCESS).live().select_related("account")
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]  # of ModelChoiceField
        self.fields["environment"].queryset = mine.order_by("name", "pk")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check that there is one subject, and the object that the scope needs."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(given.get("person")) == bool(given.get("team")):
            self.add_error("person", _("Enter a user or choose a team, not both."))
        scope = given.get("scope", "")
        is_narrow = scope in (Scope.ACCOUNT, Scope.LABEL, Scope.ENVIRONMENT)
        if is_narrow and not given.get(scope) and scope not in self.errors:
            self.add_error(scope, _("This field is required."))
        return given

    def clean_label(self) -> str:
        """Return the label. Raise ValidationError unless it is one key=value."""
        text: str = self.cleaned_data["label"]
        try:
            if len(parse_labels(text)) > 1:
                raise ValidationError(_("Enter one label."))
        except UserFixable as error:
            raise ValidationError(error_text(error), code=error.code) from error
        return text

    def grant(self) -> Grant:
        """Return the unsaved grant of a valid form."""
        given, scope = self.cleaned_data, self.cleaned_data["scope"]
        is_custom = given["role"] == Role.CUSTOM
        label = (
            next(iter(parse_labels(given["label"]).items()), ("", "")) if scope == Scope.LABEL else ("", "")
        )
        return Grant(
            user=given["person"],
            team=given["team"],
            role=given["role"],
            rights=sorted(given["rights"]) if is_custom else [],
            scope=scope,
            account=given["account"] if scope == Scope.ACCOUNT else None,
            environment=given["environment"] if scope == Scope.ENVIRONMENT else None,
            label_key=label[0],
            label_value=label[1],
        )


class GiveRolePageForm(GiveRoleForm):
    """The same on the page: one field for the subject, a person, service account or team."""

    who = forms.CharField(
        label=gettext_lazy("User, service account or team"),
        max_length=254,
        widget=forms.TextInput(attrs={**_PLAIN, "list": "subjects"}),
        help_text=gettext_lazy("Search by name or email address."),
    )
    person = team = None  # type: ignore[assignment]  # as in AccessForm

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(user, *args, **options)
        for scope in (Scope.ACCOUNT, Scope.LABEL, Scope.ENVIRONMENT):  # only shown if the scope needs it
            self.fields[scope].must_be_filled = True  # type: ignore[attr-defined]  # read by the template

    def clean_who(self) -> User | Team:
        """Return the subject. Raise ValidationError if there is none."""
        return subject_called(self.cleaned_data["who"])

    def clean(self) -> dict[str, Any]:
        """Put the subject where the form of the API has it."""
        who = self.cleaned_data.get("who")
        self.cleaned_data["person"] = who if isinstance(who, User) else None
        self.cleaned_data["team"] = who if isinstance(who, Team) else None
        return super().clean()

    def draft(self) -> Grant:
        """Return the unsaved grant of a bound form, as far as its values are valid."""
        self.is_valid()
        valid = self.cleaned_data
        defaults: dict[str, Any] = {
            "person": None,
            "team": None,
            "role": Role.VIEWER.value,
            "rights": [],
            "label": "",
        }
        defaults |= {"scope": Scope.EVERYTHING.value, "account": None, "environment": None}
        self.cleaned_data = defaults | valid
        found = self.grant()
        self.cleaned_data = valid
        return found
