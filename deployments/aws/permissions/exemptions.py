"""The writes of handlers that only a property triggers: account.yaml grants what the bundled set triggers.

A role needs the action as soon as a resource has the property; until then the handler does not call it. The
page of the property in CloudFormation's reference is the source, unless another one is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

_PAGES: Final = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Actions that a handler performs only for some properties.

    A property may have a value ("LogDestinationType=s3"), and be below another ("Code.S3Bucket"). Without
    properties, no resource of the type triggers the actions.
    """

    resource_type: str
    actions: tuple[str, ...]
    properties: tuple[str, ...]
    source: str

    def is_triggered(self, *given: Mapping[str, Any]) -> bool:
        """Return whether one of these properties, such as the old and the new ones, triggers the actions."""
        return any(_has(found, name) for found in given for name in self.properties)


def of(resource_type: str, action: str) -> Exemption | None:
    """Return the exemption of an action of a type's handlers."""
    return _by_action().get((resource_type, action))


def _has(given: Mapping[str, Any], name: str) -> bool:
    path, _equals, value = name.partition("=")
    found: Any = given
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if value:
        return str(found).lower() == value.lower()
    return found not in (None, False, "", [], {}) and str(found).lower() != "false"


@cache
def _by_action() -> Mapping[tuple[str, str], Exemption]:
    return {(one.resource_type, action): one for one in TABLE for action in one.actions}


def _page(resource_type: str, name: str) -> str:
    """Return the page of a property in CloudFormation's reference."""
    _aws, service, resource = resource_type.lower().split("::")
    anchor = f"cfn-{service}-{resource}-{name.partition('=')[0].partition('.')[0].lower()}"
    return f"{_PAGES}/aws-resource-{service}-{resource}.html#{anchor}"


def _of(resource_type: str, *rows: tuple[str, str, str]) -> Iterator[Exemption]:
    """Yield exemptions from rows of properties, actions and a source ("" for the property's page)."""
    for properties, actions, source in rows:
        triggers = tuple(properties.split())
        yield Exemption(
            resource_type, tuple(actions.split()), triggers, source or _page(resource_type, triggers[0])
        )


_KMS: Final = "kms:CreateGrant kms:Decrypt kms:GenerateDataKey"
_RDS_KMS: Final = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html"
_LAMBDA_KMS: Final = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html"
_FLOW_LOGS: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html"
_TENANTS: Final = (
    "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/oracle-multitenant.html (Oracle only)"
)
_BOUNDARY: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"

