"""Notifications by email, through the mail server of EMAIL_URL."""

from __future__ import annotations

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt_values
from deployments.notifications.models import Delivery
from deployments.notifications.rules.topics import Reception
from deployments.notifications.senders.outcome import Outcome
from deployments.notifications.steps import messages
from deployments.notifications.texts import notices

_SMTP_CODES = {
    smtplib.SMTPRecipientsRefused: Code.NOTIFY_MAIL_ADDRESS_REJECTED,
    smtplib.SMTPAuthenticationError: Code.NOTIFY_MAIL_LOGIN_REJECTED,
}


def send(row: Delivery) -> Outcome:
    """Try once to send it. The Message-ID is the same in each attempt, so mail programs show one message."""
    try:
        message_of(row).send()
    except smtplib.SMTPException as exc:
        status, text = _answer(exc)
        code = _SMTP_CODES.get(type(exc), Code.NOTIFY_MAIL_REJECTED)
        values = {"status": str(status or ""), "text": text[:500]}
        return Outcome(reception=Reception.AGAIN, status=status, problem=Message(code, values))
    except OSError as exc:
        values = {"host": settings.EMAIL_HOST, "why": exc.strerror or type(exc).__name__}
        return Outcome(reception=Reception.AGAIN, problem=Message(Code.SOURCE_UNREACHABLE, values))
    return Outcome(reception=Reception.SENT)


def message_of(row: Delivery) -> EmailMultiAlternatives:
    """Return the message: plain text with an equivalent simple HTML part."""
    target = row.target
    with messages.speaking_to(target):
        title = notices.title(row.topic, row.payload)
        context = {
            "title": title,
            "lines": notices.lines(row.topic, row.payload),
            "url": messages.page_url(row),
            "language": target.language,
            "why": _("You receive this because of the notification target “%(name)s”.")
            % {"name": target.name},
        }
        text = render_to_string("notifications/mail/notification.txt", context)
        html = render_to_string("notifications/mail/notification.html", context)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    found = EmailMultiAlternatives(
        subject=f"[Sanso] {' '.join(title.split())}",
        body=text,
        to=[decrypt_values(target.sealed_address)["email"]],
        headers={
            "Message-ID": f"<{messages.message_id(row)}@{domain}>",
            "Auto-Submitted": "auto-generated",  # https://www.rfc-editor.org/rfc/rfc3834
        },
    )
    found.attach_alternative(html, "text/html")
    return found


def _answer(exc: smtplib.SMTPException) -> tuple[int | None, str]:
    """Return the status and the text of a mail server's response."""
    answer: bytes | str
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        status, answer = next(iter(exc.recipients.values()))
    elif isinstance(exc, smtplib.SMTPResponseException):
        status, answer = exc.smtp_code, exc.smtp_error
    else:
        return None, str(exc)
    return status, answer.decode(errors="replace") if isinstance(answer, bytes) else answer
