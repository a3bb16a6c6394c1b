"""The two tiers of servers: hardening, fixed size, time to be configured, no secrets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings

from deployments.environments.models.environments import Environment
from tests.infra.template_files import as_list, of_type, properties, read, resources

VARIABLES = {
    *(
        "APP_PROTOCOL",
        "AWS_REGION",
        "DB_NAME",
        "DB_OTHER_READ_ENDPOINT_ADDRESS",
        "DB_OTHER_WRITE_ENDPOINT_ADDRESS",
        "DB_READ_ENDPOINT_ADDRESS",
        "DB_SECRET_NAME",
        "DB_TABLENAME",
        "DB_TLS",
    ),
    *(
        "DB_USER",
        "DB_WRITE_ENDPOINT_ADDRESS",
        "MYSQL_PORT",
        "SIGNAL_STACK",
        "UWSGI_HEALTH_PORT",
        "UWSGI_PORT",
    ),
}


@pytest.mark.parametrize("name", ["web-servers", "app-servers"])
def test_servers_are_hard_to_reach_and_their_disks_encrypted(name: str) -> None:
    data = properties(name, "LaunchTemplate")["LaunchTemplateData"]

    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert data["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True


@pytest.mark.parametrize("name", ["web-servers", "app-servers"])
def test_servers_run_amazon_linux_2023_on_arm_by_its_public_parameter(name: str) -> None:
    parameters = read(name)["Parameters"]

    assert parameters["ImageParameter"]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert parameters["ImageParameter"]["Default"] == (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    )
    assert read("root")["Mappings"]["MachineImages"]["amzn2"]["Parameter"].endswith("arm64-gp2")


@pytest.mark.parametrize("name", ["web-servers", "app-servers"])
def test_groups_keep_two_servers_and_never_scale(name: str) -> None:
    group = properties(name, "AutoScalingGroup")

    assert group["TargetGroupARNs"] == [{"Ref": "TargetGroup"}]
    assert group["MinSize"] == group["MaxSize"] == group["DesiredCapacity"] == {"Ref": "ServerCount"}
    assert read(name)["Parameters"]["ServerCount"]["Default"] == 2
    assert of_type("AWS::AutoScaling::ScalingPolicy") == []


def test_a_server_is_not_replaced_while_it_may_still_be_configured() -> None:
    for stack, name in (("AppServers", "app-servers"), ("WebServers", "web-servers")):
        given = properties("root", stack)["Parameters"]["HealthCheckGraceSeconds"]
        assert given == {"Ref": "ConfigurationTimeoutSeconds"}
        assert properties(name, "AutoScalingGroup")["HealthCheckGracePeriod"] == {
            "Ref": "HealthCheckGraceSeconds"
        }


@pytest.mark.parametrize("name", ["web-servers", "app-servers"])
def test_a_group_waits_for_the_signal_of_each_server_and_keeps_one_in_service(name: str) -> None:
    group = resources(name)["AutoScalingGroup"]
    timeout = {"Fn::Sub": "PT${HealthCheckGraceSeconds}S"}
    rolling = group["UpdatePolicy"]["AutoScalingRollingUpdate"]

    assert group["CreationPolicy"]["ResourceSignal"] == {"Count": {"Ref": "ServerCount"}, "Timeout": timeout}
    assert (rolling["WaitOnResourceSignals"], rolling["PauseTime"]) == (True, timeout)
    assert rolling["MaxBatchSize"] == 1
    assert rolling["MinInstancesInService"] == {"Fn::If": ["HasOneServer", 0, 1]}


def test_associations_write_their_output_where_the_role_allows() -> None:
    for name, logical_id in of_type("AWS::SSM::Association"):
        association = properties(name, logical_id)
        prefix = association["OutputLocation"]["S3Location"]["OutputS3KeyPrefix"]["Fn::Sub"]
        tier = "web-servers" if "Web" in logical_id else "app-servers"
        assert prefix == f"${{LogPrefix}}/{tier}"


def test_associations_run_again_on_schedule_and_change_half_of_the_running_servers_at_a_time() -> None:
    for name, logical_id in of_type("AWS::SSM::Association"):
        association = properties(name, logical_id)
        assert association["ScheduleExpression"] == "rate(30 minutes)"
        assert (association["MaxConcurrency"], association["MaxErrors"]) == ("50%", "0")


def test_an_association_has_a_valid_name_whatever_the_name_of_the_environment() -> None:
    """At most 128 characters: sandbox_tests/resources/test_state_manager_rules.py."""
    pattern = read("configuration")["Parameters"]["EnvironmentName"]["AllowedPattern"]
    of_form = Environment._meta.get_field("name").max_length or 0
    assert re.fullmatch(pattern, settings.SANSO_STACK_PREFIX + "x" * of_form)
    longest = "x" * 112
    assert re.fullmatch(pattern, longest)
    assert not re.fullmatch(pattern, f"{longest}x")
    for stack, logical_id in of_type("AWS::SSM::Association"):
        given = properties(stack, logical_id)["AssociationName"]["Fn::Sub"]
        assert len(given.replace("${EnvironmentName}", longest)) <= 128


def test_no_password_is_passed_to_an_association() -> None:
    for name, logical_id in of_type("AWS::SSM::Association"):
        parameters = properties(name, logical_id)["Parameters"]
        assert "PASSWORD" not in str(parameters).upper()
        if "ExtraVariables" in parameters:
            text = parameters["ExtraVariables"][0]["Fn::Sub"]
            assert {pair.partition("=")[0] for pair in text.split()} - {"SSM"} == VARIABLES


def _resources_of(statement: dict[str, Any]) -> list[str]:
    """Return the ARNs of a statement, as far as they are known without parameters."""
    found = statement["Resource"]
    parts = [one if one == "*" else one["Fn::Sub"] for one in (found if isinstance(found, list) else [found])]
    return [one if isinstance(one, str) else one[0] for one in parts]


def test_no_server_may_replace_wheels_that_others_install() -> None:
    policy = next(
        one for one in properties("iam", "AppServerRole")["Policies"] if one["PolicyName"] == "store-wheels"
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"Null": {"s3:if-none-match": "false"}}


def test_the_servers_may_read_their_artifacts_and_write_their_logs_and_no_more() -> None:
    allowed = {
        role: {
            (action, one)
            for policy in properties("iam", role)["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in as_list(statement["Action"])
            for one in _resources_of(statement)
            if one != "*"
        }
        for role in ("WebServerRole", "AppServerRole")
    }
    bucket = "arn:${AWS::Partition}:s3:::${ArtifactBucket}"
    both = {("s3:GetBucketLocation", bucket), ("s3:GetEncryptionConfiguration", bucket)}

    stack = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/${EnvironmentName}"

    def own(tier: str, group: str) -> set[tuple[str, str]]:
        return {
            *(
                (f"s3:{action}", f"{bucket}/${{LogPrefix}}/{tier}/*")
                for action in ("PutObject", "PutObjectAcl")
            ),
            *(
                (f"cloudformation:{action}", f"{stack}{of}/*")
                for action in ("DescribeStackResource", "SignalResource")
                for of in ("", f"-{group}-*")
            ),
        }

    assert allowed["WebServerRole"] == both | own("web-servers", "WebServers")
    assert allowed["AppServerRole"] == both | own("app-servers", "AppServers") | {
        # all versions: servers run the previous one while the policy changes
        ("s3:GetObject", f"{bucket}/${{Family}}/*"),
        ("s3:ListBucket", bucket),
        ("s3:PutObject", f"{bucket}/${{Family}}/wheels/*"),
        (
            "secretsmanager:GetSecretValue",
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
            "${DatabaseUserSecretName}-??????",
        ),
    }
