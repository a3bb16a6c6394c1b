"""A webhook of a Git server: it requests a fetch, authenticated by a signature instead of a login."""

from __future__ import annotations

from enum import Enum

from cryptography.fernet import InvalidToken
from django.utils import timezone

from deployments.common.models.encryption import decrypt
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.rules.incoming_webhooks import is_authentic
from deployments.template_sets.steps import fetch_requests


class Answer(Enum):
    """What a webhook gets: the status of the response."""

    ACCEPTED = 202
    NOT_AUTHENTIC = 401
    MISSING = 404


def accept_push(source_pk: int, body: bytes, *, signature: str = "", token: str = "") -> Answer:
    """Request a fetch of the set if the request is authentic; not more often than every few seconds.

    A set without a webhook gets the same response as one that does not exist.
    """
    source = TemplateSource.objects.live().filter(pk=source_pk).exclude(sealed_webhook_secret="").first()
    if source is None:
        return Answer.MISSING
    try:
        secret = decrypt(source.sealed_webhook_secret)
    except InvalidToken:  # SECRET_KEY was changed without a fallback
        return Answer.NOT_AUTHENTIC
    if not is_authentic(secret, body, signature=signature, token=token):
        return Answer.NOT_AUTHENTIC
    fetch_requests.request_after_push(source, timezone.now())
    return Answer.ACCEPTED
