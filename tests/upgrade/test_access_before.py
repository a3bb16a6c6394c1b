"""After the upgrade users have the rights that Django's permissions gave them, and no others.

The users are inserted into the schema of the release before grants. The actions that each permission
allowed in that release are listed here in tables, not computed by the tested code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import connection, transaction

from deployments.access import can
from deployments.core.roles import Right
from deployments.errors import UserFixable
from deployments.migrations import _audit_triggers
from tests.actions.scenes import FOR_EVERYBODY, SCENES, template_set
from tests.upgrade import load

__all__ = ["template_set"]
BEFORE_GRANTS: Final = "0030"
NEEDED: Final = {
    "deploy.request_deployment": "add_deployment",
    "cancel.request_cancel": "add_deployment",
    "recordings.request_recording": "add_deployment",
    "sandbox.request_of_sandbox": "add_deployment",
    "delete.request_deletion": "delete_environment",
    "delete.close_environment": "delete_environment",
    "clean_up.request_clean_up": "delete_environment",
    "operate.request_association_run": "operate_environment",
    "operate.request_site_check": "operate_environment",
    "operate.request_protection": "operate_environment",
    "remaining.request_new_search": "operate_environment",
    "remaining.request_deletion_of": "delete_remaining",
    "approve.approve": "approve_change",
    "approve.deny": "approve_change",
    "approve.set_approval_required": "require_approval",
    "recovery.request_deletion_again": "force_delete",
    "lock.lock_environment": "lock_environment",
    "lock.unlock_environment": "lock_environment",
    "lock.break_lock": "break_lock",
    "versions.set_version_status": "manage_template_sets",
    "versions.confirm_moved_tag": "manage_template_sets",
    "template_sources.save_source": "manage_template_sets",
    "template_sources.remove_source": "manage_template_sets",
    "template_sources.request_fetch": "manage_template_sets",
    "template_sources.set_webhook": "manage_template_sets",
    "change.request_change": "change_environment",
    "change.request_rollback": "change_environment",
    "change.request_version": "change_environment",
    "apply_change.apply_change": "change_environment",
    "open_change.discard_change": "change_environment",
    "open_change.preview_again": "change_environment",
    "channels.set_channel": "change_environment",
    "channels.resume_updates": "change_environment",
    "roll_back.request_stack_rollback": "change_environment",
    "recovery.request_continue": "change_environment",
    "recovery.request_take_over": "change_environment",
}
"""The permission that the release before grants required in the portal, by action."""
ACCOUNTS: Final = (
    "freeze.save_freeze",
    "freeze.delete_freeze",
    "account.save_account",
    "account.delete_account",
)
"""Actions that staff could do in the admin with all six permissions of accounts and freeze windows."""
AUDIT: Final = "audit.export_audit"
"""Staff could read the audit records in the admin."""
SINCE: Final = {
    "reschedule.reschedule": "add_deployment",
    "labels.set_labels": "change_environment",
    "approval_rules.save_label_rule": "require_approval",
    "approval_rules.delete_label_rule": "require_approval",
}
"""Newer actions that were part of what a permission allowed. Others are for superusers at first."""
IN_THE_PORTAL: Final = sorted({*NEEDED.values(), "release_environment"})
IN_THE_ADMIN: Final = [
    f"{verb}_{model}" for model in ("account", "freezewindow") for verb in ("add", "change", "delete")
]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user of the release: permissions of their own and through a group."""

    name: str
    own: tuple[str, ...] = ()
    by_group: tuple[str, ...] = ()
    is_staff: bool = False
    is_superuser: bool = False
    is_active: bool = True

    def could(self, action: str) -> bool:
        """Return whether the release allowed them the action."""
        held = {*self.own, *self.by_group}
        if not self.is_active or self.is_superuser:
            return self.is_active
        if action in ACCOUNTS:
            return self.is_staff and held >= set(IN_THE_ADMIN)
        if action == AUDIT:
            return self.is_staff and "view_auditrecord" in held
        return (NEEDED | SINCE).get(action) in held


