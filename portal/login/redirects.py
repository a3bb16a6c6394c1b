"""The destination after a page of the login: the URL in `next`, if it is the portal's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def continued_at(request: HttpRequest, default: str) -> str:
    """Return the path in `next`; or the page with this name, also to avoid repeating a login page."""
    url = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    if not safe or not url.startswith("/") or urlsplit(url).path.startswith(reverse("login")):
        return reverse(default)
    return url
