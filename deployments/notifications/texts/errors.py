"""The texts of what is refused or fails when notifications are set up and sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

NOTIFICATIONS: Final[Mapping[Code, str]] = {
    Code.NOTIFY_NAME_MISSING: N_("Enter a name."),
    Code.NOTIFY_TOPICS_MISSING: N_("Choose at least one topic."),
    Code.NOTIFY_URL_INVALID: N_("Enter an address such as https://hooks.example.com/sanso."),
    Code.NOTIFY_TOO_MANY: N_("You have %(limit)s targets already. Remove one first."),
    Code.NOTIFY_ADDRESS_NOT_ALLOWED: N_(
        "%(host)s has an address that is not public. SANSO_NOTIFY_ADDRESSES can allow it."
    ),
    Code.NOTIFY_HTTP_NOT_ALLOWED: N_(
        "%(host)s is only allowed over https. SANSO_NOTIFY_ADDRESSES lists the addresses that http may use."
    ),
    Code.NOTIFY_STATUS: N_("%(host)s answered with the status %(status)s."),
    Code.NOTIFY_GONE: N_("%(host)s answered with the status 410: it accepts no more notifications."),
    Code.NOTIFY_TIMED_OUT: N_("%(host)s did not answer within %(seconds)s s."),
    Code.NOTIFY_UNREADABLE: N_(
        "The address cannot be decrypted: SECRET_KEY was changed without a fallback. Enter it again."
    ),
    Code.NOTIFY_DISABLED: N_("The target was switched off before the message was sent."),
    Code.NOTIFY_TEST_PENDING: N_("A test message is being sent already."),
    Code.NOTIFY_MAIL_INVALID: N_("Enter an email address."),
    Code.NOTIFY_MAIL_MISSING: N_(
        "Your user has no email address. Ask an administrator to enter it, or to add a shared target."
    ),
    Code.NOTIFY_MAIL_OFF: N_("No mail server is configured: EMAIL_URL is not set."),
    Code.NOTIFY_MAIL_REJECTED: N_("The mail server did not accept the message: %(status)s %(text)s"),
    Code.NOTIFY_MAIL_ADDRESS_REJECTED: N_("The mail server rejected the address: %(status)s %(text)s"),
    Code.NOTIFY_MAIL_LOGIN_REJECTED: N_(
        "The mail server rejected the login of EMAIL_URL: %(status)s %(text)s"
    ),
    Code.NOTIFY_CONNECTOR: N_(
        "Microsoft has retired the addresses of Microsoft 365 connectors. Create a workflow in Teams that "
        "posts to a channel when a webhook request is received, and enter its address."
    ),
    Code.NOTIFY_SCHEME: N_("Enter an address that begins with one of: %(allowed)s."),
    Code.NOTIFY_SERVICE_INVALID: N_(
        "The address is not valid for %(service)s: see the documentation of apprise."
    ),
    Code.NOTIFY_SERVICE_REJECTED: N_("%(service)s did not accept the message (status: %(status)s)."),
    Code.NOTIFY_NOT_SIGNED: N_("Only webhooks have a signing secret."),
    Code.NOTIFY_NOT_ENDED: N_("Only a delivery that was given up can be sent again."),
}
