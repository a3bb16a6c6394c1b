"""Unique names by resource type, with AWS's messages for taken ones.

Other types reject taken names in their own create handlers (RDS, load balancers, documents).
"""

import json
from typing import Any

from ministack.services import (
    autoscaling,
    cloudwatch_logs,
    ec2,
    iam,
    lambda_svc,
    rds,
    s3,
    secretsmanager,
    ssm,
)

from sanso_sandbox.engine import names
from sanso_sandbox.engine.registry import NameTaken

LOG_GROUP = "AWS::Logs::LogGroup"
PARAMETER = "AWS::SSM::Parameter"


def install() -> None:
    """Declare the names."""
    names.declare(LOG_GROUP, "LogGroupName", _log_group)
    names.declare(PARAMETER, "Name", _parameter)
    names.declare("AWS::IAM::Role", "RoleName", _role)
    names.declare("AWS::IAM::InstanceProfile", "InstanceProfileName", _instance_profile)
    names.declare("AWS::Lambda::Function", "FunctionName", _function)
    names.declare("AWS::S3::Bucket", "BucketName", _bucket)
    names.declare("AWS::SecretsManager::Secret", "Name", _secret)
    names.declare("AWS::AutoScaling::AutoScalingGroup", "AutoScalingGroupName", _group)
    names.declare("AWS::EC2::LaunchTemplate", "LaunchTemplateName", _launch_template)
    names.declare("AWS::RDS::DBSubnetGroup", "DBSubnetGroupName", _subnet_group)
    names.declare(
        "AWS::RDS::DBClusterParameterGroup",
        "DBClusterParameterGroupName",
        lambda name: _parameter_group(name, rds._db_cluster_param_groups),
    )
    names.declare(
        "AWS::RDS::DBParameterGroup",
        "DBParameterGroupName",
        lambda name: _parameter_group(name, rds._param_groups),
    )


def _log_group(name: str) -> NameTaken | None:
    """https://github.com/serverless/serverless/issues/3168"""
    if name not in cloudwatch_logs._log_groups:
        return None
    identifier = json.dumps({"/properties/LogGroupName": name}, separators=(",", ":"))
    return NameTaken(
        "ResourceAlreadyExistsException",
        f"Resource of type '{LOG_GROUP}' with identifier '{identifier}' already exists.",
        by_service=False,
    )


def _parameter(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"""
    if name not in ssm._parameters:
        return None
    return NameTaken(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
        "true.",
    )


def _role(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    if name not in iam._roles:
        return None
    return NameTaken("EntityAlreadyExists", f"Role with name {name} already exists.")


def _instance_profile(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html"""
    if name not in iam._instance_profiles:
        return None
    return NameTaken("EntityAlreadyExists", f"Instance Profile {name} already exists.")


def _function(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
    if name not in lambda_svc._functions:
        return None
    return NameTaken("ResourceConflictException", f"Function already exist: {name}")


def _bucket(name: str) -> NameTaken | None:
    """Bucket names are global (API_CreateBucket).

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if s3._bucket_owner_account(name) is None:
        return None
    return NameTaken("BucketAlreadyExists", f"{name} already exists")


def _secret(name: str) -> NameTaken | None:
    """A deleted secret keeps its name until its recovery window ends (API_CreateSecret)."""
    secret = secretsmanager._secrets.get(name)
    if secret is None:
        return None
    if secret.get("DeletedDate"):
        return NameTaken(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    return NameTaken(
        "ResourceExistsException", f"The operation failed because the secret {name} already exists."
    )


def _group(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"""
    if name not in autoscaling._asgs:
        return None
    return NameTaken(
        "AlreadyExists",
        f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
    )


def _launch_template(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    if not any(template["LaunchTemplateName"] == name for template in ec2._launch_templates.values()):
        return None
    return NameTaken(
        "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."
    )


def _subnet_group(name: str) -> NameTaken | None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html"""
    if not {name, name.lower()} & set(rds._subnet_groups):
        return None
    return NameTaken("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")


def _parameter_group(name: str, groups: Any) -> NameTaken | None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterParameterGroup.html"""
    if not {name, name.lower()} & set(groups):
        return None
    return NameTaken("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists")
