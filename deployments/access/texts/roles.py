"""The English texts of messages about labels, roles, teams and people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from deployments.access.rules.roles import Right
from deployments.common.message_codes import Code

ACCESS: Final[Mapping[Code, str]] = {
    Code.ROLE_NOT_YOURS: N_(
        "You can assign or remove only roles whose rights you have yourself. Ask an admin."
    ),
    Code.ROLE_GIVEN_ALREADY: N_(
        "This role is already assigned with the same scope. Remove it first to change it."
    ),
    Code.ROLE_WITHOUT_RIGHTS: N_("Select at least one right."),
    Code.LAST_WAY_IN: N_(
        "Somebody must be able to manage access. Assign the role Admin for everything to another person "
        "first."
    ),
    Code.TEAM_NAME_TAKEN: N_("A team named %(name)s already exists."),
    Code.USERNAME_TAKEN: N_("A user named %(name)s already exists."),
    Code.USERNAME_INVALID: N_("A user name has 1 to 60 letters, digits and . _ @ + -"),
    Code.INVITATION_MISSING: N_("%(name)s has no open invitation: it was accepted or withdrawn."),
    Code.SUPERUSER_ONLY: N_("Only a superuser can deactivate a superuser."),
    Code.LABEL_INVALID: N_("“%(label)s” is not a label. Enter one key=value on each line."),
    Code.LABEL_KEY_INVALID: N_(
        "The key “%(key)s” is not valid. A key has up to 40 lower-case letters, digits and . _ / -"
    ),
    Code.LABEL_VALUE_INVALID: N_(
        "The value of %(key)s must have between 1 and %(count)s printable characters."
    ),
    Code.LABEL_TWICE: N_("The key %(key)s appears twice."),
    Code.LABELS_TOO_MANY: N_("An environment can have at most %(count)s labels."),
    Code.LABEL_MISSING: N_(
        "You may create environments only with one of these labels here: %(labels)s. Add one."
    ),
    Code.LABEL_DECIDES_APPROVAL: N_(
        "A rule requires approvals for the label %(label)s. Adding or removing it needs the right to decide "
        "whether approval is required."
    ),
    Code.LABEL_DECIDES_ACCESS: N_(
        "Roles are given for the label %(label)s, so adding or removing it changes who may act. Ask somebody "
        "who manages access to the environment and has every right of these roles."
    ),
    Code.LABEL_DECIDES_NOTIFICATIONS: N_(
        "Shared notifications are sent for the label %(label)s. Removing it needs the right to manage them."
    ),
}

RIGHTS: Final[Mapping[str, Promise]] = {
    Right.VIEW: _("View"),
    Right.OPERATE: _("Run associations and site checks, take snapshots"),
    Right.LOCK: _("Lock"),
    Right.CREATE: _("Create environments"),
    Right.CHANGE: _("Change"),
    Right.RELEASE: _("Release"),
    Right.DELETE: _("Delete"),
    Right.DELETE_REMAINING: _("Delete remaining resources"),
    Right.APPROVE: _("Approve changes"),
    Right.REQUIRE_APPROVAL: _("Decide whether approval is required"),
    Right.BYPASS_APPROVAL: _("Apply without approval in an emergency"),
    Right.BREAK_LOCK: _("Break other users' locks"),
    Right.FORCE_DELETE: _("Force deletion"),
    Right.MANAGE_SETS: _("Manage template sets"),
    Right.MANAGE_NOTIFICATIONS: _("Manage shared notifications"),
    Right.MANAGE_ACCOUNTS: _("Manage accounts and freeze windows"),
    Right.MANAGE_ACCESS: _("Manage access"),
    Right.VIEW_AUDIT: _("View the audit log"),
}
"""The names of rights on pages."""
