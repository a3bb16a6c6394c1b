"""Request the import of an included recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.access.commands.requesting import DEPLOY, CommandRequest, requesting
from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_recording(*, user: User, name: str) -> Deployment:
    """Import a recording unless it has been imported, and return its deployment.

    Raise UserFixable if there is none with this name.
    """
    with requesting(
        CommandRequest(user=user, action="import_recording", permission=DEPLOY, name=name)
    ) as request:
        request.repeats = name in recordings.loaded_included(Deployment.objects.all())
        request.deployment = recordings.open_included(name, user)
        return request.deployment