TABLE: Final = (
    *_of(
        "AWS::AutoScaling::AutoScalingGroup",
        ("LoadBalancerNames", "autoscaling:AttachLoadBalancers autoscaling:DetachLoadBalancers", ""),
        (
            "TrafficSources",
            "autoscaling:AttachTrafficSources autoscaling:DetachTrafficSources vpc-lattice:DeregisterTargets "
            "vpc-lattice:RegisterTargets",
            "",
        ),
        (
            "LifecycleHookSpecificationList",
            "autoscaling:DeleteLifecycleHook autoscaling:PutLifecycleHook",
            "",
        ),
        (
            "NotificationConfigurations NotificationConfiguration",
            "autoscaling:DeleteNotificationConfiguration autoscaling:PutNotificationConfiguration",
            "",
        ),
        (
            "MetricsCollection",
            "autoscaling:DisableMetricsCollection autoscaling:EnableMetricsCollection",
            "",
        ),
    ),
    *_of(
        "AWS::EC2::EIP",
        ("InstanceId", "ec2:AssociateAddress", ""),
        ("TransferAddress", "ec2:AcceptAddressTransfer", ""),
    ),
    *_of(
        "AWS::EC2::FlowLog",
        ("LogDestinationType=s3", "s3:PutBucketPolicy", _FLOW_LOGS),
        (
            "LogDestinationType=s3 LogDestinationType=kinesis-data-firehose",
            "logs:CreateLogDelivery logs:DeleteLogDelivery",
            _FLOW_LOGS,
        ),
    ),
    *_of(
        "AWS::EC2::NatGateway",
        (
            "SecondaryAllocationIds",
            "ec2:AssociateNatGatewayAddress ec2:DisassociateNatGatewayAddress",
            "",
        ),
        (
            "SecondaryPrivateIpAddresses SecondaryPrivateIpAddressCount",
            "ec2:AssignPrivateNatGatewayAddress ec2:UnassignPrivateNatGatewayAddress",
            "",
        ),
    ),
    *_of(
        "AWS::EC2::Subnet",
        (
            "Ipv6CidrBlock Ipv6CidrBlocks Ipv6IpamPoolId",
            "ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock",
            "",
        ),
    ),
    *_of(
        "AWS::EC2::VPC",
        ("VpcEncryptionControl", "ec2:CreateVpcEncryptionControl", ""),
        ("InstanceTenancy", "ec2:ModifyVpcTenancy", ""),
    ),
    *_of(
        "AWS::EC2::VPCEndpoint",
        ("ServiceNetworkArn", "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation", ""),
        ("ServiceRegion", "vpce:AllowMultiRegion", ""),
        ("PrivateDnsEnabled", "route53:AssociateVPCWithHostedZone", ""),
    ),
    *_of(
        "AWS::EC2::VPCGatewayAttachment",
        ("VpnGatewayId", "ec2:AttachVpnGateway ec2:DetachVpnGateway", ""),
    ),
    *_of(
        "AWS::ElasticLoadBalancingV2::Listener",
        ("ListenerAttributes", "elasticloadbalancing:ModifyListenerAttributes", ""),
    ),
    *_of(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        ("MinimumLoadBalancerCapacity", "elasticloadbalancing:ModifyCapacityReservation", ""),
        ("Ipv4IpamPoolId", "elasticloadbalancing:ModifyIpPools", ""),
    ),
    *_of(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        ("Targets", "elasticloadbalancing:DeregisterTargets elasticloadbalancing:RegisterTargets", ""),
    ),
    *_of(
        "AWS::IAM::Policy",
        ("Groups", "iam:DeleteGroupPolicy iam:PutGroupPolicy", ""),
        ("Users", "iam:DeleteUserPolicy iam:PutUserPolicy", ""),
    ),
    # Denied on purpose: it is needed when an update takes the property away.
    Exemption("AWS::IAM::Role", ("iam:DeleteRolePermissionsBoundary",), (), _BOUNDARY),
    *_of(
        "AWS::Lambda::Function",
        ("KmsKeyArn Code.SourceKMSKeyArn", f"{_KMS} kms:Encrypt", _LAMBDA_KMS),
        (
            "CodeSigningConfigArn",
            "lambda:DeleteFunctionCodeSigningConfig lambda:PutFunctionCodeSigningConfig",
            "",
        ),
        (
            "ReservedConcurrentExecutions",
            "lambda:DeleteFunctionConcurrency lambda:PutFunctionConcurrency",
            "",
        ),
        ("CapacityProviderConfig", "lambda:PassCapacityProvider", ""),
        ("PublishToLatestPublished CapacityProviderConfig", "lambda:PublishVersion", ""),
        ("RecursiveLoop", "lambda:PutFunctionRecursionConfig", ""),
        ("FunctionScalingConfig", "lambda:PutFunctionScalingConfig", ""),
        ("RuntimeManagementConfig", "lambda:PutRuntimeManagementConfig", ""),
    ),
    *_of(
        "AWS::Logs::LogGroup",
        ("KmsKeyId", "logs:AssociateKmsKey logs:DisassociateKmsKey", ""),
        (
            "DataProtectionPolicy",
            "firehose:TagDeliveryStream logs:CreateLogDelivery logs:DeleteDataProtectionPolicy "
            "logs:PutDataProtectionPolicy",
            "",
        ),
        ("FieldIndexPolicies", "logs:DeleteIndexPolicy logs:PutIndexPolicy", ""),
        ("ResourcePolicyDocument", "logs:DeleteResourcePolicy logs:PutResourcePolicy", ""),
        ("BearerTokenAuthenticationEnabled", "logs:PutBearerTokenAuthentication", ""),
        ("DeletionProtectionEnabled", "logs:PutLogGroupDeletionProtection", ""),
    ),
    *_of(
        "AWS::RDS::DBCluster",
        ("AssociatedRoles", "rds:AddRoleToDBCluster rds:RemoveRoleFromDBCluster", ""),
        ("EnableHttpEndpoint", "rds:DisableHttpEndpoint rds:EnableHttpEndpoint", ""),
        ("GlobalClusterIdentifier", "rds:RemoveFromGlobalCluster", ""),
        ("SnapshotIdentifier", "rds:RestoreDBClusterFromSnapshot", ""),
        (
            "SourceDBClusterIdentifier SourceDbClusterResourceId",
            "rds:RestoreDBClusterToPointInTime",
            "",
        ),
        ("KmsKeyId MasterUserSecret.KmsKeyId PerformanceInsightsKmsKeyId", _KMS, _RDS_KMS),
        ("MonitoringRoleArn AssociatedRoles DomainIAMRoleName", "iam:PassRole", ""),
        ("DBSystemId", "rds:CreateTenantDatabase rds:DeleteTenantDatabase", _TENANTS),
    ),
    *_of(
        "AWS::RDS::DBInstance",
        ("KmsKeyId MasterUserSecret.KmsKeyId PerformanceInsightsKMSKeyId", _KMS, _RDS_KMS),
        ("AssociatedRoles", "rds:AddRoleToDBInstance rds:RemoveRoleFromDBInstance", ""),
        (
            "MonitoringRoleArn AssociatedRoles DomainIAMRoleName CustomIAMInstanceProfile",
            "iam:PassRole",
            "",
        ),
        (
            "SourceDBInstanceIdentifier SourceDBClusterIdentifier",
            "rds:CreateDBInstanceReadReplica rds:PromoteReadReplica",
            "",
        ),
        ("DBSnapshotIdentifier DBClusterSnapshotIdentifier", "rds:RestoreDBInstanceFromDBSnapshot", ""),
        (
            "RestoreTime UseLatestRestorableTime SourceDBInstanceAutomatedBackupsArn SourceDbiResourceId",
            "rds:RestoreDBInstanceToPointInTime",
            "",
        ),
        (
            "AutomaticBackupReplicationRegion",
            "rds:StartDBInstanceAutomatedBackupsReplication rds:StopDBInstanceAutomatedBackupsReplication",
            "",
        ),
        ("DBSystemId", "rds:CreateTenantDatabase rds:DeleteTenantDatabase", _TENANTS),
        # A member of a cluster has its cluster's password, and no snapshot of its own.
        (
            "ManageMasterUserPassword",
            "secretsmanager:RotateSecret secretsmanager:CreateSecret secretsmanager:TagResource",
            "",
        ),
    ),
    *_of(
        "AWS::SNS::Topic",
        ("DeliveryStatusLogging", "iam:PassRole", ""),
        ("DataProtectionPolicy", "sns:PutDataProtectionPolicy", ""),
        ("Subscription", "sns:Subscribe sns:Unsubscribe", ""),
    ),
    *_of(
        "AWS::SSM::Document",
        ("DocumentType=Automation", "iam:PassRole", ""),
    ),
    *_of(
        "AWS::SecretsManager::Secret",
        (
            "ReplicaRegions",
            "secretsmanager:RemoveRegionsFromReplication secretsmanager:ReplicateSecretToRegions",
            "",
        ),
    ),
)
