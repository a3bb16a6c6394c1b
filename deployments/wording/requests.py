"""The labels of what is requested, as audit records name it, and of the permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
    "close": _("Remove environment from Sanso"),
    "run_association": _("Run association"),
    "site_check": _("Run site check"),
    "protect": _("Switch on deletion protection"),
    "search_remaining": _("Search for remaining resources"),
    "delete_remaining": _("Delete remaining resources"),
    "import_recording": _("Open recording"),
    "sandbox": _("Act on the sandbox"),
    "give_role": _("Give role"),
    "remove_role": _("Remove role"),
    "add_team": _("Add team"),
    "edit_team": _("Change team"),
    "delete_team": _("Delete team"),
    "add_member": _("Add to team"),
    "remove_member": _("Remove from team"),
    "add_service_account": _("Add service account"),
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
    "add_account": _("Add account"),
    "edit_account": _("Change account"),
    "delete_account": _("Delete account"),
    "remove_audit_records": _("Remove old audit records"),
    "create_token": _("Create API token"),
    "revoke_token": _("Revoke API token"),
}
"""By the `action` of an audit record. One of a newer release is displayed as it is stored."""


def permission_name(permission: str) -> str:
    """Return the name that Django's admin shows for one of Sanso's permissions; in English, as there."""
    codename = permission.rpartition(".")[2]
    return PERMISSIONS.get(codename, permission)


PERMISSIONS: Final[Mapping[str, str]] = {
    "add_deployment": "Can add deployment",
    "change_environment": "Can change environment",
    "delete_environment": "Can delete environment",
    "operate_environment": "Can run associations, site checks and deletion protection",
    "approve_change": "Can approve changes that others requested",
    "require_approval": "Can decide whether changes of an environment require approval",
    "release_environment": "Can release to running servers",
    "lock_environment": "Can lock environments",
    "break_lock": "Can break locks of others",
    "force_delete": "Can delete a stack without resources that AWS cannot delete",
    "delete_remaining": "Can delete resources that remain after a deletion",
    "manage_template_sets": "Can manage template sets",
    "view_environment": "Can view environments",
    "bypass_approval": "Can apply a change in an emergency without its approval",
    "manage_accounts": "Can manage accounts and freeze windows",
    "manage_access": "Can manage teams, roles and service accounts",
    "view_auditrecord": "Can view the audit log",
    "manage_notifications": "Can set up shared notifications",
}
