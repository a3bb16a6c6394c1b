"""How statuses, times and durations are shown: the tags that every template has."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.models import Account
from deployments.presentation import badges
from deployments.presentation.text.datetime_formats import (
    age_text,
    clock,
    exact_time,
    iso,
    live_age,
    timestamp,
)
from deployments.wording import stored_text

register = template.Library()

# The policy of the pages allows no inline style and no eval, so htmx is configured to need neither.
_HTMX_CONFIG: Final = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "selfRequestsOnly": True,
        "historyEnabled": False,
        "timeout": 10_000,
    }
)

register.simple_tag(badges.status)
register.filter("stored_message", stored_text)
register.filter(iso)
register.filter(exact_time)
register.simple_tag(badges.status_badge)
register.simple_tag(badges.deployment_status)
register.simple_tag(badges.environment_status)
register.simple_tag(badges.health)


@register.simple_tag
def htmx_config() -> str:
    """Return the settings of htmx, for the meta element that it reads."""
    return _HTMX_CONFIG


@register.simple_tag(takes_context=True)
def current(context: Context, beginning: str) -> SafeString:
    """Mark a link of the navigation when the page is one of its section: its URL's name begins so."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = (match.url_name if match and not match.namespace else "") or ""
    if not name.startswith(beginning):
        return SafeString("")
    return SafeString(f'aria-current="{"page" if name in (f"{beginning}s", "sandbox") else "true"}"')


@register.simple_tag(takes_context=True)
def may_break_the_sandbox(context: Context) -> bool:
    """Return whether the sandbox's page is for whom the page is shown: who may deploy, where there is one."""
    user = context.get("user")
    allowed = user is not None and user.has_perm("deployments.add_deployment")
    return allowed and Account.objects.sandboxes().exists()


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Show a moment in the current zone, for machines and on hover in UTC; a dash for none."""
    if moment is None:
        return SafeString("–")
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', iso(moment), timestamp(moment))


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """Show how long ago a moment was, in one unit: 3 min ago. The exact time is on hover."""
    if moment is None:
        return SafeString("–")
    text = _("%(age)s ago") % {"age": age_text(moment, timezone.now())}
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), exact_time(moment), text)


@register.simple_tag
def age(moment: datetime | None) -> SafeString:
    """Show the time since a moment, in one unit: 3 d. The exact moment is on hover."""
    if moment is None:
        return SafeString("–")
    text = age_text(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), exact_time(moment), text)


@register.simple_tag
def since(moment: datetime | None) -> SafeString:
    """Show the time since a moment, in one unit, and let it grow while the page is open."""
    return live_age(moment) if moment else SafeString("–")


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds as a clock shows them: 0:09, 8:42, 1:02:03. Nothing for none."""
    return "" if seconds is None else clock(seconds)


@register.simple_tag
def took(started: datetime | None, ended: datetime | None, now: datetime | None = None) -> str:
    """Return the time between two moments as a clock shows it; up to `now` while there is no end."""
    return duration(((ended or now or timezone.now()) - started).total_seconds()) if started else ""


@register.filter
def is_link(value: object) -> bool:
    """Return whether a text may be made a link: an http or https address, never javascript: or data:."""
    return isinstance(value, str) and value.lower().startswith(("http://", "https://"))
