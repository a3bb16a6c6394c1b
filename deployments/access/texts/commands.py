"""The labels of what is requested, as audit records name it, and of the permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.access.texts.roles import RIGHTS

ACTIONS: Final[Mapping[str, Promise]] = {
    "deploy": _("Create environment"),
    "change": _("Preview change"),
    "preview": _("Preview change again"),
    "apply": _("Apply change"),
    "discard": _("Discard change"),
    "request_approval": _("Request approval"),
    "approve": _("Approve change"),
    "approve_deletion": _("Approve deletion"),
    "deny": _("Deny change"),
    "bypass_approval": _("Bypass approval"),
    "save_approval_rule": _("Save approval rule"),
    "delete_approval_rule": _("Delete approval rule"),
    "bypass_deletion": _("Bypass approval of deletion"),
    "require_approval": _("Require approval"),
    "stop_requiring_approval": _("Stop requiring approval"),
    "delete": _("Delete environment"),
    "force_delete": _("Force deletion"),
    "continue_rollback": _("Continue rollback"),
    "take_over": _("Take over stack"),
    "roll_back": _("Roll back"),
    "cancel": _("Cancel"),
    "set_channel": _("Set channel"),
    "resume_updates": _("Resume updates"),
    "clean_up": _("Delete what a failed creation left"),
    "dismiss_failure": _("Dismiss failure"),
    "close": _("Remove environment from Sanso"),
    "run_association": _("Run association"),
    "site_check": _("Run site check"),
    "protect": _("Switch on deletion protection"),
    "take_snapshot": _("Take snapshot"),
    "restore_drill": _("Run restore drill"),
    "schedule_drills": _("Set monthly restore drills"),
    "search_remaining": _("Search for remaining resources"),
    "delete_remaining": _("Delete remaining resources"),
    "import_recording": _("Open recording"),
    "sign_in": _("Log in"),
    "sign_in_failed": _("Failed login"),
    "sign_out": _("Log out"),
    "end_session": _("End session"),
    "provider_logout": _("Log out at the identity provider"),
    "delete_usersession": _("End session of a user"),
    "delete_authenticator": _("Remove second factor of a user"),
    "edit_socialaccount": _("Assign identity provider account"),
    "delete_socialaccount": _("Remove identity provider account"),
    "change_password": _("Change password"),
    "add_user": _("Add user"),
    "edit_user": _("Change user"),
    "delete_user": _("Delete user"),
    "add_group": _("Add group"),
    "edit_group": _("Change group"),
    "delete_group": _("Delete group"),
    "add_authenticator": _("Add second factor"),
    "remove_authenticator": _("Remove second factor"),
    "reset_authenticator": _("Renew recovery codes"),
    "export_audit": _("Export audit records"),
    "export_support_bundle": _("Download support bundle"),
    "begin_scheduled": _("Begin scheduled deployment"),
    "start_scheduled": _("Start scheduled creation now"),
    "reschedule": _("Change scheduled time"),
    "sandbox": _("Act on the sandbox"),
    "give_role": _("Give role"),
    "remove_role": _("Remove role"),
    "add_team": _("Add team"),
    "edit_team": _("Change team"),
    "delete_team": _("Delete team"),
    "add_member": _("Add to team"),
    "remove_member": _("Remove from team"),
    "add_service_account": _("Add service account"),
    "invite_person": _("Invite person"),
    "renew_invitation": _("Renew invitation"),
    "withdraw_invitation": _("Withdraw invitation"),
    "accept_invitation": _("Accept invitation"),
    "deactivate_user": _("Deactivate user"),
    "activate_user": _("Activate user"),
    "label": _("Change labels"),
    "lock": _("Lock environment"),
    "unlock": _("Unlock environment"),
    "break_lock": _("Break lock"),
    "add_freeze": _("Add freeze window"),
    "edit_freeze": _("Change freeze window"),
    "delete_freeze": _("Delete freeze window"),
    "set_version_status": _("Change version status"),  # refused before its status was read
    "activate_version": _("Make version active"),
    "deprecate_version": _("Deprecate version"),
    "withdraw_version": _("Withdraw version"),
    "add_template_set": _("Add template set"),
    "edit_template_set": _("Change template set"),
    "remove_template_set": _("Remove template set"),
    "fetch_template_set": _("Fetch template set"),
    "set_webhook": _("Create webhook secret"),
    "remove_webhook": _("Switch off webhook"),
    "confirm_tag": _("Confirm moved tag"),
    "add_notification": _("Add notifications"),
    "edit_notification": _("Change notifications"),
    "remove_notification": _("Remove notifications"),
    "test_notification": _("Send test notification"),
    "rotate_notification_secret": _("Rotate signing secret"),
    "retry_notification": _("Send notification again"),
    "enable_notification": _("Switch on notifications"),
    "disable_notification": _("Switch off notifications"),
    "use_admin": _("Use the admin"),
    "add_account": _("Add account"),
    "edit_account": _("Change account"),
    "delete_account": _("Delete account"),
    "test_connection": _("Test connection"),
    "remove_audit_records": _("Remove old audit records"),
    "create_token": _("Create API token"),
    "revoke_token": _("Revoke API token"),
    "suspend_tokens": _("Suspend API tokens"),
}
"""By the `action` of an audit record. One of a newer version of Sanso is displayed as it is stored."""


def permission_name(permission: str) -> str:
    """Return the name of a right, in the reader's language; another permission as it is stored."""
    return str(RIGHTS.get(permission, permission))


def permission_needed(right: str) -> str:
    """Return the sentence for a person without a right."""
    return str(_("You need the permission “%(right)s”.")) % {"right": permission_name(right)}
