"""The reads: the identity, and every reading method of the gateways where there is nothing to find."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from deployments.aws import session
from deployments.aws.service_quotas import CODES, QuotaUse
from deployments.aws.session import Clients
from deployments.common.errors import UserFixable
from deployments.environments.rules.account_template import STACK
from deployments.first_contact.rules.answers import TAG, Expect, Match
from deployments.first_contact.steps.contact import Contact
from deployments.stacks.shared.preflight import bucket_name
from deployments.template_sets.models import stored_sets

MAX_SKEW = 300.0
"""Seconds by which this machine's time may differ from AWS's; signatures are valid for five minutes:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""
_ID = "11111111-2222-4333-8444-555555555555"
_WRONG = "0" * 32
_HEX = "0123456789abcdef0"
_ENGINE = "aurora-mysql"
_NO_VERSION = "8.0.mysql_aurora.3.99.9"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingNames:
    """Names and ids of what does not exist in the account of a run; roles may read them by their names."""

    account: str
    region: str
    partition: str
    bucket: str
    name: str
    now: datetime

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource that does not exist."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def change_set(self) -> str:
        """Return the ARN of a change set that does not exist."""
        return self.arn("cloudformation", f"changeSet/{self.name}/{_ID}")

    @property
    def balancer(self) -> str:
        """Return the ARN of a load balancer that does not exist."""
        return self.arn("elasticloadbalancing", f"loadbalancer/net/{self.name[:32]}/{_HEX[:16]}")

    @property
    def group(self) -> str:
        """Return the ARN of a target group that does not exist."""
        return self.arn("elasticloadbalancing", f"targetgroup/{self.name[:32]}/{_HEX[:16]}")


def _quotas_of(service: str, aws: Clients, _missing: MissingNames) -> list[QuotaUse]:
    return aws.quotas.use_of(service)


