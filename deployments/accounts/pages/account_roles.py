"""What the page of an account says of the revision of its roles, and what to do about it."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.common.pages.datetime_formats import live_age
from deployments.environments.models.accounts import Account
from deployments.environments.rules.account_template import REVISION, STACK


def roles_text(account: Account) -> SafeString | str:
    """Return whether the roles are of the revision of account.yaml that this version needs."""
    if account.roles_read_at is None:
        return _("Not read yet. Sanso reads the stack %(stack)s every 2 minutes.") % {"stack": STACK}
    if account.roles_revision is None:
        return _(
            "Unknown: this region has no stack %(stack)s with roles. It is in the first region of the "
            "account, or has another name."
        ) % {"stack": STACK}
    values = {"revision": account.roles_revision, "needed": REVISION, "stack": STACK}
    if account.roles_are_old:
        text = _(
            "▲ Revision %(revision)d of account.yaml; this version of Sanso needs revision %(needed)d. "
            "Deploy infra_templates/account.yaml again as the stack %(stack)s (docs/production.md): until "
            "then, AWS may deny actions that this version uses."
        )
    else:
        text = _("Revision %(revision)d of account.yaml, as this version needs.")
    return format_html("{} ({})", text % values, live_age(account.roles_read_at))
