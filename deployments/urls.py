"""Routes of environments and deployments."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from deployments.accounts.pages import import_view as account_import
from deployments.accounts.pages import views as accounts
from deployments.administration.pages.views import access, command_line_login, freezes, invitations, tokens
from deployments.api import reference
from deployments.api.urls import urlpatterns as api_patterns
from deployments.audit.pages.views import audit_export, audit_list, audit_own, audit_record
from deployments.changes.pages.views import approvals, preview, scheduled, update_environment
from deployments.changes.pages.views.change_environment import environment_change
from deployments.changes.pages.views.databases import (
    environment_delete_database,
    environment_keep_database,
    environment_restore,
    environment_switch_database,
)
from deployments.changes.pages.views.new_environment import (
    environment_check,
    environment_expected,
    environment_new,
)
from deployments.deployment_pages.pages import deployment, event_export, events_tab, recordings, stream
from deployments.deployment_pages.pages.comparison import comparison_page
from deployments.deployment_pages.pages.deployment_list import deployment_list
from deployments.deployment_pages.pages.recordings import recording_list, recording_open
from deployments.deployment_pages.pages.waterfall import inspector
from deployments.environment_pages.pages.views import environment
from deployments.environment_pages.pages.views.environments import environment_list
from deployments.environment_pages.pages.views.labels import environment_labels
from deployments.first_contact.pages import views as first_contact
from deployments.locks.pages import environment_break_lock, environment_lock, environment_unlock
from deployments.notifications.pages import views as notification_views
from deployments.recovery.pages.views.deletion import (
    deployment_clean_up,
    environment_delete,
    environment_remaining,
    environment_remaining_search,
)
from deployments.recovery.pages.views.recovery import (
    deployment_cancel,
    deployment_dismiss,
    environment_adopt_drift,
    environment_cancel,
    environment_continue,
    environment_delete_again,
    environment_roll_back,
)
from deployments.restore_drills.pages import views as drills
from deployments.template_sets.pages import sources
from deployments.template_sets.pages.sets import (
    template_ref_confirm,
    template_set,
    template_set_list,
    template_version,
)

urlpatterns = [
    path("api/v1/docs", reference.api_reference, name="api_reference"),
    path("api/v1/", include(api_patterns[:2], api_patterns[2])),
    path("audit/", audit_list, name="audit_records"),
    path("audit/mine", audit_own, name="audit_own"),
    path("audit/export.<slug:kind>", audit_export, name="audit_export"),
    path("audit/<int:pk>/", audit_record, name="audit_record"),
    path("environments/", environment_list, name="environments"),
    path("environments/new", environment_new, name="environment_new"),
    path("environments/new/", RedirectView.as_view(pattern_name="environment_new", query_string=True)),
    path("environments/new/check", environment_check, name="environment_check"),
    path("environments/new/expected", environment_expected, name="environment_expected"),
    path("environments/<int:pk>/", environment.environment_page, name="environment"),
    *(
        path(f"environments/<int:pk>/{tab}", environment.environment_page, {"tab": tab}, f"environment_{tab}")
        for tab in environment.TABS_BESIDE_OVERVIEW
    ),
    path("environments/<int:pk>/change", environment_change, name="environment_change"),
    path("environments/<int:pk>/restore", environment_restore, name="environment_restore"),
    path(
        "environments/<int:pk>/switch-database",
        environment_switch_database,
        name="environment_switch_database",
    ),
    path(
        "environments/<int:pk>/delete-database",
        environment_delete_database,
        name="environment_delete_database",
    ),
    path("environments/<int:pk>/keep-database", environment_keep_database, name="environment_keep_database"),
    path("environments/<int:pk>/update", update_environment.environment_update, name="environment_update"),
    path(
        "environments/<int:pk>/update/<int:version>/preview",
        update_environment.environment_update_preview,
        name="environment_update_preview",
    ),
    path("environments/<int:pk>/channel", update_environment.environment_channel, name="environment_channel"),
    path(
        "environments/<int:pk>/resume-updates",
        update_environment.environment_resume_updates,
        name="environment_resume_updates",
    ),
    path("environments/<int:pk>/roll-back", environment_roll_back, name="environment_roll_back"),
    path("environments/<int:pk>/cancel", environment_cancel, name="environment_cancel"),
    path("environments/<int:pk>/delete", environment_delete, name="environment_delete"),
    path("environments/<int:pk>/delete-again", environment_delete_again, name="environment_delete_again"),
    path("environments/<int:pk>/continue-rollback", environment_continue, name="environment_continue"),
    path("environments/<int:pk>/take-over", environment_adopt_drift, name="environment_take_over"),
    path("environments/<int:pk>/lock", environment_lock, name="environment_lock"),
    path("environments/<int:pk>/labels", environment_labels, name="environment_labels"),
    path("environments/<int:pk>/access", access.environment_access, name="environment_access"),
    path("environments/<int:pk>/unlock", environment_unlock, name="environment_unlock"),
    path("environments/<int:pk>/break-lock", environment_break_lock, name="environment_break_lock"),
    path("environments/<int:pk>/remaining", environment_remaining, name="environment_remaining"),
    path(
        "environments/<int:pk>/remaining/search",
        environment_remaining_search,
        name="environment_remaining_search",
    ),
    path("environments/<int:pk>/protect", environment.environment_protect, name="environment_protect"),
    path(
        "environments/<int:pk>/require-approval",
        approvals.environment_require_approval,
        name="environment_require_approval",
    ),
    path("environments/<int:pk>/forget", environment.environment_close, name="environment_close"),
    path("environments/<int:pk>/compare", comparison_page, name="comparison"),
    path("environments/<int:pk>/incidents", environment.environment_incidents, name="environment_incidents"),
    path(
        "environments/<int:pk>/past",
        environment.environment_health_history,
        name="environment_health_history",
    ),
    path("environments/<int:pk>/run", environment.environment_run, name="environment_run"),
    path(
        "environments/<int:pk>/save-time", environment.environment_site_check, name="environment_site_check"
    ),
    path("environments/<int:pk>/snapshot", environment.environment_snapshot, name="environment_snapshot"),
    path("environments/<int:pk>/drill", drills.environment_drill, name="environment_drill"),
    path(
        "environments/<int:pk>/drill-schedule",
        drills.environment_drill_schedule,
        name="environment_drill_schedule",
    ),
    path(
        "environments/<int:pk>/runs/<int:run>/output",
        environment.environment_output,
        name="environment_output",
    ),
    path("tokens/", tokens.token_list, name="tokens"),
    path("tokens/<int:pk>/revoke", tokens.token_revoke, name="token_revoke"),
    path("tokens/command-line", command_line_login.command_line_login, name="command_line_login"),
    path(
        "tokens/command-line/exchange", command_line_login.command_line_exchange, name="command_line_exchange"
    ),
    path("template-sets/", template_set_list, name="template_sets"),
    path("template-sets/new", sources.template_set_new, name="template_set_new"),
    path("template-sets/<int:pk>/", template_set, name="template_set"),
    path("template-sets/<int:pk>/edit", sources.template_set_edit, name="template_set_edit"),
    path("template-sets/<int:pk>/remove", sources.template_set_remove, name="template_set_remove"),
    path("template-sets/<int:pk>/fetch", sources.template_set_fetch, name="template_set_fetch"),
    path("template-sets/<int:pk>/webhook", sources.template_set_webhook, name="template_set_webhook"),
    path("template-sets/<int:pk>/push", sources.template_set_push, name="template_set_push"),
    path("template-sets/versions/<int:pk>/", template_version, name="template_version"),
    path("template-sets/tags/<int:pk>/confirm", template_ref_confirm, name="template_ref_confirm"),
    path("notifications/", notification_views.notification_list, name="notifications"),
    path("notifications/new", notification_views.notification_new, name="notification_new"),
    path("notifications/<int:pk>/", notification_views.notification, name="notification"),
    path("notifications/<int:pk>/edit", notification_views.notification_edit, name="notification_edit"),
    path("notifications/<int:pk>/test", notification_views.notification_test, name="notification_test"),
    path("notifications/<int:pk>/rotate", notification_views.notification_rotate, name="notification_rotate"),
    path("notifications/<int:pk>/switch", notification_views.notification_switch, name="notification_switch"),
    path("notifications/<int:pk>/remove", notification_views.notification_remove, name="notification_remove"),
    path(
        "notifications/<int:pk>/deliveries/<int:delivery>/retry",
        notification_views.notification_retry,
        name="notification_retry",
    ),
    path("deployments/", deployment_list, name="deployments"),
    path("deployments/approvals/", approvals.approval_list, name="approvals"),
    path("deployments/approvals/count", approvals.approval_count, name="approval_count"),
    path("deployments/recordings/", recording_list, name="recordings"),
    path("deployments/recordings/<slug:name>", recording_open, name="recording_open"),
    path("deployments/<int:pk>/", deployment.deployment_page, name="deployment"),
    path("deployments/<int:pk>/stack-rows", deployment.stack_rows, name="deployment_stack_rows"),
    path("deployments/<int:pk>/clean-up", deployment_clean_up, name="deployment_clean_up"),
    path("deployments/<int:pk>/dismiss", deployment_dismiss, name="deployment_dismiss"),
    path("deployments/<int:pk>/preview", preview.preview_page, name="change_preview_page"),
    path("freeze-windows/", freezes.freezes, name="freezes"),
    path("freeze-windows/new", freezes.freeze_new, name="freeze_new"),
    path("freeze-windows/<int:pk>/edit", freezes.freeze_edit, name="freeze_edit"),
    path("freeze-windows/<int:pk>/delete", freezes.freeze_delete, name="freeze_delete"),
    path("approval-rules/", approvals.approval_rules, name="approval_rules"),
    path("approval-rules/<int:pk>/remove", approvals.approval_rule_remove, name="approval_rule_remove"),
    path("deployments/<int:pk>/scheduled", scheduled.scheduled_creation, name="scheduled_creation"),
    path("deployments/<int:pk>/scheduled/time", scheduled.scheduled_time_change, name="scheduled_time"),
    path("deployments/<int:pk>/deletion", approvals.deletion_request, name="deletion_request"),
    path("deployments/<int:pk>/preview/rows", preview.preview_rows, name="change_preview_rows"),
    path("deployments/<int:pk>/preview/state", preview.preview_state, name="change_preview_state"),
    path("deployments/<int:pk>/cancel", deployment_cancel, name="deployment_cancel"),
    path("deployments/<int:pk>/apply", preview.change_apply, name="change_apply"),
    path("deployments/<int:pk>/approve", approvals.change_approve, name="change_approve"),
    path("deployments/<int:pk>/bypass", approvals.change_bypass, name="change_bypass"),
    path("deployments/<int:pk>/deny", approvals.change_deny, name="change_deny"),
    path("deployments/<int:pk>/discard", preview.change_discard, name="change_discard"),
    path("deployments/<int:pk>/preview-again", preview.change_preview, name="change_preview"),
    path("deployments/<int:pk>/roll-back", preview.deployment_roll_back, name="deployment_roll_back"),
    path("deployments/<int:pk>/stream", stream.deployment_stream, name="deployment_stream"),
    path("deployments/<int:pk>/events", events_tab.event_lines, name="event_lines"),
    path(
        "deployments/<int:pk>/events/first-failure", events_tab.first_failed_event, name="first_failed_event"
    ),
    path("deployments/<int:pk>/events.<slug:kind>", event_export.event_export, name="event_export"),
    path("deployments/<int:pk>/rows/", inspector.deployment_row, name="deployment_rows"),
    path("deployments/<int:pk>/rows/<path:path>", inspector.deployment_row, name="deployment_row"),
    path("deployments/<int:pk>/replay", recordings.replay_update, name="replay_update"),
    path("deployments/<int:pk>/updates", stream.deployment_updates, name="deployment_updates"),
    path("accounts/", accounts.aws_accounts, name="aws_accounts"),
    path("accounts/new", accounts.aws_account_new, name="aws_account_new"),
    path("accounts/import", account_import.aws_account_import, name="aws_account_import"),
    path("accounts/<int:pk>/", accounts.aws_account, name="aws_account"),
    path("accounts/<int:pk>/edit", accounts.aws_account_edit, name="aws_account_edit"),
    path("accounts/<int:pk>/test", accounts.aws_account_test, name="aws_account_test"),
    path("accounts/<int:pk>/first-contact", first_contact.first_contact, name="first_contact"),
    path(
        "accounts/<int:pk>/first-contact/<int:run>/cancel",
        first_contact.first_contact_cancel,
        name="first_contact_cancel",
    ),
    path(
        "accounts/<int:pk>/first-contact/<int:run>/clean-up",
        first_contact.first_contact_clean_up,
        name="first_contact_clean_up",
    ),
    path("accounts/<int:pk>/remove", accounts.aws_account_remove, name="aws_account_remove"),
    path("access/", access.access_people, name="access_people"),
    path("access/people/<int:pk>/", access.access_person, name="access_person"),
    path("access/people/<int:pk>/active", access.access_person_active, name="access_person_active"),
    path("access/teams/", access.access_teams, name="access_teams"),
    path("access/teams/new", access.access_team_new, name="access_team_new"),
    path("access/teams/<int:pk>/", access.access_team, name="access_team"),
    path("access/teams/<int:pk>/save", access.access_team_save, name="access_team_save"),
    path("access/teams/<int:pk>/delete", access.access_team_delete, name="access_team_delete"),
    path("access/teams/<int:pk>/members", access.access_member_add, name="access_member_add"),
    path(
        "access/teams/<int:pk>/members/<int:person>/remove",
        access.access_member_remove,
        name="access_member_remove",
    ),
    path(
        "access/service-accounts/new",
        access.access_service_account_new,
        name="access_service_account_new",
    ),
    path("access/invite", invitations.access_invite, name="access_invite"),
    path("access/people/<int:pk>/invitation", invitations.invitation_renew, name="access_invitation_renew"),
    path(
        "access/people/<int:pk>/invitation/withdraw",
        invitations.invitation_withdraw,
        name="access_invitation_withdraw",
    ),
    path("access/give", access.access_give, name="access_give"),
    path("access/subjects", access.access_subjects, name="access_subjects"),
    path("access/grants/<int:pk>/remove", access.access_grant_remove, name="access_grant_remove"),
    path("access/accounts/", access.access_accounts, name="access_accounts"),
    path("access/accounts/<int:pk>/", access.account_access, name="access_account"),
]