Read = tuple[Expect, Callable[[Clients, MissingNames], Any]]
_DAY = timedelta(days=1)
READS: dict[str, Read] = {
    "cloudformation.describe_stack": (Expect.MISSING, lambda a, m: a.cloudformation.describe_stack(m.name)),
    "cloudformation.describe_change_set": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.describe_change_set(m.change_set),
    ),
    "cloudformation.describe_change_set, by name": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.describe_change_set("sanso-contact", m.name),
    ),
    "cloudformation.events_after": (Expect.MISSING, lambda a, m: a.cloudformation.events_after(m.name, "")),
    "cloudformation.newest_event_id": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.newest_event_id(m.name),
    ),
    "cloudformation.list_resources": (Expect.MISSING, lambda a, m: a.cloudformation.list_resources(m.name)),
    "cloudformation.template_body": (Expect.MISSING, lambda a, m: a.cloudformation.template_body(m.name)),
    "cloudformation.failed_in_rollback": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.failed_in_rollback(m.name),
    ),
    "cloudformation.validation_findings": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.validation_findings(m.change_set),
    ),
    "cloudformation.failed_operation_events": (
        Expect.MISSING,
        lambda a, m: a.cloudformation.failed_operation_events(m.name),
    ),
    "elbv2.load_balancers": (Expect.EMPTY, lambda a, m: a.elbv2.load_balancers([m.balancer])),
    "elbv2.target_groups": (Expect.EMPTY, lambda a, m: a.elbv2.target_groups([m.group])),
    "elbv2.target_health": (Expect.MISSING, lambda a, m: a.elbv2.target_health(m.group)),
    "elbv2.deletion_protection": (Expect.MISSING, lambda a, m: a.elbv2.deletion_protection(m.balancer)),
    "autoscaling.groups": (Expect.EMPTY, lambda a, m: a.autoscaling.groups([m.name])),
    "autoscaling.activities": (Expect.MISSING, lambda a, m: a.autoscaling.activities(m.name, 10)),
    "ssm.associations": (Expect.EMPTY, lambda a, _m: a.ssm.associations([_ID])),
    "ssm.association_calls": (Expect.EMPTY, lambda a, _m: a.ssm.association_calls([_ID])),
    "ssm.executions": (Expect.MISSING, lambda a, _m: a.ssm.executions(_ID, 10)),
    "ssm.execution_targets": (Expect.MISSING, lambda a, _m: a.ssm.execution_targets(_ID, _ID)),
    "ssm.parameters": (Expect.EMPTY, lambda a, m: a.ssm.parameters([f"/aws/service/{m.name}"])),
    "ssm.find_command": (
        Expect.EMPTY,
        lambda a, m: a.ssm.find_command(f"i-{_HEX}", m.name, m.now - _DAY),
    ),
    "ssm.invocation": (Expect.MISSING, lambda a, _m: a.ssm.invocation(_ID, f"i-{_HEX}")),
    "cloudwatch.replica_lags": (Expect.EMPTY, lambda a, m: a.cloudwatch.replica_lags([m.name])),
    "cloudwatch.cluster_use": (
        Expect.EMPTY,
        lambda a, m: [one for one in _values(a.cloudwatch.cluster_use(m.name)) if one is not None],
    ),
    "cloudwatch.cluster_metrics": (
        Expect.EMPTY,
        lambda a, m: a.cloudwatch.cluster_metrics([m.name], m.now - _DAY, timedelta(minutes=5)),
    ),
    "logs.log_groups": (Expect.EMPTY, lambda a, m: a.logs.log_groups(m.name)),
    "logs.written_before": (
        Expect.MISSING,
        lambda a, m: a.logs.written_before(m.name, m.now - _DAY, m.now),
    ),
    "logs.tail": (Expect.MISSING, lambda a, m: a.logs.tail(m.name, m.name, 10)),
    "rds.clusters": (Expect.EMPTY, lambda a, m: a.rds.clusters([m.name])),
    "rds.instances": (Expect.EMPTY, lambda a, m: a.rds.instances([m.name])),
    "rds.cluster_backups": (Expect.EMPTY, lambda a, m: a.rds.cluster_backups(m.name)),
    "rds.instance_backups": (Expect.EMPTY, lambda a, m: a.rds.instance_backups(m.name)),
    "rds.cluster_snapshots": (Expect.EMPTY, lambda a, m: a.rds.cluster_snapshots([m.name])),
    "rds.has_version": (Expect.EMPTY, lambda a, _m: a.rds.has_version(_ENGINE, _NO_VERSION)),
    "rds.zones_of_class": (
        Expect.EMPTY,
        lambda a, _m: a.rds.zones_of_class(_ENGINE, _NO_VERSION, "db.r7g.large"),
    ),
    "rds.cluster_snapshot": (Expect.MISSING, lambda a, m: a.rds.cluster_snapshot(m.name)),
    "rds_maintenance.pending_actions": (
        Expect.EMPTY,
        lambda a, m: [one for one in a.rds_maintenance.pending_actions() if one.resource_id == m.name],
    ),
    "rds_maintenance.upgrade_targets": (
        Expect.EMPTY,
        lambda a, _m: a.rds_maintenance.upgrade_targets(_ENGINE, _NO_VERSION),
    ),
    "rds_maintenance.support_of": (Expect.VALUE, lambda a, _m: a.rds_maintenance.support_of(_ENGINE)),
    "secrets.age_of": (Expect.MISSING, lambda a, m: a.secrets.age_of(m.name)),
    "s3.bucket_exists": (
        Expect.EMPTY,
        lambda a, m: a.s3.bucket_exists(f"sanso-artifacts-{m.name}", m.account),
    ),
    "s3.list_objects": (
        Expect.MISSING,
        lambda a, m: a.s3.list_objects(f"sanso-artifacts-{m.name}", "", "", 10, m.account),
    ),
    "s3.read_tail": (Expect.MISSING, lambda a, m: a.s3.read_tail(f"sanso-artifacts-{m.name}", "x", 10)),
    "s3.count_versions": (
        Expect.MISSING,
        lambda a, m: a.s3.count_versions(f"sanso-artifacts-{m.name}", "x", 10, m.account),
    ),
    "sts.caller_identity": (Expect.VALUE, lambda a, _m: a.sts.caller_identity()),
    "ec2.zones": (Expect.VALUE, lambda a, _m: a.ec2.zones()),
    "ec2.zones_by_type": (
        Expect.EMPTY,
        lambda a, _m: [one for zones in a.ec2.zones_by_type(["t0.none"]).values() for one in zones],
    ),
    "ec2.network_interfaces": (Expect.EMPTY, lambda a, _m: a.ec2.network_interfaces([f"vpc-{_HEX}"])),
    "ec2.running_instances": (Expect.EMPTY, lambda a, _m: a.ec2.running_instances([f"i-{_HEX}"])),
    "ec2.tagged_instances": (
        Expect.EMPTY,
        lambda a, m: a.ec2.tagged_instances({TAG: [m.name]}),
    ),
    "ec2.network_of": (Expect.MISSING, lambda a, _m: a.ec2.network_of(f"i-{_HEX}")),
    "ec2.network_in": (Expect.EMPTY, lambda a, _m: list(a.ec2.network_in(f"vpc-{_HEX}").instances)),
    "acm.certificate": (Expect.MISSING, lambda a, m: a.acm.certificate(m.arn("acm", f"certificate/{_ID}"))),
    "tagging.tagged": (Expect.EMPTY, lambda a, m: a.tagging.tagged(TAG, m.name)),
    **{f"quotas.use_of, {service}": (Expect.VALUE, partial(_quotas_of, service)) for service in CODES},
    "cloudtrail.by_user": (
        Expect.EMPTY,
        lambda a, m: a.cloudtrail.by_user(m.name, m.now - _DAY, m.now, 10),
    ),
    "cloudtrail.of_resource": (  # no call has this name in it
        Expect.EMPTY,
        lambda a, m: a.cloudtrail.of_resource(f"{m.name}-trail", m.now),
    ),
}
"""By gateway and method, each with what Sanso expects where there is nothing. Not `iam.simulate`: the step of
the roles calls it with everything."""


