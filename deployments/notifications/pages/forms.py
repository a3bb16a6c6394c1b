"""The form of a notification target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from deployments.access.models.grants import Label
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.environments import EnvironmentQuerySet
from deployments.notifications.models import KINDS, NotificationTarget
from deployments.notifications.rules.topics import CHOSEN, Topic
from deployments.notifications.texts.notices import TOPICS

EVERY = "all"
MOST_LABELS = 1000
"""Maximum number of labels to choose from, besides the current one of a target."""
NOT_AT_FIRST = (Topic.DEPLOYMENT_CANCELED, Topic.UPDATE_AVAILABLE)
"""Topics that are not selected in the form of a new target."""


class DestinationForm(forms.Form):
    """A target: its address, topics and environments. The address is never returned."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=KINDS)
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        required=False,  # the action reports missing values
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=gettext_lazy(
            "Webhook: an https:// URL that receives signed POST requests with JSON; it is stored "
            "encrypted, and only its host is displayed. Email to yourself: leave empty to use your "
            "user's address. Chat or paging service: its Apprise URL, such as slack://… or ntfys://…, or the "
            "webhook address that Slack, Discord, Teams (of a workflow), Google Chat or Mattermost gives."
        ),
    )
    topics = forms.MultipleChoiceField(
        label=gettext_lazy("Topics"),
        choices=[(str(topic), TOPICS[topic]) for topic in CHOSEN],
        initial=[str(topic) for topic in CHOSEN if topic not in NOT_AT_FIRST],
        widget=forms.CheckboxSelectMultiple,
        required=False,  # the action reports missing values
    )
    environments = forms.ChoiceField(label=gettext_lazy("Environments"))
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("Language of the messages. Times are in the time zone of this browser."),
    )
    shared = forms.BooleanField(
        label=gettext_lazy("Shared: visible to everybody, and kept when you leave"), required=False
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        target: NotificationTarget | None = None,
        environments: EnvironmentQuerySet,
        may_share: bool,
    ) -> None:
        super().__init__(data, initial=_initial(target))
        self.fields["environments"].choices = _choices(environments, target)  # type: ignore[attr-defined]  # of a ChoiceField
        offered = {"mail": settings.SANSO_MAIL, "service": bool(settings.SANSO_NOTIFY_SCHEMES)}
        kinds = [one for one in KINDS if offered.get(one[0], True)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]  # of a ChoiceField
        self.fields["address"].must_be_filled = target is None  # type: ignore[attr-defined]  # of _field.html
        if target is not None:
            del self.fields["kind"]
        if target is not None:
            self.fields["address"].widget.attrs["placeholder"] = _("Unchanged")
        if target is not None or not may_share:
            del self.fields["shared"]

    def reject(self, error: UserFixable) -> None:
        """Add the error of an action to its field, or to the form if it has none."""
        self.add_error(error.field if error.field in self.fields else None, error_text(error))

    def problems(self) -> list[tuple[BoundField | None, str, str]]:
        """Return every (field, label, error) in page order; those without a field first."""
        whole: list[tuple[BoundField | None, str, str]] = [
            (None, "", str(e)) for e in self.non_field_errors()
        ]
        return whole + [(field, str(field.label), str(e)) for field in self for e in field.errors]

    def values(self) -> dict[str, Any]:
        """Return the columns for the action."""
        given = self.cleaned_data
        kind, _colon, pk = given["environments"].partition(":")
        key, _equals, value = pk.partition("=")
        return {
            "name": given["name"],
            "topics": given["topics"],
            "language": given["language"],
            "account_id": int(pk) if kind == "account" else None,
            "environment_id": int(pk) if kind == "environment" else None,
            "label_key": key if kind == "label" else "",
            "label_value": value if kind == "label" else "",
        }


def _initial(target: NotificationTarget | None) -> dict[str, Any]:
    if target is None:
        return {"environments": EVERY, "language": get_language()}
    return {
        "name": target.name,
        "topics": target.topics,
        "environments": _chosen(target),
        "language": target.language,
    }


def _chosen(target: NotificationTarget) -> str:
    if target.environment_id:
        return f"environment:{target.environment_id}"
    if target.label:
        return f"label:{target.label}"
    return f"account:{target.account_id}" if target.account_id else EVERY


def _choices(environments: EnvironmentQuerySet, target: NotificationTarget | None) -> list[tuple[Any, Any]]:
    """Return the choices: all, and each account, label and environment; also a target's own deleted one."""
    found = list(environments.select_related("account"))
    groups = [
        (_("Account"), {f"account:{one.account_id}": one.account.name for one in found}),
        (_("Label"), {f"label:{one}": str(one) for one in Label.objects.in_use(environments, MOST_LABELS)}),
        (_("Environment"), {f"environment:{one.pk}": f"{one.name} ({one.account.name})" for one in found}),
    ]
    if target and _chosen(target) != EVERY:
        about = target.account or target.environment or target.label
        kind = ("account", "label", "environment").index(_chosen(target).partition(":")[0])
        groups[kind][1].setdefault(_chosen(target), getattr(about, "name", str(about)))
    return [(EVERY, _("All environments")), *((name, [*of.items()]) for name, of in groups if of)]
