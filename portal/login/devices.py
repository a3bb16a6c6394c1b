"""Browsers in which a user has logged in before: a signed cookie, by which strangers' failures do not count.

https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
The cookie lets nobody in. It says that this browser is not one of the strangers who guess, and has a count of
failures of its own; it stays valid when the password changes.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from django.contrib.auth.models import User  # the queue is imported before there are models

MAX_AGE = 400 * 24 * 3600
"""Seconds after the latest login: as long as browsers keep a cookie (draft-ietf-httpbis-rfc6265bis, 5.5)."""
PREFIX = "device-"
"""What a cookie's name begins with; the user's key follows, so each user of a browser has one."""
LOOKED_AT = 8
"""How many cookies of one request are looked at."""
_SALT = "portal.login.devices"


def device_of(request: HttpRequest, user: User) -> str | None:
    """Return the id of the browser if the user has logged in there before, else None."""
    return _read(request, f"{PREFIX}{user.pk}")


def knows(request: HttpRequest) -> bool:
    """Return whether anybody has logged in in this browser before. Reads the request's cookies alone."""
    names = [name for name in request.COOKIES if name.startswith(PREFIX)]
    return any(_read(request, name) for name in names[:LOOKED_AT])


def remember(response: HttpResponse, request: HttpRequest, user: User) -> None:
    """Let the browser be known as one of the user's. It keeps the id, and so the count, that it has."""
    response.set_signed_cookie(
        f"{PREFIX}{user.pk}",
        device_of(request, user) or secrets.token_urlsafe(16),
        salt=_SALT,  # the signature covers the name besides
        max_age=MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _read(request: HttpRequest, name: str) -> str | None:
    device: str | None = request.get_signed_cookie(name, default=None, salt=_SALT, max_age=MAX_AGE)
    return device
