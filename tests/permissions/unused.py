"""Reasons for actions that account.yaml grants and that no phase in the tests uses."""

from __future__ import annotations

from dataclasses import dataclass

ENVIRONMENT = "roles of environments"
_NESTED = "CloudFormation may do it for nested stacks as the service role"
READ = "granted by the data above"
_REMAINS = "an operator deletes what remains of an environment"
_SNAPSHOT = "an operator takes a snapshot of a database"
_UPDATE = "CloudFormation updates such a resource in place, which the tested change does not"
_RELEASE = "a release brings another version to running servers"
_TESTED = "the connection of an account is tested"
_QUOTAS = "Service Quotas reads the values of the service with the caller's rights on AWS"
_TAGS = "an update takes a tag away"

_TIMED_OUT = "the network is read while health checks time out"
UNUSED: dict[str, dict[str, str]] = {
    "sanso-portal": {
        "acm:DescribeCertificate": _TESTED,
        "autoscaling:ResumeProcesses": _RELEASE,
        "autoscaling:SuspendProcesses": _RELEASE,
        "cloudformation:CancelUpdateStack": "an operator stops an update",
        "cloudformation:ContinueUpdateRollback": "an operator continues a rollback that failed",
        "cloudformation:DeleteChangeSet": "a preview is discarded, or computed again",
        "cloudformation:DescribeAccountLimits": _QUOTAS,
        "cloudformation:GetTemplate": "the template of a stack is compared with the one that was deployed",
        "cloudformation:ListStacks": _TESTED,
        "cloudformation:RollbackStack": "an operator rolls back what was kept after a failure",
        "cloudformation:SetStackPolicy": "UpdateStack with a stack policy, which protects data, needs it too",
        "cloudtrail:LookupEvents": "who denied or changed a resource is looked up when it has failed",
        "ec2:DeleteNetworkInterface": _REMAINS,
        "ec2:DescribeAddresses": _TESTED,
        "ec2:DescribeInstances": "only servers that remain or that tags of a set of one's own match",
        "ec2:DescribeInternetGateways": _TIMED_OUT,
        "ec2:DescribeNatGateways": _TIMED_OUT,
        "ec2:DescribeNetworkAcls": _TIMED_OUT,
        "ec2:DescribeNetworkInterfaces": "only VPCs that remain after a deletion are searched",
        "ec2:DescribeRouteTables": _TIMED_OUT,
        "ec2:DescribeSecurityGroups": _TIMED_OUT,
        "ec2:DescribeSubnets": _TIMED_OUT,
        "ec2:DescribeVpcEndpoints": _TIMED_OUT,
        "ec2:DescribeVpcs": _TESTED,
        "elasticloadbalancing:DescribeAccountLimits": _QUOTAS,
        "elasticloadbalancing:DeregisterTargets": _RELEASE,
        "elasticloadbalancing:DescribeTargetGroups": "only groups whose name is unknown are looked up",
        "elasticloadbalancing:RegisterTargets": _RELEASE,
        "iam:SimulatePrincipalPolicy": _TESTED,
        "logs:DeleteLogGroup": _REMAINS,
        "logs:FilterLogEvents": "the log of a function is read when it has failed",
        "logs:GetLogEvents": "the log of a function is read when it has failed",
        "rds:AddTagsToResource": _SNAPSHOT,
        "rds:CreateDBClusterSnapshot": _SNAPSHOT,
        "rds:DescribeAccountAttributes": _QUOTAS,
        "rds:DeleteDBClusterAutomatedBackup": _REMAINS,
        "rds:DeleteDBClusterSnapshot": _REMAINS,
        "rds:DeleteDBInstanceAutomatedBackup": _REMAINS,
        "rds:DeleteDBSnapshot": _REMAINS,
        "rds:ModifyDBInstance": "databases without a cluster are unprotected; the set that ships has none",
        "s3:DeleteObjectVersion": _REMAINS,
        "servicequotas:GetAWSDefaultServiceQuota": _TESTED,
        "servicequotas:ListServiceQuotas": _TESTED,
        "ssm:GetCommandInvocation": _RELEASE,
        "ssm:ListCommandInvocations": _RELEASE,
        "ssm:ListCommands": _RELEASE,
        "ssm:SendCommand": "an association is run again on some of its servers only",
    },
    "sanso-cloudformation": {
        "autoscaling:DeleteTags": _TAGS,
        "autoscaling:ResumeProcesses": "rolling updates suspend processes; no server is replaced",
        "autoscaling:SuspendProcesses": "rolling updates suspend processes; no server is replaced",
        "autoscaling:TerminateInstanceInAutoScalingGroup": "a rolling update replaces servers",
        "cloudwatch:ListTagsForResource": _UPDATE,
        "cloudwatch:UntagResource": _TAGS,
        "cloudformation:CreateChangeSet": _NESTED,
        "cloudformation:DeleteChangeSet": _NESTED,
        "cloudformation:DescribeChangeSet": _NESTED,
        "cloudformation:ExecuteChangeSet": _NESTED,
        "cloudformation:TagResource": _NESTED,
        "ec2:CreateLaunchTemplateVersion": _UPDATE,
        "ec2:DeleteTags": _TAGS,
        "ec2:ModifyVpcEndpoint": _UPDATE,
        "ec2:ReplaceRoute": _UPDATE,
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress": _UPDATE,
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress": _UPDATE,
        "ec2:RevokeSecurityGroupIngress": "the rules of a group are changed, or deleted one by one",
        "elasticloadbalancing:ModifyListener": _UPDATE,
        "elasticloadbalancing:ModifyTargetGroup": _UPDATE,
        "iam:GetRolePolicy": "drift detection and the handler of roles read it on AWS",
        "elasticloadbalancing:SetIpAddressType": _UPDATE,
        "rds:ResetDBClusterParameterGroup": _UPDATE,
        "rds:RebootDBInstance": _UPDATE,
        "secretsmanager:RotateSecret": _UPDATE,
        "iam:PutRolePermissionsBoundary": "roles of environments from before the boundary get it",
        "iam:UntagRole": _TAGS,
        "iam:UpdateAssumeRolePolicy": _UPDATE,
        "iam:UpdateRole": _UPDATE,
        "iam:UpdateRoleDescription": _UPDATE,
        "lambda:UntagResource": _TAGS,
        "lambda:UpdateFunctionCode": _UPDATE,
        "lambda:UpdateFunctionConfiguration": _UPDATE,
        "logs:DeleteRetentionPolicy": _UPDATE,
        "rds:CreateDBClusterSnapshot": "RDS takes the final snapshot with the caller's rights on AWS",
        "rds:ModifyDBInstance": _UPDATE,
        "rds:ModifyDBSubnetGroup": _UPDATE,
        "rds:RestoreDBClusterFromSnapshot": "an environment is created with the data of a snapshot",
        "rds:RestoreDBClusterToPointInTime": "an environment is created with the data of a point in time",
        "s3:GetObjectVersion": "a template set of one's own may name versions of objects",
        "secretsmanager:UntagResource": _TAGS,
        "secretsmanager:UpdateSecret": _UPDATE,
        "ssm:DescribeDocument": _UPDATE,
        "ssm:RemoveTagsFromResource": _TAGS,
        "ssm:UpdateAssociation": _UPDATE,
        "ssm:UpdateDocument": _UPDATE,
        "ssm:UpdateDocumentDefaultVersion": _UPDATE,
    },
}


