"""View models of the pages of notifications: targets, and the log of their deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from deployments.access.models.permissions import visible_environments
from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.choices import MAX_SEARCH
from deployments.common.pages.lists import Choices, ListControls, list_filter, order_filter
from deployments.environments.display import badges
from deployments.environments.models.environments import Environment
from deployments.notifications.commands import may_set_up
from deployments.notifications.models import KINDS, Delivery, NotificationTarget
from deployments.notifications.texts import notices

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LOGGED = 50
"""Number of deliveries on the page of a target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRow:
    """A target as a row of the list."""

    target: NotificationTarget
    status: SafeString
    topics: tuple[str, ...]
    environments: str
    may_edit: bool
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery as a row of the log. `response` is the status and the duration of the last attempt."""

    delivery: Delivery
    status: SafeString
    title: str
    response: str
    may_retry: bool


ORDERS = {
    "": gettext_lazy("By name"),
    "newest": gettext_lazy("Newest first"),
    "kind": gettext_lazy("By kind"),
}
"""The orders of the list by the value of `sort`; there are too few targets for pages."""


def destinations_context(given: QueryDict, user: User) -> dict[str, Any]:
    """Return the context of the list for a query: personal targets, then the shared ones."""
    found = NotificationTarget.objects.visible_to(user, visible_environments(user))
    if given.get("q"):
        found = found.matching(str(given["q"])[:MAX_SEARCH])
    if given.get("status") in ("on", "off"):
        found = found.filter(enabled=given["status"] == "on")
    if given.get("kind"):
        found = found.filter(kind=str(given["kind"])[:MAX_SEARCH])
    if given.get("sort") in ("newest", "kind"):
        found = found.order_by("-pk") if given["sort"] == "newest" else found.order_by("kind", "name", "pk")
    rows = [_row(user, one) for one in found]
    return {
        "controls": _controls(given),
        "own": [row for row in rows if not row.target.is_shared],
        "shared": [row for row in rows if row.target.is_shared],
        "may_add": may_set_up(user, shared=False) or may_set_up(user, shared=True),
        "without_url": not settings.SANSO_URL,
    }


def _controls(given: QueryDict) -> ListControls:
    states: Choices = [
        ("", _("All"), None),
        ("on", pgettext("notifications", "On"), None),
        ("off", pgettext("notifications", "Off"), None),
    ]
    kinds: Choices = [("", _("All kinds"), None), *((kind, label, None) for kind, label in KINDS)]
    return ListControls(
        given=given,
        searched=_("Name, address or key=value"),
        filters=[
            list_filter(given, "status", _("Status"), states),
            list_filter(given, "kind", _("Kind"), kinds),
            order_filter(given, ORDERS),
        ],
    )


def destination_context(user: User, target: NotificationTarget) -> dict[str, Any]:
    """Return the context of a target's page. Only users who may change the target see its log."""
    row = _row(user, target)
    log = Delivery.objects.of(target)[:LOGGED] if row.may_edit else ()
    return {"row": row, "target": target, "log": [_delivery(one) for one in log]}


def notified_about(user: User, environment: Environment) -> list[DestinationRow]:
    """Return the targets that are notified about an environment: shared and personal ones."""
    return [_row(user, one) for one in NotificationTarget.objects.for_environment(environment)]


def _row(user: User, target: NotificationTarget) -> DestinationRow:
    return DestinationRow(
        target=target,
        status=_status(target),
        topics=tuple(notices.topic_name(topic) for topic in target.topics),
        environments=_environments(target),
        may_edit=may_set_up(user, shared=target.is_shared),
        is_own=target.owner_id == user.pk,
    )


def _status(target: NotificationTarget) -> SafeString:
    if target.enabled:
        return badges.status_badge(DisplayStatus.DONE, pgettext("notifications", "On"))
    kind = DisplayStatus.FAILED if target.disabled_reason else DisplayStatus.CANCELLED
    return badges.status_badge(kind, pgettext("notifications", "Off"))


def _environments(target: NotificationTarget) -> str:
    if target.environment:
        return target.environment.name
    if target.account:
        return _("All environments in account %(name)s") % {"name": target.account.name}
    if target.label:
        return _("Environments with the label %(label)s") % {"label": target.label}
    return _("All environments")


_STATES = {
    "pending": DisplayStatus.WAITING,
    "collected": DisplayStatus.WAITING,
    "sent": DisplayStatus.DONE,
}


def _delivery(one: Delivery) -> DeliveryRow:
    status = _STATES.get(one.state, DisplayStatus.FAILED)
    label = one.get_state_display()
    if one.state == "pending" and one.attempts:
        status, label = DisplayStatus.ATTENTION, pgettext("delivery", "Retrying")
    return DeliveryRow(
        delivery=one,
        status=badges.status_badge(status, label),
        title=notices.title(one.topic, one.payload),
        response=_response(one),
        may_retry=one.state == "failed",
    )


def _response(one: Delivery) -> str:
    if one.milliseconds is None:
        return ""
    took = _("%(number)d ms") % {"number": one.milliseconds}
    return f"{one.status} · {took}" if one.status else took
