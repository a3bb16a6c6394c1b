"""The pages that the bar on top, the settings and the search lead to, each with who may open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy, pgettext_lazy

from deployments.access.models.permissions import Person, can, can_somewhere, visible_accounts
from deployments.access.rules.roles import Right
from deployments.changes.rules.approvals import APPROVE
from deployments.environments.models.accounts import Account

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class PageMenu(Enum):
    """Where a page is listed, besides the search."""

    BAR = "bar"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page of the portal that is about no single row.

    `section` is how the names of the routes begin that belong to it. `is_action`: something begins there.
    """

    route: str
    label: StrPromise
    may_open: Callable[[Person], bool]
    menu: PageMenu | None = None
    section: str = ""
    is_action: bool = False


def _anybody(person: Person) -> bool:
    return True


def _somewhere(right: str) -> Callable[[Person], bool]:
    return lambda person: can_somewhere(person, right)


def _everywhere(right: str) -> Callable[[Person], bool]:
    return lambda person: can(person, right)


def may_open_sandbox(person: Person) -> bool:
    """Return whether there is a sandbox in which a person may create environments."""
    if not can_somewhere(person, Right.CREATE):
        return False
    return Account.objects.sandboxes().filter(visible_accounts(person, Right.CREATE)).exists()


PLACES: Final = (
    Place(
        route="environments",
        menu=PageMenu.BAR,
        section="environment",
        label=gettext_lazy("Environments"),
        may_open=_anybody,
    ),
    Place(
        route="deployments",
        menu=PageMenu.BAR,
        section="deployment",
        label=gettext_lazy("Deployments"),
        may_open=_anybody,
    ),
    Place(
        route="template_sets",
        menu=PageMenu.BAR,
        section="template",
        label=gettext_lazy("Template sets"),
        may_open=_somewhere(Right.VIEW),
    ),
    Place(
        route="approvals",
        menu=PageMenu.BAR,
        section="approval",
        label=gettext_lazy("Approvals"),
        may_open=_somewhere(APPROVE),
    ),
    Place(
        route="aws_accounts",
        menu=PageMenu.SETTINGS,
        section="aws_account",
        label=gettext_lazy("Accounts"),
        may_open=_everywhere(Right.MANAGE_ACCOUNTS),
    ),
    Place(
        route="access_people",
        menu=PageMenu.SETTINGS,
        section="access",
        label=gettext_lazy("Access"),
        may_open=_somewhere(Right.MANAGE_ACCESS),
    ),
    Place(
        route="approval_rules",
        menu=PageMenu.SETTINGS,
        section="approval_rule",
        label=gettext_lazy("Approval rules"),
        may_open=_everywhere(Right.REQUIRE_APPROVAL),
    ),
    Place(
        route="freezes",
        menu=PageMenu.SETTINGS,
        section="freeze",
        label=gettext_lazy("Freeze windows"),
        may_open=_everywhere(Right.MANAGE_ACCOUNTS),
    ),
    Place(
        route="notifications",
        menu=PageMenu.SETTINGS,
        section="notification",
        label=gettext_lazy("Notifications"),
        may_open=_anybody,
    ),
    Place(
        route="audit_records",
        menu=PageMenu.SETTINGS,
        section="audit_record",
        label=gettext_lazy("Audit"),
        may_open=_somewhere(Right.VIEW_AUDIT),
    ),
    Place(
        route="sandbox",
        menu=PageMenu.SETTINGS,
        section="sandbox",
        label=gettext_lazy("Sandbox"),
        may_open=may_open_sandbox,
    ),
    Place(
        route="admin:index",
        menu=PageMenu.SETTINGS,
        label=pgettext_lazy("navigation", "Admin"),
        may_open=_somewhere(Right.MANAGE_ACCOUNTS),
    ),
    Place(
        route="environment_new",
        label=gettext_lazy("New environment"),
        may_open=_somewhere(Right.CREATE),
        is_action=True,
    ),
    Place(
        route="aws_account_new",
        label=gettext_lazy("Add account"),
        may_open=_everywhere(Right.MANAGE_ACCOUNTS),
        is_action=True,
    ),
    Place(
        route="access_invite",
        label=gettext_lazy("Invite person"),
        may_open=_everywhere(Right.MANAGE_ACCESS),
        is_action=True,
    ),
    Place(
        route="template_set_new",
        label=gettext_lazy("Add template set"),
        may_open=_everywhere(Right.MANAGE_SETS),
        is_action=True,
    ),
    Place(route="recordings", label=gettext_lazy("Recordings"), may_open=_anybody),
    Place(route="access_teams", label=gettext_lazy("Teams"), may_open=_somewhere(Right.MANAGE_ACCESS)),
    Place(
        route="access_accounts",
        label=gettext_lazy("Access to accounts"),
        may_open=_somewhere(Right.MANAGE_ACCESS),
    ),
    Place(route="audit_own", label=gettext_lazy("My requests"), may_open=_anybody),
    Place(route="tokens", label=gettext_lazy("API tokens"), may_open=_anybody),
    Place(route="account_security", label=gettext_lazy("Account security"), may_open=_anybody),
)


def places(person: Person) -> Iterator[Place]:
    """Return the pages that a person may open."""
    return (place for place in PLACES if place.may_open(person))


def listed(menu: PageMenu, person: Person) -> list[Place]:
    """Return the pages of a menu that a person may open, in its order."""
    return [place for place in PLACES if place.menu is menu and place.may_open(person)]


def place_of(route: str) -> Place | None:
    """Return the page to which a route belongs, by its name; None for pages of no section."""
    found = [place for place in PLACES if place.section and route.startswith(place.section)]
    return max(found, key=lambda place: len(place.section), default=None)
