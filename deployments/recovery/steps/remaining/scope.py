"""The scope of the search: the names and ids of everything that an environment's deployments created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from deployments.cloudformation.server_associations import output_places
from deployments.cloudformation.status import DELETED
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.models.stacks import STACK_TYPE, Resource
from deployments.stacks.shared.change_sets import filled
from deployments.template_sets.models import stored_sets

ATTEMPTS = 5
"""The latest deployments of an environment whose templates are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One resource from the rows. `is_deleted`: CloudFormation reported its deletion."""

    type: str
    id: str
    is_deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """A key prefix in a bucket. `shared_with` are the names of other environments that use it too."""

    bucket: str
    prefix: str
    shared_with: tuple[str, ...] = ()


class SearchScope:
    """The environment of one deployment, read lazily."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.environment: Environment = deployment.environment
        found: dict[tuple[str, str], Known] = {}
        rows = Resource.objects.of_environment(self.environment).exclude(type=STACK_TYPE)
        for type_, id_, status in rows.exclude(physical_id="").values_list("type", "physical_id", "status"):
            found[type_, id_] = Known(type=type_, id=id_, is_deleted=status == DELETED)
        self.known: Sequence[Known] = tuple(found.values())
        if self.stack_is_gone:
            # The last events of resources that were deleted with their stack may be missing.
            self.known = [Known(type=one.type, id=one.id, is_deleted=True) for one in self.known]

    @property
    def stack_is_gone(self) -> bool:
        """Return whether the root stack no longer exists."""
        return bool(self.environment.deleted_at) or not self.environment.stack_id

    @cached_property
    def _others(self) -> dict[tuple[str, str], set[str]]:
        rows = Resource.objects.of_others(
            self.environment, {one.type for one in self.known if one.is_deleted}
        )
        found: dict[tuple[str, str], set[str]] = {}
        for type_, id_, name in rows.values_list(
            "type", "physical_id", "stack__deployment__environment__name"
        ):
            found.setdefault((type_, id_), set()).add(name)
        return found

    def also_used_by(self, type_: str, id_: str) -> str:
        """Return the names of other environments that now have a resource of this type and id."""
        return ", ".join(sorted(self._others.get((type_, id_), ())))

    def ids(self, type_: str) -> list[str]:
        """Return the physical ids of a type, deleted or not."""
        return [one.id for one in self.known if one.type == type_]

    def remaining(self, type_: str) -> list[str]:
        """Return the physical ids of a type that CloudFormation did not delete."""
        return [one.id for one in self.known if one.type == type_ and not one.is_deleted]

    def artifacts(self) -> list[Prefix]:
        """Return the prefixes to which the environment's deployments uploaded templates and zips."""
        own = Deployment.objects.of(self.environment).with_artifacts()
        places = sorted(set(own.values_list("artifact_bucket", "artifact_prefix")))
        return [
            Prefix(
                bucket=bucket,
                prefix=f"{prefix}/",
                shared_with=tuple(Environment.objects.sharing_artifacts(self.environment, bucket, prefix)),
            )
            for bucket, prefix in places
        ]

    def outputs(self) -> list[Prefix]:
        """Return the prefixes of the servers' associations: observed, from templates, from the stack's name.

        A rollback can be faster than the first observation.
        """
        name = self.environment.stack_name
        places = _written_by(self.environment)
        places |= {(place.bucket, f"logs/{name}/") for place in self.artifacts()}
        outer = [
            (bucket, prefix)
            for bucket, prefix in sorted(places)
            if not any(b == bucket and prefix != p and prefix.startswith(p) for b, p in places)
        ]
        shared = tuple(Environment.objects.of_the_same_name(self.environment))
        return [
            Prefix(bucket=bucket, prefix=prefix, shared_with=shared or self._writers(bucket, prefix))
            for bucket, prefix in outer
        ]

    def _writers(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """Return the names of other environments that write there too: a prefix may lack the stack's name."""
        if self.environment.stack_name in prefix.split("/"):
            return ()
        others = Environment.objects.live().in_account(self.environment.account_id)
        return tuple(
            other.name
            for other in others.exclude(pk=self.environment.pk).order_by("name")
            if any(
                b == bucket and (p.startswith(prefix) or prefix.startswith(p)) for b, p in _written_by(other)
            )
        )


def _written_by(environment: Environment) -> set[tuple[str, str]]:
    """Return where an environment's associations write: observed, from templates, from the stack's name."""
    places = AssociationRun.objects.of(environment).output_places()
    attempts = Deployment.objects.of(environment).with_artifacts().select_related("environment__account")
    for deployment in attempts.order_by("-pk")[:ATTEMPTS]:
        places.add((deployment.artifact_bucket, f"logs/{environment.stack_name}/"))
        template_set = stored_sets.find(deployment.template_digest)
        if template_set is None:
            continue
        values = deployment.parameters | filled(deployment, template_set)
        places |= output_places(template_set.side(values))
    return places
