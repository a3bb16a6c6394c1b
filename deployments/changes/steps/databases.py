"""The databases of a change that has waited: others may have restored data or switched since its request."""

from __future__ import annotations

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import DATABASES, Deployment
from deployments.template_sets.models import stored_sets


def follow(deployment: Deployment, base: Deployment | None) -> None:
    """Let a change keep the databases of its environment as they are now, unless it changes them itself.

    `base` is the last good deployment of now; one whose stacks were complete may have changed them, too, and
    never have become ready. Raise UserFixable if the change and others changed them, or its template set has
    no second database while the environment has.
    """
    former = deployment.base
    if base is None or former is None or deployment.is_retry:
        return
    template_set = stored_sets.uploaded(deployment)
    if not template_set.second:
        current = stored_sets.find(base.template_digest)
        if current and current.second.is_present(base.parameters):
            raise UserFixable("RestoredDatabase", Code.SECOND_DATABASE_DELETED)
        return
    before = deployment.options.get(DATABASES) or template_set.databases(former.parameters)
    now = template_set.databases(deployment.environment.parameters)
    values = template_set.second.rebased(deployment.parameters, before, now)
    if values is None:
        raise UserFixable("DatabasesChanged", Code.DATABASES_CHANGED)
    if before != now:
        parameters = {**deployment.parameters, **values}
        deployment.record(parameters=parameters, options={**deployment.options, DATABASES: now})
