"""What a test reads of an account before its roles are simulated, and harmless reads in place of that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from deployments.accounts.rules.facts import Bucket, CallError, ConnectionAnswers, RoleFacts
from deployments.accounts.shared.pending_reads import error_of
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.common.errors import AwsAccessError, AwsFailure, AwsNotFound, AwsRetryable, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.rules import account_template
from deployments.stacks.shared.preflight import bucket_name

MISSING = "sanso-connection-test"
"""The name of a stack, group and cluster that do not exist: only a role that may read learns it."""
_SESSION = re.compile(r"^arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/")

T = TypeVar("T")


def basics(
    account: Account, connect: Callable[[AccountRef], Clients], identify: Callable[[AccountRef], Identity]
) -> ConnectionAnswers:
    """Return what the account is. Raise AwsRetryable if AWS does not answer."""
    ref = account.ref()
    facts = ConnectionAnswers(region=account.region, is_sandbox=account.is_sandbox)
    identity, error = _tried(lambda: identify(ref))
    if identity is None:
        return replace(facts, identity_error=error)
    now = datetime.now(UTC)
    clients = connect(ref)
    zones, region_error = _tried(clients.ec2.zones)
    facts = replace(
        facts,
        account_id=identity.account_id,
        arn=identity.arn,
        skew=(now - identity.answered_at).total_seconds() if identity.answered_at else None,
        zones=tuple(zones or ()),
        region_error=region_error,
        portal=RoleFacts(arn=ref.role_arn or _principal(identity.arn)),
        service=RoleFacts(arn=account.stack_role_arn),
    )
    return _with_bucket(_with_revision(facts, clients), account, clients)


def _principal(arn: str) -> str:
    """Return the ARN of the role of a session, whose path is not known; that of a user is its own."""
    found = _SESSION.match(arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn


def _with_revision(facts: ConnectionAnswers, clients: Clients) -> ConnectionAnswers:
    try:
        stack = clients.cloudformation.describe_stack(account_template.STACK)
    except AwsNotFound:
        return facts
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        return replace(facts, revision_error=error_of(exc))
    found = account_template.deployed(stack.outputs, stack.parameters)
    return replace(facts, revision=found.revision, parameters=dict(stack.parameters))


def _with_bucket(facts: ConnectionAnswers, account: Account, clients: Clients) -> ConnectionAnswers:
    bucket = bucket_name(account, facts.account_id)
    state, error = None, None
    try:
        exists = clients.s3.bucket_exists(bucket, facts.account_id)
        state = Bucket.EXISTS if exists else Bucket.MISSING
    except UserFixable as exc:
        is_elsewhere = exc.message.code == Code.BUCKET_IN_OTHER_REGION
        state = Bucket.ELSEWHERE if is_elsewhere else Bucket.FOREIGN
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        error = error_of(exc)
    return replace(facts, bucket=bucket, bucket_state=state, bucket_error=error)


def instead(role: RoleFacts, clients: Clients) -> RoleFacts:
    """Return what some harmless reads say of the portal's own role, which cannot be simulated."""
    calls: dict[str, Callable[[], Any]] = {
        "cloudformation:DescribeStacks": lambda: clients.cloudformation.describe_stack(MISSING),
        "autoscaling:DescribeAutoScalingGroups": lambda: clients.autoscaling.groups([MISSING]),
        "ec2:DescribeAvailabilityZones": clients.ec2.zones,
        "logs:DescribeLogGroups": lambda: clients.logs.log_groups(MISSING),
        "rds:DescribeDBClusters": lambda: clients.rds.clusters([MISSING]),
        "tag:GetResources": lambda: clients.tagging.tagged("sanso:environment", MISSING),
    }
    denied = []
    for action, call in calls.items():
        try:
            call()
        except AwsAccessError:
            denied.append(action)
        except AwsFailure:
            continue  # AWS looked for it, or did not answer: that is no denial
    return replace(role, reads=tuple(calls), reads_denied=tuple(denied))


def _tried(call: Callable[[], T]) -> tuple[T | None, CallError | None]:
    """Return the result of a call, or its error. Raise AwsRetryable if AWS does not answer."""
    try:
        return call(), None
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        return None, error_of(exc)
