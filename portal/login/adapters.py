"""The adapters for django-allauth: the end of a login, the encryption of secrets, and restrictions.

https://docs.allauth.org/en/latest/account/adapter.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from deployments.common.models.encryption import decrypt, encrypt
from portal.login import devices, sessions

_ADDRESS: Final = re.compile(r"\[.*\]|[0-9.]+")
"""An IP address instead of a name."""


def passkeys_possible(request: HttpRequest) -> bool:
    """Return whether browsers create passkeys at this address: a name with HTTPS, or http://localhost.

    https://www.w3.org/TR/webauthn-3/#rp-id
    """
    name = _host(request)
    return name == "localhost" or (request.is_secure() and not _ADDRESS.fullmatch(name))


def _host(request: HttpRequest) -> str:
    """Return the name in the address of the page, which ALLOWED_HOSTS admits; without the port."""
    name: str = split_domain_port(request.get_host())[0]
    return name


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are created by administrators. Every way to log in ends in `post_login`."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: nobody can create an account."""
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Record browser and session after any kind of login; apply the provider's groups."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        sessions.record(request, user, (kwargs.get("signal_kwargs") or {}).get("sociallogin"))
        devices.remember(response, request, user)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Return to the login page."""
        messages.error(request, _("This account is deactivated. Contact an administrator."))
        return redirect("login")

    def is_safe_url(self, url: str | None) -> bool:
        """Return whether a URL to continue at is the portal's own."""
        request = context.request
        secure = request.is_secure()
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=secure)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the pages have their own messages."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the portal sends no mail about accounts."""


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Secrets of second factors are encrypted with the portal's key."""

    def encrypt(self, text: str) -> str:
        """Return a secret as a token for the database."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret of a token."""
        return decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the name of the site that passkeys are for, and the one that browsers display."""
        return {"id": _host(context.request), "name": "Sanso"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        """Return the user in the form that browsers store: the username, without an email address."""
        name = user.get_username()
        return {"id": user_pk_to_url_str(user).encode(), "display_name": name, "name": name}

    def get_totp_label(self, user: User) -> str:
        """Return the account's name in authenticator apps, which may contain accounts of several portals."""
        return f"{user.get_username()}@{context.request.get_host()}"