@dataclass(frozen=True, slots=True)
class Silent:
    """Why no page can name a missing action, as on AWS, and whether the step succeeds without it."""

    why: str
    succeeds: bool = False


_OFFERS = Silent("silent: the preflight does not check what the region offers", succeeds=True)
_OUTPUT = Silent("silent: the output of associations is lost", succeeds=True)
SILENT: dict[str, dict[str, Silent]] = {
    "sanso-portal": {
        "elasticloadbalancing:DescribeLoadBalancerAttributes": Silent(
            "silent: the page says that it is unknown whether the load balancers are protected", succeeds=True
        ),
        "ec2:DescribeAvailabilityZones": _OFFERS,
        "ec2:DescribeInstanceTypeOfferings": _OFFERS,
        "rds:DescribeOrderableDBInstanceOptions": _OFFERS,
    },
    ENVIRONMENT: {
        "ec2:DeleteNetworkInterface": Silent(
            "silent: Lambda keeps its interfaces, which keep the VPC from being deleted"
        ),
        "ssm:UpdateInstanceInformation": Silent(
            "silent: the instance does not register, and does not signal"
        ),
        "ssm:ListInstanceAssociations": Silent(
            "silent: the instance runs no association, and does not signal"
        ),
        "ssm:UpdateInstanceAssociationStatus": Silent(
            "silent: State Manager does not learn how the run ended"
        ),
        "ssm:GetDocument": Silent("only the summary of the run in State Manager names it"),
        "s3:PutObject": _OUTPUT,
        "s3:PutObjectAcl": _OUTPUT,
    },
}
