"""The addresses of pages that change databases, and the data in them: a snapshot, or a time in a zone."""

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


def requested_again(deployment: Deployment | None) -> str:
    """Return the address of the page that requests a change of databases again; "" for another change."""
    base = deployment.base if deployment else None
    template_set = stored_sets.find(deployment.template_digest) if deployment else None
    if deployment is None or base is None or template_set is None:
        return ""
    second, before, after = template_set.second, base.parameters, deployment.parameters
    if slot := second.added(before, after):
        data = second.data_of(slot).read(after)
        query = {"cluster": data.cluster, "at": data.time.removesuffix("Z"), "zone": "UTC"}
        return _address("restore", deployment, {"snapshot": data.snapshot} if data.snapshot else query)
    if slot := second.switched_to(before, after):
        return _address("switch_database", deployment, {"to": slot})
    if slot := second.kept(before, after):
        return _address("keep_database", deployment, {"database": slot})
    if slot := second.deleted(before, after):
        return _address("delete_database", deployment, {"database": slot})
    return ""


def _address(page: str, deployment: Deployment, query: Mapping[str, str]) -> str:
    return f"{reverse(f'environment_{page}', args=[deployment.environment_id])}?{urlencode(query)}"
