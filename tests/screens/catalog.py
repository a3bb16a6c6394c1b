"""The list of screens, and the routes without a screen, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

Step = Callable[[Page], None]
FRAGMENT: Final = "a part of a page, which the page itself shows"
NOT_A_PAGE: Final = "no page: text, JSON, a file or a stream"
REDIRECT: Final = "leads to another page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One state of a page. `given` has the names of the scene's rows in the address, by argument."""

    name: str
    route: str
    given: Mapping[str, str] | None = None
    query: str = ""
    who: str = "ana"
    step: Step | None = None
    is_whole: bool = True
    """Whether the image shows the entire page instead of one window."""
    is_refused: bool = False
    """Whether the page refuses the request."""


def _of(row: str, route: str, name: str = "", **values: str) -> Screen:
    """Return a screen of a page about one row."""
    return Screen(name=name or f"{route}-{row}", route=route, given={"pk": row}, **values)  # type: ignore[arg-type]


def _click(name: str) -> Step:
    return lambda page: page.get_by_role("button", name=name).first.click()


def _open_keys(page: Page) -> None:
    page.keyboard.press("?")


def _choose_events(page: Page) -> None:
    page.locator("#switch-problems").click()


def _open_jump(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#jump-text").fill("shop")
    page.locator("#jump-options:not([aria-busy]) [role=option]").first.wait_for()


COMMAND_LINE: Final = (
    "?response_type=code&code_challenge_method=S256&redirect_uri=http://127.0.0.1:50123/&host=laptop"
    f"&code_challenge={'a' * 43}&state={'b' * 43}"
)
"""The query of a request of `sanso login`."""
FRESH: Final = tuple(
    Screen(name=f"empty-{route}", route=route)
    for route in (
        *("environments", "deployments", "approvals", "approval_rules", "recordings"),
        *("template_sets", "tokens"),
        *("notifications", "audit_records", "audit_own", "access_people", "access_teams", "sandbox"),
    )
)
"""Screens of an unused portal."""

SCREENS: Final = (
    # First, since later runs replace this one.
    Screen(name="association-output", route="environment_output", given={"pk": "shop", "run": "run"}),
    Screen(name="login", route="login", who=""),
    Screen(name="password", route="password_change"),
    Screen(name="security", route="account_security"),
    Screen(name="security-confirm", route="account_reauthenticate"),
    Screen(name="security-app", route="account_app"),
    Screen(name="security-passkey", route="account_passkey_add"),
    Screen(name="environments", route="environments"),
    Screen(name="environments-deleted", route="environments", query="?deleted=on"),
    Screen(name="environments-no-match", route="environments", query="?q=nothing-like-this"),
    Screen(name="environments-without-a-role", route="environments", who="newcomer"),
    Screen(name="keyboard-shortcuts", route="environments", step=_open_keys, is_whole=False),
    Screen(name="jump-dialog", route="environments", step=_open_jump, is_whole=False),
    Screen(name="jump", route="jump", query="?q=shop"),
    Screen(name="new-environment", route="environment_new"),
    _of("shop", "environment"),
    _of("shop", "environment_servers"),
    _of("shop", "environment_database"),
    _of("shop", "environment_history"),
    _of("shop", "environment_configuration"),
    _of("notes", "environment", "environment-update-available"),
    _of("reports", "environment", "environment-locked"),
    _of("orders", "environment", "environment-creation-failed"),
    _of("ledger", "environment", "environment-change-failed"),
    _of("invoices", "environment", "environment-kept-after-failure"),
    _of("stuck", "environment", "environment-rollback-failed"),
    _of("leftover", "environment", "environment-deletion-failed"),
    _of("archive", "environment", "environment-deleted"),
    _of("payroll", "environment", "environment-approval-required"),
    Screen(name="environment-of-a-viewer", route="environment", given={"pk": "shop"}, who="dev"),
    _of("shop", "environment_change"),
    _of("shop", "environment_restore"),
    _of("shop", "environment_switch_database"),
    _of("shop", "environment_delete_database"),
    _of("shop", "environment_keep_database"),
    _of("shop", "environment_labels"),
    _of("shop", "environment_access"),
    _of("shop", "environment_lock"),
    _of("shop", "environment_delete"),
    _of("reports", "environment_break_lock"),
    _of("notes", "environment_update"),
    _of("invoices", "environment_roll_back"),
    _of("leftover", "environment_delete_again"),
    _of("stuck", "environment_continue"),
    _of("archive", "environment_remaining"),
    _of("notes", "comparison"),
    Screen(name="deployments", route="deployments"),
    Screen(name="deployments-no-match", route="deployments", query="?q=nothing-like-this"),
    Screen(name="recordings", route="recordings"),
    Screen(name="approvals", route="approvals", who="ben"),
    Screen(name="approval-rules", route="approval_rules"),
    _of("shop_deployment", "deployment", "deployment-succeeded"),
    _of("shop_deployment", "deployment", "deployment-succeeded-events", query="?tab=events"),
    _of("recording-failure", "deployment", "deployment-failed"),
    _of("recording-failure", "deployment", "deployment-failed-row", query="?row=Aurora%2FTrialDbCluster"),
    Screen(
        name="deployment-failed-events",
        route="deployment",
        given={"pk": "recording-failure"},
        query="?tab=events",
        step=_choose_events,
    ),
    _of("failed", "deployment", "deployment-rolled-back"),
    _of("failed", "deployment_clean_up"),
    _of("failed_change", "deployment", "deployment-change-failed"),
    _of("kept", "deployment", "deployment-kept"),
    _of("rollback_failed", "deployment", "deployment-rollback-failed"),
    _of("delete_failed", "deployment", "deployment-deletion-failed"),
    _of("deleted", "deployment", "deployment-deleted"),
    _of("changed", "deployment", "deployment-changed"),
    _of("preview", "change_preview_page", "preview"),
    _of("version_preview", "change_preview_page", "preview-of-a-version"),
    _of("shop_preview", "change_preview_page", "preview-of-servers"),
    _of("scheduled", "change_preview_page", "preview-scheduled"),
    _of("creation", "scheduled_creation", "creation-scheduled"),
    _of("approval", "change_preview_page", "preview-approval"),
    Screen(name="preview-to-approve", route="change_preview_page", given={"pk": "approval"}, who="ben"),
    Screen(name="deletion-to-approve", route="deletion_request", given={"pk": "deletion"}, who="ben"),
    Screen(name="template-sets", route="template_sets"),
    _of("source", "template_set"),
    _of("refused", "template_set"),
    Screen(name="template-set-new", route="template_set_new"),
    _of("source", "template_set_edit"),
    _of("version", "template_version"),
    Screen(name="tokens", route="tokens"),
    Screen(name="tokens-error", route="tokens", step=_click("Create token")),
    Screen(name="command-line-login", route="command_line_login", query=COMMAND_LINE),
    Screen(name="command-line-login-incomplete", route="command_line_login", is_refused=True),
    Screen(name="notifications", route="notifications"),
    Screen(name="notification-new", route="notification_new"),
    Screen(name="notification-error", route="notification_new", step=_click("Add target")),
    _of("target", "notification"),
    _of("target", "notification_edit"),
    Screen(name="accounts", route="aws_accounts"),
    Screen(name="freezes", route="freezes"),
    Screen(name="freeze-new", route="freeze_new"),
    Screen(name="freeze-new-error", route="freeze_new", step=_click("Save")),
    _of("window", "freeze_edit"),
    _of("window", "freeze_delete"),
    Screen(name="account-new", route="aws_account_new"),
    Screen(name="account-new-error", route="aws_account_new", step=_click("Add account")),
    Screen(name="account-import", route="aws_account_import"),
    Screen(name="account-import-error", route="aws_account_import", step=_click("Import accounts")),
    _of("account", "aws_account"),
    _of("account", "aws_account_edit"),
    _of("account", "first_contact"),
    _of("account", "aws_account_remove"),
    Screen(name="access", route="access_people"),
    _of("person", "access_person"),
    Screen(name="access-teams", route="access_teams"),
    Screen(name="access-accounts", route="access_accounts"),
    _of("team", "access_team"),
    Screen(name="access-team-new", route="access_team_new"),
    Screen(name="access-service-account-new", route="access_service_account_new"),
    Screen(name="access-give", route="access_give"),
    Screen(name="access-invite", route="access_invite"),
    _of("account", "access_account"),
    Screen(name="audit", route="audit_records"),
    Screen(name="audit-no-match", route="audit_records", query="?action=break_lock"),
    Screen(name="audit-mine", route="audit_own"),
    _of("record", "audit_record"),
    Screen(name="api-reference", route="api_reference"),
    Screen(name="sandbox", route="sandbox"),
    Screen(name="admin", route="admin:index"),
    *(
        Screen(name=f"admin-{model}", route=f"admin:deployments_{model}_changelist")
        for model in ("environment", "deployment", "event")
    ),
    Screen(name="admin-users", route="admin:auth_user_changelist"),
    Screen(name="admin-user", route="admin:auth_user_change", given={"object_id": "person"}),
    Screen(name="admin-account", route="admin:deployments_account_change", given={"object_id": "frozen"}),
    Screen(name="403", route="audit_records", who="newcomer"),
    Screen(name="404", route="environment", given={"pk": "0"}),
)
"""Screens of the scene after everything in it has ended."""

LIVE: Final = (
    _of("intranet", "deployment", "deployment-in-progress"),
    _of("intranet", "deployment", "deployment-in-progress-events", query="?tab=events"),
    _of("intranet_environment", "environment", "environment-in-progress"),
    _of("intranet", "deployment_cancel"),
)
"""Screens of an environment that is being created."""

IN_README: Final = {"deployment-in-progress": "live.png", "deployment-failed": "failure.png"}
"""The images of README, in docs/images."""

ERROR_PAGES: Final = ("400", "403_csrf", "413", "500", "503")
"""Templates of errors that a working portal does not return."""

WITHOUT_SCREEN: Final[Mapping[str, str]] = {
    "home": REDIRECT,
    "settings": REDIRECT,
    "/environments/new/": REDIRECT,
    "environment_cancel": REDIRECT,
    "oidc_login": REDIRECT,
    "oidc_callback": REDIRECT,
    "oidc_login_at": REDIRECT,
    "oidc_callback_at": REDIRECT,
    "saml_login": REDIRECT,
    "saml_finish": REDIRECT,
    "passkey_login": REDIRECT,
    "/admin/login/": REDIRECT,
    "/admin/password_change/": REDIRECT,
    "/favicon.ico": REDIRECT,
    "environment_expected": FRAGMENT,
    "environment_incidents": FRAGMENT,
    "environment_health_history": FRAGMENT,
    "approval_count": FRAGMENT,
    "deployment_stack_rows": FRAGMENT,
    "change_preview_rows": FRAGMENT,
    "access_subjects": FRAGMENT,
    "change_preview_state": FRAGMENT,
    "event_lines": FRAGMENT,
    "first_failed_event": FRAGMENT,
    "deployment_rows": FRAGMENT,
    "deployment_row": FRAGMENT,
    "replay_update": FRAGMENT,
    "sandbox_log": FRAGMENT,
    "deployment_stream": NOT_A_PAGE,
    "deployment_updates": NOT_A_PAGE,
    "event_export": NOT_A_PAGE,
    "audit_export": NOT_A_PAGE,
    "passkey_options": NOT_A_PAGE,
    "account_passkey_options": NOT_A_PAGE,
    "healthz": NOT_A_PAGE,
    "readyz": NOT_A_PAGE,
    "metrics": NOT_A_PAGE,
    "saml_metadata": NOT_A_PAGE,
    "account_login": "the same page as login",
    "invitation": "needs the link of an invitation, which is shown once",
    "account_reauthenticate_passkey": "needs a passkey",
    "mfa_authenticate": "needs an authenticator app; tests/portal has its pages",
    "account_app_remove": "needs an authenticator app",
    "account_recovery_codes": "needs an authenticator app",
    "account_passkey": "needs a passkey, which tests/flows/test_passkeys.py creates",
    "account_passkey_remove": "needs a passkey",
    "account_session_end": "accepts forms only",
    "account_sessions_end": "accepts forms only",
}
