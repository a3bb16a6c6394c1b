"""The rule of every route: the required permission. `test_permissions.py` compares it with the routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from django.urls import URLPattern, URLResolver, get_resolver

from deployments.access.rules.roles import Right
from deployments.environments.display.tab_urls import LABELS, OVERVIEW


class To(Enum):
    """A requirement besides a right."""

    ENVIRONMENT = "the right about the environment; without a view of it there is no page"
    ACCOUNT = "the right about the account; any other account does not exist"
    SOMEWHERE = "the right about anything"
    EVERYTHING = "the right for everything"
    SIGNED_IN = "nothing but to be signed in; lists show what one may view"
    PUBLIC = "nothing"
    SUPERUSER = "to be a superuser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule of a route. `about` is the kind of row in its address, `given` the other arguments.

    `may_be_missing`: the row of the page does not exist in the test, so people who may open the page may
    get 404. `unknown` is the status for people who are not signed in; 302 is a redirect to the login page.
    """

    to: To
    right: Right = Right.VIEW
    method: str = "get"
    about: str = ""
    given: Mapping[str, Any] | None = None
    query: str = ""
    may_be_missing: bool = False
    unknown: int = 302


def _of(about: str, right: Right = Right.VIEW, method: str = "get", **values: Any) -> Rule:
    return Rule(to=To.ENVIRONMENT, right=right, method=method, about=about, **values)


def _page(right: Right = Right.VIEW, **values: Any) -> Rule:
    return _of("environment", right, **values)


def _action(right: Right, **values: Any) -> Rule:
    return _of("environment", right, "post", **values)


SIGNED_IN: Final = Rule(to=To.SIGNED_IN)
PUBLIC: Final = Rule(to=To.PUBLIC)
OWN: Final = Rule(to=To.SIGNED_IN, may_be_missing=True)
"""Personal settings; some pages only accept forms."""
OF_OWN: Final = Rule(to=To.SIGNED_IN, given={"pk": 0}, may_be_missing=True)
SETS: Final[dict[str, Any]] = {"to": To.EVERYTHING, "right": Right.MANAGE_SETS}
ACCESS: Final[dict[str, Any]] = {"to": To.SOMEWHERE, "right": Right.MANAGE_ACCESS}
ALL_ACCESS: Final[dict[str, Any]] = {"to": To.EVERYTHING, "right": Right.MANAGE_ACCESS}
ACCOUNTS: Final[dict[str, Any]] = {"to": To.EVERYTHING, "right": Right.MANAGE_ACCOUNTS}
RULES_OF_APPROVAL: Final[dict[str, Any]] = {"to": To.EVERYTHING, "right": Right.REQUIRE_APPROVAL}
SANDBOX: Final = Rule(to=To.SOMEWHERE, right=Right.CREATE, method="post", may_be_missing=True)
INSTANCE: Final[dict[str, Any]] = {"instance": "i-1"}
NOTIFICATIONS: Final = {
    "notification": "get",
    "notification_edit": "get",
    "notification_test": "post",
    "notification_switch": "post",
    "notification_rotate": "post",
    "notification_remove": "post",
}
"""Other people's targets are not found; `tests/notifications/pages/test_notifications.py` tests the
rights of actions.
"""

RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    # Lists, and pages that belong to no environment
    "home": (SIGNED_IN,),
    "environments": (SIGNED_IN,),
    "deployments": (SIGNED_IN,),
    "approvals": (SIGNED_IN,),
    "approval_count": (SIGNED_IN,),
    "jump": (SIGNED_IN,),
    "settings": (SIGNED_IN,),  # a redirect
    "approval_rules": (Rule(**RULES_OF_APPROVAL), Rule(**RULES_OF_APPROVAL, method="post")),
    "approval_rule_remove": (Rule(**RULES_OF_APPROVAL, method="post", given={"pk": 0}, may_be_missing=True),),
    "audit_own": (SIGNED_IN,),
    "audit_records": (Rule(to=To.SOMEWHERE, right=Right.VIEW_AUDIT),),
    "audit_record": (Rule(to=To.EVERYTHING, right=Right.VIEW_AUDIT, about="record"),),
    "audit_export": (Rule(to=To.EVERYTHING, right=Right.VIEW_AUDIT, given={"kind": "csv"}),),
    "recordings": (SIGNED_IN,),
    "recording_open": (
        Rule(
            to=To.EVERYTHING, right=Right.CREATE, method="post", given={"name": "none"}, may_be_missing=True
        ),
    ),
    "environment_new": (
        Rule(to=To.SOMEWHERE, right=Right.CREATE),
        Rule(to=To.SOMEWHERE, right=Right.CREATE, method="post"),
    ),
    "/environments/new/": (SIGNED_IN,),  # a redirect
    "environment_check": (Rule(to=To.SOMEWHERE, right=Right.CREATE, method="post"),),
    "environment_expected": (Rule(to=To.ACCOUNT, right=Right.CREATE, about="account"),),
    # Accounts
    "aws_accounts": (Rule(**ACCOUNTS),),
    "aws_account_new": (Rule(**ACCOUNTS), Rule(**ACCOUNTS, method="post")),
    "aws_account_import": (Rule(**ACCOUNTS), Rule(**ACCOUNTS, method="post")),
    **{
        name: (
            Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True),
            Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True, method="post"),
        )
        for name in ("aws_account", "aws_account_edit", "aws_account_remove")
    },
    "freezes": (Rule(**ACCOUNTS),),
    "freeze_new": (Rule(**ACCOUNTS), Rule(**ACCOUNTS, method="post")),
    **{
        name: (
            Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True),
            Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True, method="post"),
        )
        for name in ("freeze_edit", "freeze_delete")
    },
    "first_contact": (
        Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True),
        Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True, method="post"),
    ),
    **{
        f"first_contact_{what}": (
            Rule(**ACCOUNTS, given={"pk": 0, "run": 0}, may_be_missing=True, method="post"),
        )
        for what in ("cancel", "clean_up", "archive")
    },
    "aws_account_test": (Rule(**ACCOUNTS, given={"pk": 0}, may_be_missing=True, method="post"),),
    # Access
    "access_people": (Rule(**ACCESS),),
    "access_person": (Rule(**ACCESS, given={"pk": 0}, may_be_missing=True),),
    "access_teams": (Rule(**ACCESS),),
    "access_team": (Rule(**ACCESS, given={"pk": 0}, may_be_missing=True),),
    "access_give": (Rule(**ACCESS), Rule(**ACCESS, method="post")),
    "access_subjects": (Rule(**ACCESS),),
    "access_grant_remove": (Rule(**ACCESS, method="post", given={"pk": 0}, may_be_missing=True),),
    "access_accounts": (Rule(**ACCESS),),
    "access_account": (Rule(**ACCESS, given={"pk": 0}, may_be_missing=True),),
    "access_team_new": (Rule(**ALL_ACCESS), Rule(**ALL_ACCESS, method="post")),
    "access_service_account_new": (Rule(**ALL_ACCESS), Rule(**ALL_ACCESS, method="post")),
    **{
        name: (Rule(**ALL_ACCESS, method="post", given={"pk": 0}, may_be_missing=True),)
        for name in ("access_person_active", "access_team_save", "access_team_delete", "access_member_add")
    },
    "access_invite": (Rule(**ALL_ACCESS), Rule(**ALL_ACCESS, method="post")),
    "access_invitation_renew": (Rule(**ALL_ACCESS, method="post", given={"pk": 0}, may_be_missing=True),),
    "access_invitation_withdraw": (Rule(**ALL_ACCESS, method="post", given={"pk": 0}, may_be_missing=True),),
    "access_member_remove": (
        Rule(**ALL_ACCESS, method="post", given={"pk": 0, "person": 0}, may_be_missing=True),
    ),
    # One environment
    "environment": (_page(),),
    "environment_access": (_page(),),
    "environment_labels": (_page(Right.CHANGE), _action(Right.CHANGE)),
    **{f"environment_{tab}": (_page(),) for tab in LABELS if tab != OVERVIEW},
    "environment_update": (_page(),),
    "environment_cancel": (_page(),),
    "comparison": (_page(),),
    "environment_incidents": (_page(),),
    "environment_health_history": (_page(),),
    "environment_output": (_page(given={"run": 0}, may_be_missing=True),),
    "environment_change": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_restore": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_switch_database": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_delete_database": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_keep_database": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_delete": (_page(Right.DELETE), _action(Right.DELETE)),
    "environment_delete_again": (_page(Right.DELETE), _action(Right.DELETE)),
    "environment_continue": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_roll_back": (_page(Right.CHANGE), _action(Right.CHANGE)),
    "environment_lock": (_page(Right.LOCK), _action(Right.LOCK)),
    "environment_break_lock": (_page(Right.BREAK_LOCK), _action(Right.BREAK_LOCK)),
    "environment_remaining": (_page(Right.DELETE_REMAINING), _action(Right.DELETE_REMAINING)),
    "environment_update_preview": (_action(Right.CHANGE, given={"version": 0}, may_be_missing=True),),
    "environment_channel": (_action(Right.CHANGE),),
    "environment_resume_updates": (_action(Right.CHANGE),),
    "environment_take_over": (_action(Right.CHANGE),),
    "environment_unlock": (_action(Right.LOCK),),
    "environment_remaining_search": (_action(Right.OPERATE),),
    "environment_protect": (_action(Right.OPERATE),),
    "environment_run": (_action(Right.OPERATE),),
    "environment_site_check": (_action(Right.OPERATE),),
    "environment_snapshot": (_action(Right.OPERATE),),
    "environment_drill": (_action(Right.OPERATE),),
    "environment_drill_schedule": (_action(Right.OPERATE),),
    "environment_require_approval": (_action(Right.REQUIRE_APPROVAL),),
    "environment_close": (_action(Right.DELETE),),
    # One deployment
    "deployment": (_of("deployment"),),
    "deployment_stack_rows": (_of("deployment"),),
    "deployment_clean_up": (_of("deployment", Right.DELETE), _of("deployment", Right.DELETE, "post")),
    "deployment_dismiss": (_of("deployment", Right.CHANGE, "post"),),
    "deployment_cancel": (_of("deployment"), _of("change", Right.CHANGE, "post")),
    "deployment_roll_back": (_of("deployment", Right.CHANGE, "post"),),
    "deployment_stream": (_of("deployment", unknown=401),),
    "deployment_updates": (_of("deployment", unknown=401),),
    "deployment_rows": (_of("deployment", may_be_missing=True),),
    "deployment_row": (_of("deployment", given={"path": "Network"}, may_be_missing=True),),
    "event_lines": (_of("deployment"),),
    "first_failed_event": (_of("deployment"),),
    "event_export": (_of("deployment", given={"kind": "csv"}),),
    "replay_update": (_of("deployment"),),
    "support_bundle": (Rule(to=To.EVERYTHING, right=Right.VIEW_AUDIT, method="post", about="deployment"),),
    "deletion_request": (_of("deployment"),),
    "scheduled_creation": (_of("deployment"),),
    "scheduled_time": (_of("deployment", Right.CREATE, "post"),),
    "change_preview_page": (_of("change"),),
    "change_preview_rows": (_of("change"),),
    "change_preview_state": (_of("change"),),
    "change_apply": (_of("change", Right.CHANGE, "post"),),
    "change_approve": (_of("change", Right.APPROVE, "post"),),
    "change_bypass": (_of("change", Right.BYPASS_APPROVAL, "post"),),
    "change_deny": (_of("change", Right.APPROVE, "post"),),
    "change_discard": (_of("change", Right.CHANGE, "post"),),
    "change_preview": (_of("change", Right.CHANGE, "post"),),
    # Template sets: who may view any environment may view them
    "template_sets": (Rule(to=To.SOMEWHERE),),
    "template_set": (Rule(to=To.SOMEWHERE, about="source"),),
    "template_version": (
        Rule(to=To.SOMEWHERE, about="version"),
        Rule(**SETS, about="version", method="post"),
    ),
    "template_set_new": (Rule(**SETS), Rule(**SETS, method="post")),
    "template_set_edit": (Rule(**SETS, about="source"), Rule(**SETS, about="source", method="post")),
    "template_set_remove": (Rule(**SETS, about="source", method="post"),),
    "template_set_fetch": (Rule(**SETS, about="source", method="post"),),
    "template_set_webhook": (Rule(**SETS, about="source", method="post"),),
    "template_ref_confirm": (Rule(**SETS, about="ref", method="post"),),
    "template_set_push": (Rule(to=To.PUBLIC, about="source", method="post"),),
    # The sandbox
    "sandbox": (Rule(to=To.SOMEWHERE, right=Right.CREATE),),
    "sandbox_log": (Rule(to=To.SOMEWHERE, right=Right.CREATE, given=INSTANCE, may_be_missing=True),),
    "sandbox_machine": (
        Rule(to=To.SOMEWHERE, right=Right.CREATE, method="post", given=INSTANCE, may_be_missing=True),
    ),
    "sandbox_database": (
        Rule(to=To.SOMEWHERE, right=Right.CREATE, method="post", given={"cluster": "c"}, may_be_missing=True),
    ),
    "sandbox_remove_faults": (SANDBOX,),
    # Without a login, and personal pages
    "login": (PUBLIC,),
    "logout": (Rule(to=To.PUBLIC, method="post"),),
    "set_language": (Rule(to=To.PUBLIC, method="post"),),
    "healthz": (PUBLIC,),
    "readyz": (PUBLIC,),
    "/favicon.ico": (PUBLIC,),
    "password_change": (SIGNED_IN,),
    "api_reference": (SIGNED_IN,),
    "tokens": (SIGNED_IN, Rule(to=To.SIGNED_IN, method="post")),
    "command_line_login": (SIGNED_IN, Rule(to=To.SIGNED_IN, method="post")),
    "command_line_exchange": (Rule(to=To.PUBLIC, method="post"),),  # with a code
    "notifications": (SIGNED_IN,),
    "notification_new": (SIGNED_IN, Rule(to=To.SIGNED_IN, method="post")),
    **{
        name: (Rule(to=To.SIGNED_IN, method=method, given={"pk": 0}, may_be_missing=True),)
        for name, method in NOTIFICATIONS.items()
    },
    "notification_retry": (
        Rule(to=To.SIGNED_IN, method="post", given={"pk": 0, "delivery": 0}, may_be_missing=True),
    ),
    "token_revoke": (Rule(to=To.SIGNED_IN, method="post", given={"pk": 0}, may_be_missing=True),),
    "metrics": (Rule(to=To.EVERYTHING, right=Right.VIEW_AUDIT, unknown=401),),
    "account_login": (PUBLIC,),
    "invitation": (PUBLIC,),
    "oidc_login": (PUBLIC,),
    "oidc_callback": (PUBLIC,),
    **{
        name: (Rule(to=To.PUBLIC, may_be_missing=True),)
        for name in ("saml_login", "saml_finish", "saml_metadata")
    },
    "saml_acs": (Rule(to=To.PUBLIC, method="post", may_be_missing=True),),  # a signed assertion
    "oidc_logout": (Rule(to=To.PUBLIC, method="post", may_be_missing=True),),  # a signed token
    "oidc_logout_at": (Rule(to=To.PUBLIC, method="post", given={"provider": "none"}, may_be_missing=True),),
    **{
        name: (Rule(to=To.PUBLIC, given={"provider": "none"}, may_be_missing=True),)
        for name in ("oidc_login_at", "oidc_callback_at")
    },
    "account_session_end": (OF_OWN,),
    "account_sessions_end": (OWN,),
    "mfa_authenticate": (PUBLIC,),
    "passkey_login": (PUBLIC,),
    "passkey_options": (PUBLIC,),
    "account_security": (OWN,),
    "account_reauthenticate": (OWN,),
    "account_reauthenticate_passkey": (OWN,),
    "account_app": (OWN,),
    "account_app_remove": (OWN,),
    "account_recovery_codes": (OWN,),
    "account_passkey_add": (OWN,),
    "account_passkey_options": (OWN,),
    "account_passkey": (OF_OWN,),
    "account_passkey_remove": (OF_OWN,),
    "/admin/login/": (Rule(to=To.SUPERUSER),),
    "/admin/password_change/": (SIGNED_IN,),
}
"""By the name of the route, or its address if it has none. The rules of the admin are in the test."""


OWN_OPERATIONS: Final = frozenset({"get_me", "list_notification_targets", "list_recordings"})
"""What a token reads without any right: its owner's own things, and the recordings that are included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of the URL configuration. `names` are those of its arguments."""

    name: str
    namespaces: tuple[str, ...]
    path: str
    names: frozenset[str]

    @property
    def key(self) -> str:
        """Return its key in `RULES`."""
        return ":".join((*self.namespaces, self.name)) if self.name else f"/{self.path}"


def routes() -> list[Route]:
    """Return every route of the portal."""
    return list(_below(get_resolver().url_patterns, "", ()))


def _below(patterns: list[Any], prefix: str, namespaces: tuple[str, ...]) -> Iterator[Route]:
    for one in patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            below = (*namespaces, one.namespace) if one.namespace else namespaces
            yield from _below(one.url_patterns, path, below)
        elif isinstance(one, URLPattern):
            names = frozenset(one.pattern.converters) | frozenset(one.pattern.regex.groupindex)
            yield Route(name=one.name or "", namespaces=namespaces, path=path, names=names)
