"""Browsers in which a user has logged in before: a signed cookie gives each its own counter.

https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
The cookie is not a login. It only separates a known browser from unknown ones, whose failures do not count
for it; it stays valid after a change of the password.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from django.contrib.auth.models import User  # the queue is imported before the models

MAX_AGE = 400 * 24 * 3600
"""Seconds after the latest login: the maximum that browsers allow (draft-ietf-httpbis-rfc6265bis, 5.5)."""
PREFIX = "device-"
"""Prefix of the cookies' names; the user's key follows, so that each user of a browser has one."""
MAX_COOKIES = 8
"""Maximum number of cookies of one request to read."""
_SALT = "portal.login.devices"


def device_of(request: HttpRequest, user: User) -> str | None:
    """Return the id of the browser if the user has logged in with it before, else None."""
    return _read(request, f"{PREFIX}{user.pk}")


def knows(request: HttpRequest) -> bool:
    """Return whether a user has logged in with this browser before, by the request's cookies."""
    return any_device(request) is not None


def any_device(request: HttpRequest) -> str | None:
    """Return the first id of the browser, whichever user has logged in with it; else None."""
    names = [name for name in request.COOKIES if name.startswith(PREFIX)]
    return next((found for name in names[:MAX_COOKIES] if (found := _read(request, name))), None)


def remember(response: HttpResponse, request: HttpRequest, user: User) -> None:
    """Set the cookie that marks the browser as the user's. An existing id, with its counter, is kept."""
    response.set_signed_cookie(
        f"{PREFIX}{user.pk}",
        device_of(request, user) or secrets.token_urlsafe(16),
        salt=_SALT,  # the signature also covers the name
        max_age=MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _read(request: HttpRequest, name: str) -> str | None:
    device: str | None = request.get_signed_cookie(name, default=None, salt=_SALT, max_age=MAX_AGE)
    return device
