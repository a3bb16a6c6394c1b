"""The actions that CloudFormation's handlers perform for each type of resource.

From `handlers.<operation>.permissions` of the registry's schemas of 2026-10-20, which cfn-lint contains
(tests/sandbox/engine/test_handler_actions.py compares them). Left out are actions for properties that no
template here uses, and those that handlers do not need (a schema lists all possible calls of a handler).
Types that are not listed are not checked (docs/sandbox.md).
"""

from typing import Final

CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"

_Actions = dict[str, str]

# Resource type -> operation -> actions.
TABLE: Final[dict[str, _Actions]] = {
    "AWS::AutoScaling::AutoScalingGroup": {
        CREATE: "autoscaling:CreateAutoScalingGroup autoscaling:DescribeAutoScalingGroups "
        "autoscaling:DescribeScalingActivities autoscaling:CreateOrUpdateTags ec2:RunInstances "
        "ec2:DescribeLaunchTemplates",
        UPDATE: "autoscaling:UpdateAutoScalingGroup autoscaling:DescribeAutoScalingGroups "
        "autoscaling:DescribeScalingActivities autoscaling:CreateOrUpdateTags",
        DELETE: "autoscaling:DeleteAutoScalingGroup autoscaling:UpdateAutoScalingGroup "
        "autoscaling:DescribeAutoScalingGroups",
    },
    "AWS::CloudFormation::Stack": {
        CREATE: "cloudformation:CreateStack cloudformation:DescribeStacks",
        UPDATE: "cloudformation:UpdateStack cloudformation:DescribeStacks",
        DELETE: "cloudformation:DeleteStack cloudformation:DescribeStacks",
    },
    "AWS::CloudWatch::Alarm": {
        CREATE: "cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms cloudwatch:TagResource",
        UPDATE: "cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms cloudwatch:ListTagsForResource "
        "cloudwatch:TagResource cloudwatch:UntagResource",
        DELETE: "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms",
    },
    "AWS::EC2::EIP": {
        CREATE: "ec2:AllocateAddress ec2:DescribeAddresses ec2:CreateTags",
        UPDATE: "ec2:DescribeAddresses ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:ReleaseAddress ec2:DescribeAddresses",
    },
    "AWS::EC2::FlowLog": {
        CREATE: "ec2:CreateFlowLogs ec2:DescribeFlowLogs",
        UPDATE: "ec2:CreateTags ec2:DescribeFlowLogs",
        DELETE: "ec2:DeleteFlowLogs ec2:DescribeFlowLogs",
    },
    "AWS::EC2::InternetGateway": {
        CREATE: "ec2:CreateInternetGateway ec2:CreateTags ec2:DescribeInternetGateways",
        UPDATE: "ec2:CreateTags ec2:DeleteTags ec2:DescribeInternetGateways",
        DELETE: "ec2:DeleteInternetGateway ec2:DescribeInternetGateways",
    },
    "AWS::EC2::LaunchTemplate": {
        CREATE: "ec2:CreateLaunchTemplate ec2:CreateTags",
        UPDATE: "ec2:CreateLaunchTemplateVersion ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:DeleteLaunchTemplate ec2:DescribeLaunchTemplates",
    },
    "AWS::EC2::NatGateway": {
        CREATE: "ec2:CreateNatGateway ec2:DescribeNatGateways ec2:CreateTags",
        UPDATE: "ec2:DescribeNatGateways ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:DeleteNatGateway ec2:DescribeNatGateways",
    },
    "AWS::EC2::Route": {
        CREATE: "ec2:CreateRoute ec2:DescribeRouteTables",
        UPDATE: "ec2:ReplaceRoute ec2:DescribeRouteTables",
        DELETE: "ec2:DeleteRoute ec2:DescribeRouteTables",
    },
    "AWS::EC2::RouteTable": {
        CREATE: "ec2:CreateRouteTable ec2:CreateTags ec2:DescribeRouteTables",
        UPDATE: "ec2:CreateTags ec2:DeleteTags ec2:DescribeRouteTables",
        DELETE: "ec2:DeleteRouteTable ec2:DescribeRouteTables",
    },
    "AWS::EC2::SecurityGroup": {
        CREATE: "ec2:CreateSecurityGroup ec2:DescribeSecurityGroups ec2:RevokeSecurityGroupEgress "
        "ec2:AuthorizeSecurityGroupEgress ec2:AuthorizeSecurityGroupIngress ec2:CreateTags",
        UPDATE: "ec2:DescribeSecurityGroups ec2:RevokeSecurityGroupEgress ec2:RevokeSecurityGroupIngress "
        "ec2:AuthorizeSecurityGroupEgress ec2:AuthorizeSecurityGroupIngress ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:DeleteSecurityGroup ec2:DescribeSecurityGroups",
    },
    "AWS::EC2::SecurityGroupEgress": {
        CREATE: "ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress",
        DELETE: "ec2:RevokeSecurityGroupEgress",
    },
    "AWS::EC2::SecurityGroupIngress": {
        CREATE: "ec2:AuthorizeSecurityGroupIngress",
        UPDATE: "ec2:DescribeSecurityGroups",
        DELETE: "ec2:RevokeSecurityGroupIngress ec2:DescribeSecurityGroups",
    },
    "AWS::EC2::Subnet": {
        CREATE: "ec2:CreateSubnet ec2:DescribeSubnets ec2:CreateTags ec2:ModifySubnetAttribute",
        UPDATE: "ec2:DescribeSubnets ec2:ModifySubnetAttribute ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:DeleteSubnet ec2:DescribeSubnets",
    },
    "AWS::EC2::SubnetRouteTableAssociation": {
        CREATE: "ec2:AssociateRouteTable ec2:DescribeRouteTables",
        DELETE: "ec2:DisassociateRouteTable ec2:DescribeRouteTables",
    },
    "AWS::EC2::VPC": {
        CREATE: "ec2:CreateVpc ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:ModifyVpcAttribute "
        "ec2:CreateTags",
        UPDATE: "ec2:ModifyVpcAttribute ec2:DescribeVpcAttribute ec2:CreateTags ec2:DeleteTags",
        DELETE: "ec2:DeleteVpc ec2:DescribeVpcs",
    },
    "AWS::EC2::VPCEndpoint": {
        CREATE: "ec2:CreateVpcEndpoint ec2:DescribeVpcEndpoints",
        UPDATE: "ec2:ModifyVpcEndpoint ec2:DescribeVpcEndpoints",
        DELETE: "ec2:DeleteVpcEndpoints ec2:DescribeVpcEndpoints",
    },
    "AWS::EC2::VPCGatewayAttachment": {
        CREATE: "ec2:AttachInternetGateway ec2:DescribeInternetGateways",
        UPDATE: "ec2:AttachInternetGateway ec2:DetachInternetGateway ec2:DescribeInternetGateways",
        DELETE: "ec2:DetachInternetGateway ec2:DescribeInternetGateways",
    },
    "AWS::ElasticLoadBalancingV2::Listener": {
        CREATE: "elasticloadbalancing:CreateListener elasticloadbalancing:DescribeListeners",
        UPDATE: "elasticloadbalancing:ModifyListener elasticloadbalancing:DescribeListeners",
        DELETE: "elasticloadbalancing:DeleteListener elasticloadbalancing:DescribeListeners",
    },
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        CREATE: "elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:DescribeLoadBalancers "
        "elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:AddTags",
        UPDATE: "elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:SetSubnets "
        "elasticloadbalancing:SetSecurityGroups elasticloadbalancing:AddTags elasticloadbalancing:RemoveTags",
        DELETE: "elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:DescribeLoadBalancers",
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {
        CREATE: "elasticloadbalancing:CreateTargetGroup elasticloadbalancing:DescribeTargetGroups "
        "elasticloadbalancing:ModifyTargetGroupAttributes elasticloadbalancing:AddTags",
        UPDATE: "elasticloadbalancing:ModifyTargetGroup elasticloadbalancing:ModifyTargetGroupAttributes "
        "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:AddTags "
        "elasticloadbalancing:RemoveTags",
        DELETE: "elasticloadbalancing:DeleteTargetGroup elasticloadbalancing:DescribeTargetGroups",
    },
    "AWS::IAM::InstanceProfile": {
        CREATE: "iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile",
        UPDATE: "iam:RemoveRoleFromInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile",
        DELETE: "iam:DeleteInstanceProfile iam:RemoveRoleFromInstanceProfile iam:GetInstanceProfile",
    },
    "AWS::IAM::Policy": {
        CREATE: "iam:PutRolePolicy iam:GetRolePolicy",
        UPDATE: "iam:PutRolePolicy iam:DeleteRolePolicy",
        DELETE: "iam:DeleteRolePolicy",
    },
    "AWS::IAM::Role": {
        CREATE: "iam:CreateRole iam:PutRolePolicy iam:AttachRolePolicy iam:TagRole iam:GetRole",
        UPDATE: "iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:AttachRolePolicy "
        "iam:DetachRolePolicy iam:PutRolePolicy iam:DeleteRolePolicy iam:TagRole iam:UntagRole",
        DELETE: "iam:DeleteRole iam:DetachRolePolicy iam:DeleteRolePolicy iam:GetRole "
        "iam:ListAttachedRolePolicies iam:ListRolePolicies",
    },
    "AWS::Lambda::Function": {
        CREATE: "lambda:CreateFunction lambda:GetFunction lambda:TagResource",
        UPDATE: "lambda:UpdateFunctionConfiguration lambda:UpdateFunctionCode lambda:GetFunction "
        "lambda:TagResource lambda:UntagResource",
        DELETE: "lambda:DeleteFunction lambda:GetFunction ec2:DescribeNetworkInterfaces",
    },
    "AWS::Logs::LogGroup": {
        CREATE: "logs:CreateLogGroup logs:DescribeLogGroups logs:PutRetentionPolicy logs:TagResource",
        UPDATE: "logs:DescribeLogGroups logs:PutRetentionPolicy logs:TagResource logs:UntagResource "
        "logs:ListTagsForResource",
        DELETE: "logs:DeleteLogGroup logs:DescribeLogGroups",
    },
    "AWS::RDS::DBCluster": {
        CREATE: "rds:CreateDBCluster rds:DescribeDBClusters rds:DescribeEvents rds:AddTagsToResource "
        "secretsmanager:CreateSecret secretsmanager:TagResource",
        UPDATE: "rds:ModifyDBCluster rds:DescribeDBClusters rds:DescribeEvents rds:DescribeDBSubnetGroups "
        "rds:AddTagsToResource rds:RemoveTagsFromResource ec2:DescribeSecurityGroups",
        DELETE: "rds:DeleteDBCluster rds:DescribeDBClusters",
    },
    "AWS::RDS::DBClusterParameterGroup": {
        CREATE: "rds:CreateDBClusterParameterGroup rds:DescribeDBClusterParameterGroups "
        "rds:DescribeDBClusterParameters rds:DescribeEngineDefaultClusterParameters "
        "rds:ModifyDBClusterParameterGroup rds:AddTagsToResource",
        UPDATE: "rds:ModifyDBClusterParameterGroup rds:DescribeDBClusterParameterGroups "
        "rds:DescribeDBClusterParameters rds:AddTagsToResource rds:RemoveTagsFromResource "
        "rds:ListTagsForResource",
        DELETE: "rds:DeleteDBClusterParameterGroup",
    },
    "AWS::RDS::DBInstance": {
        CREATE: "rds:CreateDBInstance rds:DescribeDBInstances rds:DescribeDBClusters rds:DescribeEvents "
        "rds:AddTagsToResource ec2:DescribeAvailabilityZones ec2:DescribeSecurityGroups ec2:DescribeSubnets "
        "ec2:DescribeVpcAttribute ec2:DescribeVpcs",
        UPDATE: "rds:ModifyDBInstance rds:DescribeDBInstances rds:DescribeEvents rds:AddTagsToResource "
        "rds:RemoveTagsFromResource",
        DELETE: "rds:DeleteDBInstance rds:DescribeDBInstances",
    },
    "AWS::RDS::DBSubnetGroup": {
        CREATE: "rds:CreateDBSubnetGroup rds:DescribeDBSubnetGroups rds:AddTagsToResource "
        "rds:ListTagsForResource",
        UPDATE: "rds:ModifyDBSubnetGroup rds:DescribeDBSubnetGroups rds:AddTagsToResource "
        "rds:RemoveTagsFromResource rds:ListTagsForResource",
        DELETE: "rds:DeleteDBSubnetGroup rds:DescribeDBSubnetGroups",
    },
    "AWS::SSM::Association": {
        CREATE: "ssm:CreateAssociation ssm:DescribeAssociation",
        UPDATE: "ssm:UpdateAssociation ssm:DescribeAssociation",
        DELETE: "ssm:DeleteAssociation",
    },
    "AWS::SSM::Document": {
        CREATE: "ssm:CreateDocument ssm:GetDocument ssm:AddTagsToResource ssm:ListTagsForResource",
        UPDATE: "ssm:UpdateDocument ssm:UpdateDocumentDefaultVersion ssm:DescribeDocument "
        "ssm:AddTagsToResource ssm:RemoveTagsFromResource ssm:ListTagsForResource",
        DELETE: "ssm:DeleteDocument ssm:GetDocument",
    },
    "AWS::SSM::Parameter": {
        CREATE: "ssm:PutParameter ssm:AddTagsToResource ssm:GetParameters",
        UPDATE: "ssm:PutParameter ssm:AddTagsToResource ssm:RemoveTagsFromResource ssm:GetParameters",
        DELETE: "ssm:DeleteParameter",
    },
    "AWS::SecretsManager::Secret": {
        CREATE: "secretsmanager:CreateSecret secretsmanager:DescribeSecret "
        "secretsmanager:GetRandomPassword secretsmanager:TagResource",
        UPDATE: "secretsmanager:UpdateSecret secretsmanager:GetRandomPassword secretsmanager:TagResource "
        "secretsmanager:UntagResource",
        DELETE: "secretsmanager:DeleteSecret secretsmanager:DescribeSecret",
    },
}

# The first resource of these types in an account creates the service-linked role of its service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
SERVICE_LINKED: Final = {
    "AWS::AutoScaling::AutoScalingGroup": ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
    ),
    "AWS::RDS::DBCluster": ("rds.amazonaws.com", "AWSServiceRoleForRDS"),
}


def actions(resource_type: str, operation: str) -> list[str]:
    """Return the actions of an operation on a resource type; none for a type that is not checked."""
    return TABLE.get(resource_type, {}).get(operation, "").split()
