"""The English texts of stored messages, for assertions."""

from __future__ import annotations

from deployments.common.errors import Message
from deployments.common.texts import message_text, stored_text
from deployments.environments.models.deployments import Deployment


def reason(deployment: Deployment) -> str:
    """Return the reason why a deployment failed, "" if it succeeded."""
    return stored_text(deployment.error_sentence, deployment.error_message)


def attention(deployment: Deployment) -> str:
    """Return the reason why a deployment needs attention, "" if it does not."""
    return stored_text(deployment.attention_sentence, deployment.attention)


def text_of(message: Message | None) -> str:
    """Return a message in English, "" for none."""
    return message_text(message) if message else ""
