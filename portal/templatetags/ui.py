"""Tags of every template: statuses, times and durations."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.access.models import permissions
from deployments.access.pages.who_can_grant import who_can_grant
from deployments.changes.display.approvals import ApprovalForm, required_text, shortfall_text, waiting_number
from deployments.changes.models.approvals import ApprovalRule, policy_of
from deployments.changes.rules.approvals import APPROVE
from deployments.common.pages.datetime_formats import age_text, clock, exact_time, iso, live_age, timestamp
from deployments.common.pages.icons import icon
from deployments.common.texts import stored_text
from deployments.environments.display import badges
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from portal import bundles
from portal.navigation import PageMenu, Place, listed, place_of

register = template.Library()

# The pages' content security policy allows no inline style and no eval, so htmx is configured without them.
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
register.simple_tag(badges.mark)
register.simple_tag(icon)


@register.simple_tag
def bundle(entry: str) -> str:
    """Return the URL of a static file with all that it imports (portal/bundles.py)."""
    return static(bundles.bundle(entry).name)


@register.simple_tag
def htmx_config() -> str:
    """Return the settings of htmx for its meta element."""
    return _HTMX_CONFIG


@register.simple_block_tag(takes_context=True)
def column(context: Context, content: str, name: str) -> SafeString:
    """Return the head of a column of a list, which sorts rows by an order of the list where it can."""
    label = SafeString(content.strip())
    if sorting := context.get("sorting"):
        return SafeString(sorting.head(name, label))
    return format_html('<th scope="col">{}</th>', label)


@register.simple_tag(takes_context=True)
def bar(context: Context) -> list[Place]:
    """Return the pages of the bar on top that the user may open."""
    user = context.get("user")
    return listed(PageMenu.BAR, user) if user else []


@register.simple_tag(takes_context=True)
def settings_pages(context: Context) -> list[Place]:
    """Return the pages of the settings that the user may open, on one of them; otherwise nothing."""
    user, place = context.get("user"), _place(context)
    return listed(PageMenu.SETTINGS, user) if user and place and place.menu is PageMenu.SETTINGS else []


@register.simple_tag(takes_context=True)
def in_settings(context: Context, in_admin: object = False) -> bool:
    """Return whether the page is one of the settings."""
    place = _place(context)
    return bool(in_admin) or (place is not None and place.menu is PageMenu.SETTINGS)


@register.simple_tag(takes_context=True)
def current(context: Context, place: Place) -> SafeString:
    """Mark the link to a page of which the shown one is a part: "page" on itself."""
    if _place(context) != place:
        return SafeString("")
    return SafeString(f'aria-current="{"page" if _route(context) == place.route else "true"}"')


def _route(context: Context) -> str:
    match = getattr(context.get("request"), "resolver_match", None)
    return (match.url_name if match and not match.namespace else "") or ""


def _place(context: Context) -> Place | None:
    return place_of(_route(context))


@register.simple_tag(takes_context=True)
def can(context: Context, right: str, about: Environment | Account | None = None) -> bool:
    """Return whether the user has a right, such as "change_environment", for an environment or an account.

    Without an object: for any, for links to pages that check the rest.
    """
    user = context.get("user")
    if user is None:
        return False
    name = f"deployments.{right}"
    return permissions.can(user, name, about) if about else permissions.can_somewhere(user, name)


@register.simple_tag(takes_context=True)
def may_everywhere(context: Context, right: str) -> bool:
    """Return whether the user has a right, such as "require_approval", for everything."""
    user = context.get("user")
    return user is not None and permissions.can(user, f"deployments.{right}")


@register.simple_tag
def needs_approval(environment: Environment) -> bool:
    """Return whether changes of an environment need an approval, by its own rule or that of a label."""
    return policy_of(environment) is not None


@register.simple_tag
def approval_required(environment: Environment) -> str:
    """Return the number and role of approvals that changes of an environment need; "" for none."""
    policy = policy_of(environment)
    return required_text(policy) if policy else ""


@register.simple_tag
def approval_shortfall(environment: Environment) -> str:
    """Return a sentence if too few people can approve changes of an environment; "" if enough can."""
    policy = policy_of(environment)
    return shortfall_text(policy, environment) if policy else ""


@register.simple_tag
def labels_requiring_approval(environment: Environment) -> list[str]:
    """Return the labels of an environment whose rules require approvals of its changes."""
    named = ApprovalRule.objects.labels()
    return [str(label) for label in environment.labels.all() if (label.key, label.value) in named]


@register.simple_tag
def approval_form(environment: Environment) -> ApprovalForm:
    """Return the form of an environment's own rule."""
    return ApprovalForm.of(environment)


@register.simple_tag(name="who_can_grant")
def who_can_grant_tag(about: Environment | Account | None = None) -> str:
    """Return who can grant rights for an object, for users who lack one."""
    return who_can_grant(about)


@register.simple_tag(takes_context=True)
def approvals_to_decide(context: Context) -> int | None:
    """Return the number of open approval requests; None, without a query, for a user who may not approve."""
    user = context.get("user")
    allowed = user is not None and permissions.can_somewhere(user, APPROVE)
    return waiting_number(user, APPROVE) if user is not None and allowed else None


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Show a time in the current zone, on hover in UTC; a dash if there is none."""
    if moment is None:
        return SafeString("–")
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', iso(moment), timestamp(moment))


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """Show how long ago a time was, in one unit: 3 min ago. The exact time is shown on hover."""
    if moment is None:
        return SafeString("–")
    text = _("%(age)s ago") % {"age": age_text(moment, timezone.now())}
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), exact_time(moment), text)


@register.simple_tag
def age(moment: datetime | None) -> SafeString:
    """Show the duration since a time, in one unit: 3 d. The exact time is shown on hover."""
    if moment is None:
        return SafeString("–")
    text = age_text(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), exact_time(moment), text)


@register.simple_tag
def since(moment: datetime | None) -> SafeString:
    """Show the duration since a time, in one unit; the page's script updates it."""
    return live_age(moment) if moment else SafeString("–")


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds as 0:09, 8:42 or 1:02:03; "" for None."""
    return "" if seconds is None else clock(seconds)


@register.simple_tag
def took(started: datetime | None, ended: datetime | None, now: datetime | None = None) -> str:
    """Return the duration between two times in clock format, up to `now` if there is no end."""
    return duration(((ended or now or timezone.now()) - started).total_seconds()) if started else ""


@register.filter
def browser_name(user_agent: str) -> str:
    """Return the browser and the system in a User-Agent header, such as "Firefox · Linux"."""
    browsers = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = [("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Windows", "Windows")]
    systems += [("Mac OS X", "macOS"), ("Linux", "Linux")]
    browser = next((name for part, name in browsers if part in user_agent), _("Unknown browser"))
    system = next((name for part, name in systems if part in user_agent), "")
    return f"{browser} · {system}" if system else browser


@register.filter
def is_link(value: object) -> bool:
    """Return whether a text may be a link: an http or https URL, never javascript: or data:."""
    return isinstance(value, str) and value.lower().startswith(("http://", "https://"))
