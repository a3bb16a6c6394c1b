"""The models: accounts, environments, deployments, their stacks, resources and events, and health."""

from deployments.models.access import Grant, Label, ServiceAccount, Team, TeamMember
from deployments.models.account import Account
from deployments.models.approval import Approval, ApprovalRule, ApprovalVote
from deployments.models.audit import AuditAnchor, AuditChain, AuditCut, AuditRecord
from deployments.models.deployed_set import DeployedSet
from deployments.models.deployment import Deployment
from deployments.models.duration import Duration, Expectation
from deployments.models.environment import Environment
from deployments.models.event import Event
from deployments.models.evidence import Evidence
from deployments.models.freeze import FreezeWindow
from deployments.models.health import (
    ActionRequest,
    Association,
    AssociationRun,
    DatabaseCluster,
    DatabaseMember,
    FleetGroup,
    FleetInstance,
    HealthSample,
    LoadBalancer,
    Observation,
    Observer,
    ScalingActivity,
    SiteProbe,
    SiteReads,
    Target,
)
from deployments.models.idempotency import IdempotencyKey
from deployments.models.invitation import Invitation
from deployments.models.lock import EnvironmentLock
from deployments.models.notification import Delivery, NoticeState, NotificationTarget
from deployments.models.release import ReleaseServer, ServerRelease
from deployments.models.stack import Resource, Stack
from deployments.models.template_check import TemplateCheck
from deployments.models.template_source import TemplateFetch, TemplateSource
from deployments.models.template_version import TemplateRef, TemplateVersion
from deployments.models.token import ApiToken
from deployments.models.used_once import UsedOnce
from deployments.models.user_session import UserSession

__all__ = [
    "Account",
    "ActionRequest",
    "ApiToken",
    "Approval",
    "ApprovalRule",
    "ApprovalVote",
    "Association",
    "AssociationRun",
    "AuditAnchor",
    "AuditChain",
    "AuditCut",
    "AuditRecord",
    "DatabaseCluster",
    "DatabaseMember",
    "Delivery",
    "DeployedSet",
    "Deployment",
    "Duration",
    "Environment",
    "EnvironmentLock",
    "Event",
    "Evidence",
    "Expectation",
    "FleetGroup",
    "FleetInstance",
    "FreezeWindow",
    "Grant",
    "HealthSample",
    "IdempotencyKey",
    "Invitation",
    "Label",
    "LoadBalancer",
    "NoticeState",
    "NotificationTarget",
    "Observation",
    "Observer",
    "ReleaseServer",
    "Resource",
    "ScalingActivity",
    "ServerRelease",
    "ServiceAccount",
    "SiteProbe",
    "SiteReads",
    "Stack",
    "Target",
    "Team",
    "TeamMember",
    "TemplateCheck",
    "TemplateFetch",
    "TemplateRef",
    "TemplateSource",
    "TemplateVersion",
    "UsedOnce",
    "UserSession",
]
