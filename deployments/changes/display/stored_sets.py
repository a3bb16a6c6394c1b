"""The deployments to which a rollback is possible: their template set is stored or the current one."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.environments.models.deployments import Deployment
from deployments.stacks.commands.change_base import current_digest
from deployments.template_sets.models.stored_sets import DeployedSet


def without_set(rows: Iterable[Deployment]) -> set[int]:
    """Return the keys of the deployments whose template set no longer exists (one query).

    Earlier versions of Sanso stored none.
    """
    digests = {one.pk: one.template_digest for one in rows}
    found = DeployedSet.objects.filter(digest__in=set(digests.values()))
    stored = set(found.values_list("digest", flat=True))
    stored.add(current_digest())
    return {pk for pk, digest in digests.items() if digest not in stored}
