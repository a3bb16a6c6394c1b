"""The header of an environment's page: its one note, its main action, and the menu with all others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from deployments.access.commands.requesting import OPERATE
from deployments.access.models.permissions import Person, can
from deployments.access.rules.roles import Right, role_with
from deployments.accounts.models import ConnectionTest
from deployments.cloudformation.operations import Operation
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environment_pages.display.notes import (
    HAVE_A_NOTICE,
    NoteFacts,
    NoteLine,
    line_of_note,
    maintenance_times,
)
from deployments.environments.display.tab_urls import (
    CONFIGURATION,
    DATABASE,
    OVERVIEW,
    SERVERS,
    tab_url,
)
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import Note
from deployments.locks.display.holds import LockView
from deployments.recovery.display.operations import OfferedOperation, OperationsView

_NAMED = (Operation.CHANGE, Operation.DELETE)
"""Operations that are in their place while they are impossible, with the reason."""
_IN_A_CARD = {
    OVERVIEW: frozenset({Note.COMPONENT, Note.NOT_MEASURED, Note.NOT_PROTECTED}),
    DATABASE: frozenset({Note.MAINTENANCE_DUE, Note.SUPPORT_ENDS}),
    CONFIGURATION: frozenset({Note.UPDATE_AVAILABLE, Note.NOT_PROTECTED}),
}
"""Notes that one of the cards of a tab has."""
_FAILURES = frozenset({Note.CREATION_FAILED, Note.DELETION_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuAction:
    """One action of the menu: its address if it is possible now, otherwise the reason why not."""

    id: str
    label: str
    url: str = ""
    reason: str = ""
    is_post: bool = False
    is_destructive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderActions:
    """The main action, the groups of the menu, and what does not apply to the stack's status."""

    main: OfferedOperation | None
    groups: tuple[tuple[MenuAction, ...], ...]
    impossible: tuple[MenuAction, ...]


def header_context(
    environment: Environment, tab: str, person: Person, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the note and the actions, and whether a notice below has the primary button of the page.

    `context` is that of the page: its operations, lock, version and failures.
    """
    operations, failed = context["operations"], context["last_failure"]
    shows_ways_out = bool(operations and tab == OVERVIEW and context["needs_operator"])
    others = other_actions(
        environment,
        person,
        context["lock"],
        is_observed=context["is_observed"],
        may_operate=context["may_operate"],
    )
    has_buttons = context["is_observed"] and tab in (SERVERS, DATABASE)
    return {
        "shows_ways_out": shows_ways_out,
        "needs_right_to_operate": has_buttons and not context["may_operate"],
        "header": header_actions(
            operations,
            tuple(others),
            shown=[one.operation for one in operations.possible] if shows_ways_out else (),
        ),
        "note": header_note(
            environment,
            person,
            tab,
            failed=failed.deployment if failed else None,
            has_banner=bool(context.get("failure") or context.get("emptied") or context.get("canceled")),
            has_update=context["own_version"].is_available,
        ),
        "has_main_action": _has_main_action(environment, tab, context),
    }


def _has_main_action(environment: Environment, tab: str, context: Mapping[str, Any]) -> bool:
    """Return whether a notice has the primary button of the page."""
    if environment.changed_outside_at or context.get("emptied"):
        return True
    failed, banner = context["last_failure"], context.get("failure")
    actions = [*(failed.actions if failed else ()), *(banner.actions if banner and tab == OVERVIEW else ())]
    return bool(context["may_change"]) and any(one.is_main for one in actions)


def header_actions(
    operations: OperationsView | None, others: Collection[MenuAction], *, shown: Collection[Operation] = ()
) -> HeaderActions:
    """Return the actions of the header; `shown` are operations that the page offers outside of it.

    `others` begin the menu. Without operations, as in a deleted environment, they are all that there is.
    """
    every = (*operations.possible, *operations.impossible) if operations else ()
    found = [one for one in every if one.operation not in shown]
    main = next((one for one in found if one.operation is Operation.CHANGE and one.url), None)
    rest = [one for one in found if one is not main]
    return HeaderActions(
        main=main,
        groups=tuple(filter(None, (tuple(others), *_groups([one for one in rest if _has_place(one)])))),
        impossible=_items(one for one in rest if not _has_place(one)),
    )


def _has_place(one: OfferedOperation) -> bool:
    """Return whether an operation is among the possible ones."""
    return bool(one.url) or one.operation in _NAMED


def _groups(listed: Collection[OfferedOperation]) -> tuple[tuple[MenuAction, ...], ...]:
    """Return what changes the environment, then what deletes it."""
    return _items(one for one in listed if not one.is_destructive), _items(
        one for one in listed if one.is_destructive
    )


def _items(operations: Iterable[OfferedOperation]) -> tuple[MenuAction, ...]:
    return tuple(map(_item, operations))


def _item(one: OfferedOperation) -> MenuAction:
    return MenuAction(
        id=str(one.operation) if one.operation in _NAMED else f"operation-{one.operation}",
        label=one.label,
        url=one.url,
        reason=one.reason,
        is_destructive=one.is_destructive,
    )


def other_actions(
    environment: Environment,
    person: Person,
    lock: LockView | None,
    *,
    is_observed: bool,
    may_operate: bool,
) -> Iterator[MenuAction]:
    """Yield the actions that are not operations on the stack: the site check, and the lock."""
    if is_observed:
        why = lock.sentence if lock else ""
        if not may_operate:
            values = {"role": str(role_with(OPERATE)), "name": environment.name}
            why = message_text(Message(Code.ROLE_MISSING, values))
        yield MenuAction(
            id="save-time",
            label=_("Run site check"),
            url="" if why else reverse("environment_site_check", args=[environment.pk]),
            reason=why,
            is_post=True,
        )
    if not lock and not environment.deleted_at and can(person, Right.LOCK, environment):
        yield MenuAction(
            id="lock-environment", label=_("Lock…"), url=reverse("environment_lock", args=[environment.pk])
        )


def header_note(
    environment: Environment,
    person: Person,
    tab: str,
    *,
    failed: Deployment | None,
    has_banner: bool,
    has_update: bool,
) -> NoteLine | None:
    """Return the note beside the state that nothing else on this tab has (one query, and rights).

    `failed` is the last change if it failed; `has_banner`: the overview has a banner about a failure.
    """
    if environment.deleted_at or environment.account.is_recording:
        return None
    latest = environment.latest
    elsewhere = HAVE_A_NOTICE | _IN_A_CARD.get(tab, frozenset())
    if has_banner and tab == OVERVIEW:
        elsewhere |= _FAILURES
    if latest is not None and (latest.attention_code or latest.is_scheduled_creation):
        elsewhere |= {Note.DEPLOYMENT}
    is_broken = environment.account_id in ConnectionTest.objects.failed_in({environment.account_id})
    due, ending = maintenance_times([environment.pk])
    known = NoteFacts(
        environment=environment,
        failed=failed,
        waiting=(),
        has_broken_account=is_broken,
        accounts_url="aws_account" if is_broken and can(person, Right.MANAGE_ACCOUNTS) else "",
        has_update=has_update,
        maintenance_at=due.get(environment.pk),
        support_ends_at=ending.get(environment.pk),
    )
    line = line_of_note(known, elsewhere)
    if line is None or line.note not in (Note.COMPONENT, Note.NOT_MEASURED):
        return line
    return NoteLine(note=line.note, text=line.text, url=f"{tab_url(environment, OVERVIEW)}#architecture")
