"""The data that a page's address names: a snapshot, or a time in the zone beside its field."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.urls import reverse

from deployments.changes.commands.restoring import data_at
from deployments.changes.pages.schedule import local_time
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import RestoredData


def chosen_data(environment: Environment, sent: Mapping[str, str]) -> RestoredData:
    """Return the data of an environment in `snapshot`, or of its `cluster` at the time `at` in `zone`.

    Raise UserFixable if the time is missing, or not possible.
    """
    if sent.get("snapshot"):
        return RestoredData(snapshot=sent["snapshot"])
    moment = local_time(sent.get("at", ""), sent.get("zone", ""))
    if moment is None:
        raise UserFixable("RestoreTimeInvalid", Code.RESTORE_TIME_INVALID)
    return data_at(environment, moment, sent.get("cluster", ""))


def restored_again(deployment: Deployment | None) -> str:
    """Return the address of the page that restores the data of a change again; "" if it restores none."""
    base = deployment.base if deployment else None
    if deployment is None or base is None:
        return ""
    template_set = stored_sets.find(deployment.template_digest)
    if template_set is None or not template_set.second.is_added(base.parameters, deployment.parameters):
        return ""
    data = template_set.second.restore.read(deployment.parameters)
    query = {"cluster": data.cluster, "at": data.time.removesuffix("Z"), "zone": "UTC"}
    if data.snapshot:
        query = {"snapshot": data.snapshot}
    return f"{reverse('environment_restore', args=[deployment.environment_id])}?{urlencode(query)}"
