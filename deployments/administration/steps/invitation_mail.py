"""The email with the link of an invitation, in the language of the inviting user."""

from __future__ import annotations

import logging
import smtplib

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from deployments.administration.models.invitations import Invitation

log = logging.getLogger(__name__)


def send(invitation: Invitation, link: str) -> bool:
    """Try once to send the email. Return whether the mail server accepted it. The link is not logged."""
    try:
        message_of(invitation, link).send()
    except (smtplib.SMTPException, OSError) as exc:
        log.warning("the invitation of user %d was not sent: %s", invitation.user_id, type(exc).__name__)
        return False
    return True


def message_of(invitation: Invitation, link: str) -> EmailMultiAlternatives:
    """Return the message: plain text with an equivalent simple HTML part."""
    title = _("You are invited to Sanso")
    context = {
        "title": title,
        "name": invitation.user.get_username(),
        "until": invitation.expires_at,
        "url": link,
        "language": translation.get_language(),
    }
    found = EmailMultiAlternatives(
        subject=f"[Sanso] {title}",
        body=render_to_string("administration/mail/invitation.txt", context),
        to=[invitation.user.email],
        headers={"Auto-Submitted": "auto-generated"},  # https://www.rfc-editor.org/rfc/rfc3834
    )
    found.attach_alternative(render_to_string("administration/mail/invitation.html", context), "text/html")
    return found
