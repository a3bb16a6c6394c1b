"""The database stack: an Aurora cluster without instances, with its network and groups."""

from __future__ import annotations

from deployments.aws.cloudformation import StackView
from deployments.first_contact.rules.answers import Expect, Match
from deployments.first_contact.rules.step_names import DATABASE
from deployments.first_contact.steps import small_stack
from deployments.first_contact.steps.contact import Contact


def take(contact: Contact) -> None:
    """Create the stack, note what RDS says of the cluster, and delete it."""
    small_stack.take(contact, DATABASE, {}, _cluster)


def _cluster(contact: Contact, stack: StackView) -> None:
    """Read the cluster as the observers of an environment do."""
    id_ = stack.outputs["Cluster"]
    found = contact.check("rds.clusters", lambda aws: aws.rds.clusters([id_]))
    for cluster in found or ():
        is_available = cluster.status == "available"
        outcome = Match.EXPECTED if is_available else Match.DIFFERENT
        contact.note("the cluster", f"{cluster.status}, engine version {cluster.engine_version}", outcome)
    contact.check("rds.instances", lambda aws: aws.rds.instances([id_]), Expect.EMPTY)
    contact.check("rds.cluster_snapshots", lambda aws: aws.rds.cluster_snapshots([id_]), Expect.EMPTY)
    backups, error = contact.quietly(lambda aws: aws.rds.cluster_backups(id_))
    contact.note("rds.cluster_backups", str(error) if error else f"{len(backups or ())} backups")
