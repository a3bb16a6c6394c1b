"""Why a change ended before it began: in the event log, and in notifications."""

from __future__ import annotations

from django.utils.translation import gettext as _


def canceled_text(code: str, user: str) -> str:
    """Return why a change was not carried out, by its cancel code; "" for another code.

    `user` is who discarded or denied it.
    """
    texts = {
        "discarded": _("%(user)s discarded the change. Nothing was changed in AWS."),
        "denied": _("%(user)s denied it. Nothing was changed in AWS.")
        if user
        else _("Denied: nobody approved it in time. Nothing was changed in AWS."),
        "missed": _(
            "Expired: it missed its scheduled time by more than an hour. Nothing was changed in AWS."
        ),
        "permission_lost": _("Who applied it no longer has the permission. Nothing was changed in AWS."),
        "version_withdrawn": _("Its version was withdrawn. Nothing was changed in AWS."),
        "expired": _("The preview expired before it was applied. Nothing was changed in AWS."),
        "environment_deleted": _("The environment was deleted before the change was applied."),
    }
    return texts.get(code, "") % {"user": user}
