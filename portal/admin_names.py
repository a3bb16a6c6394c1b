"""Names in the admin that models do not define: those of allauth's models, and of columns of lists.

They are set on the existing fields, not in the models: a migration for each would change no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.utils.translation import gettext_lazy as _

APPS: Final[Mapping[str, Any]] = {
    "mfa": _("Two-factor authentication"),
    "socialaccount": _("Identity providers"),
}
MODELS: Final[Mapping[type[Model], tuple[Any, Any]]] = {
    Authenticator: (_("second factor"), _("second factors")),
    SocialAccount: (_("identity provider account"), _("identity provider accounts")),
}
COLUMNS: Final[Mapping[str, Any]] = {
    "account": _("account"),
    "created_at": _("created"),
    "deployment": _("deployment"),
    "ended_at": _("ended"),
    "environment": _("environment"),
    "last_used_at": _("last used"),
    "owner": _("owner"),
    "requested_by": _("requested by"),
    "seq": _("number"),
    "source": _("source"),
    "stack": _("stack"),
    "started_at": _("started"),
    "type": _("type"),
    "user": _("user"),
}


def set_names() -> None:
    """Name the models and columns on the admin's pages, in the language of each page."""
    for label, app_name in APPS.items():
        apps.get_app_config(label).verbose_name = app_name
    for model, (one, several) in MODELS.items():
        model._meta.verbose_name, model._meta.verbose_name_plural = one, several
    for model, listed in admin.site._registry.items():
        for name in listed.list_display:
            _name_column(model, name)


def _name_column(model: type[Model], name: Any) -> None:
    """Name a field without its own name; a column may also be a function of the admin."""
    try:
        field = model._meta.get_field(str(name))
    except FieldDoesNotExist:
        return
    if isinstance(field, Field) and not getattr(field, "_verbose_name", None) and name in COLUMNS:
        field.verbose_name = COLUMNS[name]
