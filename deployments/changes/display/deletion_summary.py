"""The resources that the deletion of an environment deletes and leaves, as far as known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.cloudformation.remaining import Billing, billing_of
from deployments.cloudformation.resource_policies import RETAIN, SNAPSHOT, log_exporters, policies
from deployments.cloudformation.status import DELETED
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.database import DatabaseSnapshot
from deployments.stacks.commands.change_base import set_of
from deployments.stacks.display.remaining import billing_label
from deployments.stacks.models.stacks import STACK_TYPE, Resource

FUNCTION, LOG_GROUP = "AWS::Lambda::Function", "AWS::Logs::LogGroup"
_SNAPSHOTS = {
    "AWS::RDS::DBCluster": "AWS::RDS::DBClusterSnapshot",
    "AWS::RDS::DBInstance": "AWS::RDS::DBSnapshot",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StayingRow:
    """A resource that will still exist after the deletion, and why."""

    type: str
    name: str
    why: str
    billing: str
    is_billed: bool


def deletion_summary(environment: Environment) -> dict[str, object]:
    """Return the number of resources of each type and of stacks, and the rows that stay (six queries)."""
    newest: dict[str, tuple[str, str, str]] = {}
    needed: dict[str, list[str]] = {}
    rows = Resource.objects.of_environment(environment)
    for path, logical_id, kind, status, id_, needs in rows.values_list(
        "stack__path", "logical_id", "type", "status", "physical_id", "depends_on"
    ):
        own = f"{path}/{logical_id}".lstrip("/")
        if not status and own in newest:
            continue  # pending: an earlier row is still right
        newest[own] = kind, status, id_
        needed[own] = [str(at) for at, _way in needs]
    existing = {
        path: (kind, id_) for path, (kind, status, id_) in newest.items() if status not in ("", DELETED)
    }
    types = Counter(kind for kind, _id in existing.values())
    stacks = types.pop(STACK_TYPE, 0) + bool(environment.stack_id)
    templates = _templates(environment)
    known, exporters = (templates.policies, templates.log_exporters) if templates else ({}, {})
    staying = (
        [
            *_staying(environment, existing, known),
            *_snapshots(environment),
            *_logs(existing, needed),
            *_database_logs(existing, exporters),
        ]
        if existing
        else []
    )
    return {
        "types": sorted(types.items()),
        "resources": types.total(),
        "stacks": stacks,
        "staying": staying,
        "policies_are_known": templates is not None,
    }


def _snapshots(environment: Environment) -> Iterator[StayingRow]:
    """Yield the snapshots that somebody has taken; automated ones are deleted with their database."""
    for one in DatabaseSnapshot.objects.newest_of(environment).that_outlive_it():
        yield _row("AWS::RDS::DBClusterSnapshot", one.snapshot_id, _("It stays until somebody deletes it."))


def _logs(existing: Mapping[str, tuple[str, str]], needed: Mapping[str, list[str]]) -> Iterator[StayingRow]:
    """Yield the log groups that Lambda creates, for functions that write to none of the environment's."""
    groups = {path: id_ for path, (kind, id_) in existing.items() if kind == LOG_GROUP}
    for path, (kind, id_) in sorted(existing.items()):
        name = f"/aws/lambda/{id_}"
        if kind == FUNCTION and name not in groups.values() and not groups.keys() & set(needed[path]):
            yield _row(LOG_GROUP, name, _("Created by Lambda when the function runs; no stack deletes it."))


def _database_logs(
    existing: Mapping[str, tuple[str, str]], exporters: Mapping[str, str]
) -> Iterator[StayingRow]:
    """Yield the log groups that RDS creates for databases that export their logs."""
    for path, prefix in sorted(exporters.items()):
        if path in existing:
            name = f"{prefix.format(existing[path][1])}*"
            yield _row(LOG_GROUP, name, _("Created by RDS for exported logs; no stack deletes it."))


@dataclass(frozen=True, slots=True)
class _Templates:
    """The relevant content of an environment's templates, by the path of a resource."""

    policies: Mapping[str, str]
    log_exporters: Mapping[str, str]


def _templates(environment: Environment) -> _Templates | None:
    """Return the content of its templates; None if they are neither stored nor the current ones."""
    deployed = Deployment.objects.of(environment).with_artifacts().that_changed_stacks().first()
    if deployed is None:
        return None
    try:
        template_set = set_of(deployed)
    except UserFixable:
        return None
    given = template_set.contents, template_set.root.name, deployed.parameters
    return _Templates(policies(*given), log_exporters(*given))


def _staying(
    environment: Environment, existing: Mapping[str, tuple[str, str]], known: Mapping[str, str]
) -> Iterator[StayingRow]:
    for path, (kind, id_) in sorted(existing.items()):
        policy = next((known[one] for one in _and_above(path) if known.get(one) == RETAIN), known.get(path))
        if policy == RETAIN and kind != STACK_TYPE:
            yield _row(kind, id_, _("Its DeletionPolicy is Retain."))
        elif policy == SNAPSHOT and kind.startswith("AWS::RDS::"):
            yield _row(
                _SNAPSHOTS.get(kind, kind),
                id_,
                _("Its DeletionPolicy is Snapshot: a final snapshot is taken and kept."),
            )
    uploads = Deployment.objects.of(environment).with_artifacts()
    for bucket, prefix in sorted(set(uploads.values_list("artifact_bucket", "artifact_prefix"))):
        why = _("Templates and zips that Sanso uploaded, with all versions.")
        yield _row("AWS::S3::Object", f"{bucket}/{prefix}/", why)
    for bucket, prefix in sorted(AssociationRun.objects.of(environment).output_places()):
        why = _("Outputs of the servers' associations, with all versions.")
        yield _row("AWS::S3::Object", f"{bucket}/{prefix}", why)


def _and_above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:number]) for number in range(1, len(parts) + 1))


def _row(type_: str, name: str, why: str) -> StayingRow:
    billing = billing_of(type_)
    is_billed = billing is Billing.BILLED
    return StayingRow(type=type_, name=name, why=why, billing=billing_label(billing), is_billed=is_billed)
