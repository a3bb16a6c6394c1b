"""Choose the channel that an environment follows, and resume updates after a rollback to an earlier
version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.access.commands.requesting import CHANGE, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_LENGTH = 255
MAX_PATTERNS = 10


def set_channel(*, user: User, environment: Environment, channel: str) -> str:
    """Set the patterns of branches and tags that an environment follows ("" for none), and return them.
    Nothing is deployed. Raise UserFixable if the environment is deleted or the patterns are invalid.
    """
    request = CommandRequest(user=user, action="set_channel", permission=CHANGE, environment=environment)
    request.details = {"channel": channel[:MAX_LENGTH], "before": environment.channel}
    with requesting(request):
        _refuse_if_deleted(environment)
        patterns = channel.split()
        cleaned = " ".join(patterns)
        if len(patterns) > MAX_PATTERNS or len(cleaned) > MAX_LENGTH or not cleaned.isprintable():
            raise UserFixable("ChannelInvalid", Code.CHANNEL_INVALID, "channel", limit=MAX_PATTERNS)
        request.changes({"channel": environment.channel}, {"channel": cleaned})
        Environment.objects.filter(pk=environment.pk).update(channel=cleaned)
        return cleaned


def resume_updates(*, user: User, environment: Environment) -> None:
    """Let the channel offer a version again after a rollback from it.

    Raise UserFixable if nothing is paused.
    """
    request = CommandRequest(user=user, action="resume_updates", permission=CHANGE, environment=environment)
    with requesting(request):
        _refuse_if_deleted(environment)
        request.before, request.after = {"updates": "paused"}, {"updates": "resumed"}
        if not Environment.objects.paused().filter(pk=environment.pk).update(went_back_from=None):
            raise UserFixable("NoUpdatePaused", Code.NO_UPDATE_PAUSED)


def _refuse_if_deleted(environment: Environment) -> None:
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
