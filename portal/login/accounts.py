"""Accounts of the identity provider: admission, and the user that a first login creates.

An account is found by issuer and subject only (portal/login/oidc.py). A user of the same name is never taken
over: a new user with a number is created, and an administrator can assign the account to another user.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from allauth.account.internal.emailkit import valid_email_or_none
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from deployments.administration.rules.oidc_providers import SAML
from deployments.administration.shared.oidc_providers import provider_of, rules_of
from portal.login import saml
from portal.login.oidc import Provider, configured

log = logging.getLogger(__name__)

_NOT_IN_NAMES: Final = re.compile(r"[^\w.@+-]+")
LONGEST: Final = 140


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """The providers of the settings."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """Return the provider with this id. Raise SocialApp.DoesNotExist if the settings have none."""
        if provider == SAML and settings.SANSO_SAML_IDP_METADATA:
            return saml.provider(request)
        about = provider_of(provider)
        if about is None:
            raise SocialApp.DoesNotExist
        return Provider(request, app=configured(about))

    def list_apps(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Return an empty list: providers are not stored in the database."""
        return []

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return True: `pre_social_login` has admitted the account."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse accounts that are in none of the allowed groups."""
        about = rules_of(sociallogin.account.provider)
        if about is None or not about.admits(sociallogin.account.extra_data["groups"]):
            text = _("Your account at %(provider)s may not use Sanso: it is in none of the allowed groups.")
            refuse(request, text % {"provider": about.name if about else ""})

    def on_authentication_error(self, request: HttpRequest, provider: Provider, **kwargs: Any) -> None:
        """Return to the login page with a message; the reason is in the log."""
        reason = str(kwargs.get("exception") or kwargs.get("error") or "")[:300]
        log.warning("a login at the provider failed: %s", reason.encode("unicode_escape").decode("ascii"))
        refuse(request, _("The login at %(provider)s failed. Try again.") % {"provider": provider.name})

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Set the names of a new user, and the address where the user receives notifications."""
        user: User = super().populate_user(request, sociallogin, data)
        user.email = valid_email_or_none(data.get("contact")) or ""
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """Create a user without a password, under a name that is free."""
        user: User = sociallogin.user
        name = sociallogin.account.extra_data["username"]
        wanted = _NOT_IN_NAMES.sub("-", name).strip("-")[:LONGEST] or "user"
        user.set_unusable_password()
        _save_under_free_name(user, wanted)
        sociallogin.account.user = user
        sociallogin.account.save()
        if user.username != wanted:
            text = _(
                "A user named %(wanted)s existed already and is not connected with your account. "
                "You are logged in as %(name)s. If both are yours, ask an administrator to connect them."
            )
            messages.warning(request, text % {"wanted": wanted, "name": user.username})
        return user


def refuse(request: HttpRequest, text: str) -> None:
    """Raise ImmediateHttpResponse: the login page with a message."""
    messages.error(request, text)
    raise ImmediateHttpResponse(redirect("login"))


def _save_under_free_name(user: User, wanted: str) -> None:
    for number in range(1, 1000):
        user.username = wanted if number == 1 else f"{wanted}-{number}"
        if User.objects.filter(username=user.username).exists():
            continue
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:  # another login has taken the name meanwhile
            continue
        return
    raise RuntimeError(f"no free name like {wanted!r}")
