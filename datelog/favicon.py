"""The icon of the site: a clock. Browsers request it for every page of a site, also for JSON."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from datelog.responses import response

_ICON: Final = b"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#0b5cad" stroke-width="3"
 stroke-linecap="round" stroke-linejoin="round">
<style>@media (prefers-color-scheme: dark) { svg { stroke: #7ab8f5 } }</style>
<circle cx="16" cy="16" r="13"/><path d="M16 8v8l5 4"/></svg>
"""


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Return the icon, to be cached for a day."""
    found = response("image/svg+xml", _ICON, {"Cache-Control": "public, max-age=86400"})
    if request.method == "HEAD":
        found.content = b""
    return found