def take(contact: Contact) -> None:
    """Ask who the portal is, then make every read."""
    ref, run = contact.ref, contact.run
    identity = contact.need("AssumeRole with the external ID", lambda _aws: session.identify_anew(ref))
    run.account_number = identity.account_id
    run.save(update_fields=["account_number"])
    if identity.answered_at:
        skew = (datetime.now(UTC) - identity.answered_at).total_seconds()
        outcome = Match.EXPECTED if abs(skew) < MAX_SKEW else Match.DIFFERENT
        contact.note("this machine's clock, less AWS's", f"{skew:+.0f} s", outcome)
    if ref.role_arn:
        with _without_warnings_of_credentials():
            contact.check(
                "AssumeRole with a wrong external ID",
                lambda _aws: session.identify_anew(ref, _WRONG),
                Expect.DENIED,
            )
    missing = MissingNames(
        account=identity.account_id,
        region=ref.region,
        partition=identity.arn.split(":")[1],
        bucket=bucket_name(contact.account, identity.account_id),
        name=f"sanso-missing-{run.tag}",
        now=datetime.now(UTC),
    )
    for question, (expect, call) in READS.items():
        contact.check(question, partial(_made, call, missing), expect)
    _account_stack(contact)
    _bucket(contact, missing)
    _images(contact)


@contextmanager
def _without_warnings_of_credentials() -> Iterator[None]:
    """Drop what botocore logs in this thread about credentials: the wrong ones are on purpose."""
    thread = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    log = logging.getLogger("botocore.credentials")
    log.addFilter(is_of_others)
    try:
        yield
    finally:
        log.removeFilter(is_of_others)


def _made(call: Callable[[Clients, MissingNames], Any], missing: MissingNames, aws: Clients) -> Any:
    return call(aws, missing)


def _account_stack(contact: Contact) -> None:
    stack, error = contact.quietly(lambda aws: aws.cloudformation.describe_stack(STACK))
    revision = stack.outputs.get("Revision", "none") if stack else str(error)
    contact.note(f"stack {STACK}, revision", revision)


def _bucket(contact: Contact, missing: MissingNames) -> None:
    exists, error = contact.quietly(lambda aws: aws.s3.bucket_exists(missing.bucket, missing.account))
    contact.note("the artifact bucket", str(error) if error else "exists" if exists else "does not exist")


def _images(contact: Contact) -> None:
    """Ask for the machine images of the bundled set with its defaults."""
    try:
        found = stored_sets.current()
    except UserFixable as exc:
        contact.note("machine images", str(exc), Match.DIFFERENT)
        return
    names = sorted(set(found.image_names(found.defaults).values()))
    if not names:
        return
    values = contact.check("ssm.parameters, machine images", lambda aws: aws.ssm.parameters(names)) or {}
    for name in names:
        is_there = name in values
        outcome = Match.EXPECTED if is_there else Match.DIFFERENT
        contact.note(f"image {name}", values.get(name, "not found"), outcome)


def _values(record: Any) -> list[Any]:
    return [record.size, record.connections]
