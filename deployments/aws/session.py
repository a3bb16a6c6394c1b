"""boto3 clients for an account: timeouts, retries, an assumed role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.loaders import Loader
from botocore.session import Session, get_session

from deployments.aws import call_capture, call_counts, quota, sandbox
from deployments.aws.access_analyzer import AccessAnalyzer, AccessAnalyzerGateway
from deployments.aws.account_ref import AccountRef
from deployments.aws.acm import ACM, ACMGateway
from deployments.aws.autoscaling import AutoScaling, AutoScalingGateway
from deployments.aws.cloudformation import CloudFormation, CloudFormationGateway
from deployments.aws.cloudtrail import CloudTrail, CloudTrailGateway
from deployments.aws.cloudwatch import CloudWatch, CloudWatchGateway
from deployments.aws.ec2 import EC2, EC2Gateway
from deployments.aws.elbv2 import ELBv2, ELBv2Gateway
from deployments.aws.iam import IAM, IAMGateway
from deployments.aws.logs import Logs, LogsGateway
from deployments.aws.rds import RDS, RDSGateway
from deployments.aws.rds_maintenance import RDSMaintenance, RDSMaintenanceGateway
from deployments.aws.s3 import S3, S3Gateway
from deployments.aws.secretsmanager import SecretsManager, SecretsManagerGateway
from deployments.aws.service_quotas import ServiceQuotas, ServiceQuotasGateway
from deployments.aws.ssm import SSM, SSMGateway
from deployments.aws.sts import STS, Identity, STSGateway
from deployments.aws.tagging import Tagging, TaggingGateway
from deployments.common.errors import AwsAccessError

# Steps are short: every call has timeouts, and after a lost response the next step retries. botocore must
# not retry by itself: its worker may have lost the claim meanwhile. Such a retry once created a change
# set for a stack that had been deleted.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 1},
    user_agent_extra="sanso",
    s3={"addressing_style": "auto"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The gateways of the runner for one account and region."""

    cloudformation: CloudFormation
    elbv2: ELBv2
    autoscaling: AutoScaling
    ssm: SSM
    cloudwatch: CloudWatch
    logs: Logs
    rds: RDS
    rds_maintenance: RDSMaintenance
    s3: S3
    sts: STS
    ec2: EC2
    tagging: Tagging
    cloudtrail: CloudTrail
    iam: IAM
    quotas: ServiceQuotas
    acm: ACM
    access_analyzer: AccessAnalyzer
    secrets: SecretsManager


_lock = Lock()


def connect(ref: AccountRef) -> Clients:
    """Return the gateways for an account. They are cached: clients are thread-safe and slow to create."""
    with _lock:  # boto3 sessions are not thread-safe while clients are created
        return _connect(ref)


@lru_cache(maxsize=64)
def _connect(ref: AccountRef) -> Clients:
    session = _session(ref, ref.external_id)
    quota.of(ref).attach(session.events)
    if ref.quota_url:
        call_counts.shared(ref.quota_url).attach(session.events)
    call_capture.attach(session.events)
    endpoint = ref.endpoint_url or None
    return clients_of(partial(session.client, endpoint_url=endpoint, config=_CONFIG), ref.region)


def clients_of(client: Callable[[str], Any], region: str) -> Clients:
    """Return the gateways with the clients that `client` creates by the names of services."""
    cloudformation = client("cloudformation")
    elbv2 = client("elbv2")
    rds = client("rds")
    ec2 = client("ec2")
    return Clients(
        cloudformation=CloudFormationGateway(cloudformation),
        elbv2=ELBv2Gateway(elbv2),
        autoscaling=AutoScalingGateway(client("autoscaling")),
        ssm=SSMGateway(client("ssm")),
        cloudwatch=CloudWatchGateway(client("cloudwatch")),
        logs=LogsGateway(client("logs")),
        rds=RDSGateway(rds),
        rds_maintenance=RDSMaintenanceGateway(rds),
        s3=S3Gateway(client("s3"), region),
        sts=STSGateway(client("sts")),
        ec2=EC2Gateway(ec2),
        tagging=TaggingGateway(client("resourcegroupstaggingapi")),
        cloudtrail=CloudTrailGateway(client("cloudtrail")),
        iam=IAMGateway(client("iam")),
        quotas=ServiceQuotasGateway(
            client("service-quotas"),
            ec2=ec2,
            elbv2=elbv2,
            rds=rds,
            cloudformation=cloudformation,
        ),
        acm=ACMGateway(client("acm")),
        access_analyzer=AccessAnalyzerGateway(client("accessanalyzer")),
        secrets=SecretsManagerGateway(client("secretsmanager")),
    )


def connect_anew(ref: AccountRef) -> Clients:
    """Return gateways with new credentials: those that `connect` keeps may have been revoked."""
    with _lock:
        return _connect.__wrapped__(ref)


def identify_anew(ref: AccountRef, external_id: str = "") -> Identity:
    """Return the identity of new credentials: a session that `connect` keeps may outlive its trust policy.

    With an `external_id`, the role is assumed with this one in place of the account's.
    """
    with _lock:
        session = _session(ref, external_id or ref.external_id)
        quota.of(ref).attach(session.events)
        call_capture.attach(session.events)
        client = session.client("sts", endpoint_url=ref.endpoint_url or None, config=_CONFIG)
    return STSGateway(client).caller_identity()


def _session(ref: AccountRef, external_id: str) -> boto3.Session:
    core = _core()
    own: Any = None
    if ref.sandbox_account:
        own = DeferredRefreshableCredentials(method="sandbox", refresh_using=partial(sandbox.fetch_keys, ref))
    elif ref.role_arn:
        own = core.get_credentials()
        if own is None:
            raise AwsAccessError("NoCredentialsError", "Unable to locate credentials", "sts:AssumeRole")
    else:
        return boto3.Session(region_name=ref.region, botocore_session=core)
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(
            core.create_client,
            region_name=ref.region,
            endpoint_url=ref.endpoint_url or None,
            config=_CONFIG,
        ),
        source_credentials=own,
        role_arn=ref.role_arn,
        extra_args={"RoleSessionName": "sanso", "DurationSeconds": 3600}
        | ({"ExternalId": external_id} if external_id else {}),
    )
    return _refreshing(core, ref, "assume-role", fetcher.fetch_credentials)


def _refreshing(core: Session, ref: AccountRef, method: str, fetch: Callable[[], Any]) -> boto3.Session:
    """Return a session whose keys are fetched at the first call and again before they expire.

    A deployment may take longer than the lifetime of keys, and `connect` makes no request.
    """
    core._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # botocore's documented hook
        method=method, refresh_using=fetch
    )
    core.set_config_variable("region", ref.region)
    return boto3.Session(botocore_session=core)


def _core() -> Session:
    """Return a session that shares botocore's service descriptions with all others.

    If each account read its own, a worker would need 0.2 s and 30 MB per account, and after a restart with
    many accounts the deployments would wait.
    """
    core = get_session()
    core.register_component("data_loader", _loader())
    return core


@lru_cache(maxsize=1)
def _loader() -> Loader:
    loader: Loader = get_session().get_component("data_loader")
    return loader
