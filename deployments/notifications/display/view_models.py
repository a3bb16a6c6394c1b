"""View models of the pages of notifications: targets, and the log of their deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from deployments.access.models.permissions import visible_environments
from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
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


TARGETS = ListDeclaration(
    searched=_("Name, address or key=value"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=_("By name"), column="name"),
        "newest": ListOrder(label=_("Newest first")),
        "kind": ListOrder(label=_("By kind"), column="kind"),
    },
    narrowings=[
        Narrowing(
            name="status",
            label=_("Status"),
            everything=_("All"),
            choices=[
                ("on", pgettext_lazy("notifications", "On")),
                ("off", pgettext_lazy("notifications", "Off")),
            ],
            keep=lambda rows, value: rows.filter(enabled=value == "on"),
        ),
        Narrowing(
            name="kind",
            label=_("Kind"),
            everything=_("All kinds"),
            choices=KINDS,
            keep=lambda rows, kind: rows.filter(kind=kind),
        ),
    ],
)


def destinations_context(given: QueryDict, user: User) -> dict[str, Any]:
    """Return the context of the list for a query: a page of personal targets and shared ones."""
    context = TARGETS.context(NotificationTarget.objects.visible_to(user, visible_environments(user)), given)
    rows = [_row(user, one) for one in context["rows"]]
    return context | {
        "own": [row for row in rows if not row.target.is_shared],
        "shared": [row for row in rows if row.target.is_shared],
        "may_add": may_set_up(user, shared=False) or may_set_up(user, shared=True),
        "without_url": not settings.SANSO_URL,
    }


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
        return gettext("All environments in account %(name)s") % {"name": target.account.name}
    if target.label:
        return gettext("Environments with the label %(label)s") % {"label": target.label}
    return gettext("All environments")


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
    took = gettext("%(number)d ms") % {"number": one.milliseconds}
    return f"{one.status} · {took}" if one.status else took