EVERY: Final = (*IN_THE_PORTAL, *IN_THE_ADMIN, "view_auditrecord")
PEOPLE: Final = (
    *(Person(name=f"only {codename}", own=(codename,)) for codename in EVERY),
    Person(name="nobody"),
    Person(name="in a group", by_group=("change_environment", "lock_environment")),
    Person(name="in a group, and more", own=("approve_change",), by_group=("add_deployment",)),
    Person(name="staff", is_staff=True),
    Person(name="staff for accounts", own=tuple(IN_THE_ADMIN), is_staff=True),
    Person(name="staff for accounts by a group", by_group=tuple(IN_THE_ADMIN), is_staff=True),
    Person(name="staff for some of accounts", own=tuple(IN_THE_ADMIN[:-1]), is_staff=True),
    Person(name="not staff, for accounts", own=tuple(IN_THE_ADMIN)),
    Person(name="staff for the audit", own=("view_auditrecord",), is_staff=True),
    Person(name="staff for the audit by a group", by_group=("view_auditrecord",), is_staff=True),
    Person(name="not staff, in a group for the audit", by_group=("view_auditrecord",)),
    Person(name="everything", own=EVERY, is_staff=True),
    Person(name="superuser", is_superuser=True),
    Person(name="inactive", own=EVERY, is_staff=True, is_active=False),
    Person(name="inactive superuser", is_superuser=True, is_active=False),
)


@pytest.fixture(scope="module")
def printed() -> StringIO:
    """The output of the upgrade."""
    return StringIO()


@pytest.fixture(scope="module")
def upgraded_people(empty_database: None, printed: StringIO) -> dict[str, User]:
    """The users of the release after the upgrade, by name."""
    call_command("migrate", "deployments", BEFORE_GRANTS, verbosity=0)
    for person in PEOPLE:
        user = User.objects.create_user(
            person.name,
            is_staff=person.is_staff,
            is_superuser=person.is_superuser,
            is_active=person.is_active,
        )
        user.user_permissions.set(map(_permission, person.own))
        if person.by_group:
            group = Group.objects.create(name=f"group of {person.name}")
            group.permissions.set(map(_permission, person.by_group))
            user.groups.add(group)
    with redirect_stdout(printed):
        load.upgrade()
    _audit_triggers.drop_triggers(connection)  # scenes delete audit records; no test needs the triggers
    return {user.username: user for user in User.objects.all()}


def _permission(codename: str) -> Permission:
    found = Permission.objects.filter(codename=codename, content_type__app_label="deployments").first()
    if found is not None:
        return found
    about, _ = ContentType.objects.get_or_create(app_label="deployments", model="environment")
    return Permission.objects.create(codename=codename, content_type=about, name=codename)


def name_of(action: Callable[..., Any]) -> str:
    """Return the module and the name of an action."""
    return f"{action.__module__.rpartition('.')[2]}.{action.__name__}"


def test_the_recorded_actions_still_exist() -> None:
    assert {*NEEDED, *ACCOUNTS, AUDIT, *SINCE} <= {name_of(action) for action in SCENES}


@pytest.mark.parametrize("action", [one for one in SCENES if one not in FOR_EVERYBODY], ids=name_of)
def test_an_action_is_allowed_to_those_who_could_before_and_to_nobody_else(
    upgraded_people: dict[str, User], action: Callable[..., Any]
) -> None:
    found = dict(_allowed(upgraded_people, action))

    assert found == {person.name: person.could(name_of(action)) for person in PEOPLE}


def _allowed(users: dict[str, User], action: Callable[..., Any]) -> Iterator[tuple[str, bool]]:
    """Yield whether each person is allowed an action, which is rolled back; a denied one changes no row."""
    could = [one for one in PEOPLE if one.could(name_of(action))]
    with transaction.atomic():
        values = SCENES[action]()
        for person in PEOPLE:
            if person not in could:
                yield person.name, _is_allowed(users[person.name], action, values)
        transaction.set_rollback(True)
    for person in could:
        with transaction.atomic():
            yield person.name, _is_allowed(users[person.name], action, SCENES[action]())
            transaction.set_rollback(True)


def _is_allowed(user: User, action: Callable[..., Any], values: dict[str, Any]) -> bool:
    try:
        with transaction.atomic():
            action(user=user, **values)
    except PermissionDenied:
        return False
    except UserFixable:  # the person has the permission; somebody else owns the lock in the scene
        return True
    return True


def test_who_loses_some_permissions_of_the_admin_is_named(
    upgraded_people: dict[str, User], printed: StringIO
) -> None:
    named = [person.name for person in PEOPLE if f"  {person.name} could do some" in printed.getvalue()]

    assert named == ["staff for some of accounts"]
    assert "deployments.change_account" in printed.getvalue()


def test_everybody_who_is_active_views_everything_as_before(upgraded_people: dict[str, User]) -> None:
    found = {name for name, user in upgraded_people.items() if can(user, Right.VIEW)}

    assert found == {person.name for person in PEOPLE if person.is_active}
