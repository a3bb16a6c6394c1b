"""Answers of AWS in logs and in its documentation: the gateways read them, and the table has their errors.

A log becomes a test by being put into `tests/aws/call_logs`: see the README there.
"""

from __future__ import annotations

import json
import re

import pytest

from deployments.aws.error_mapping import TABLE
from deployments.call_logs.rules.log_file import FORMAT
from deployments.common.errors import AwsFailure, AwsNotFound, UserFixable
from tests.aws.call_log_files import Call, LogFile, error_of, is_withheld, methods_of, read_all, replay

LOGS = read_all()
CALLS = {
    f"{log.name}-{number}-{call['operation']}": call
    for log in LOGS
    for number, call in enumerate(log.calls, 2)
    if call["status"] and not is_withheld(call.get("body", ""))
}
"""Calls with an answer that is not withheld; the number is that of the line."""
SOURCES = {"aws", "sandbox", "documentation"}
NEEDED = {
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("autoscaling", "DescribeScalingActivities"),
    ("cloudformation", "DescribeChangeSet"),
    ("cloudformation", "DescribeEvents"),
    ("cloudformation", "DescribeStackEvents"),
    ("cloudformation", "DescribeStacks"),
    ("cloudformation", "ListStackResources"),
    ("ec2", "DescribeNetworkInterfaces"),
    ("elasticloadbalancing", "DescribeLoadBalancers"),
    ("elasticloadbalancing", "DescribeTargetGroups"),
    ("elasticloadbalancing", "DescribeTargetHealth"),
    ("rds", "DescribeDBClusters"),
    ("rds", "DescribeDBInstances"),
    ("ssm", "DescribeAssociation"),
    ("ssm", "DescribeAssociationExecutions"),
    ("ssm", "DescribeAssociationExecutionTargets"),
}
ACCOUNT = re.compile(r"(?<![\dA-Za-z])(?!000)\d{12}(?![\dA-Za-z])")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_gateways_read_the_answer(call: Call) -> None:
    results = replay(call)

    assert results, f"no gateway calls {call['operation']}"
    for method, result in results.items():
        if isinstance(result, Exception):
            assert isinstance(result, AwsFailure | UserFixable), f"{method} raised {result!r}"
            assert call["status"] >= 300 or isinstance(result, AwsNotFound), f"{method} raised {result!r}"


def test_the_table_of_errors_has_every_code() -> None:
    codes = {name: error_of(call) for name, call in CALLS.items() if call["status"] >= 300}

    assert {name: code for name, code in codes.items() if code not in TABLE} == {}


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_log_says_where_it_was_made(log: LogFile) -> None:
    assert log.about["format"] == FORMAT
    assert log.about["source"] in SOURCES
    if log.about["source"] == "documentation":
        assert all(call["source_url"].startswith("https://") for call in log.calls)


def test_logs_of_aws_have_placeholders_only() -> None:
    of_aws = [log for log in LOGS if log.about["source"] == "aws"]

    found = [(log.name, call["operation"]) for log in of_aws for call in log.calls if _has_account(call)]

    assert found == []


def _has_account(call: Call) -> bool:
    return bool(ACCOUNT.search(json.dumps({**call, "headers": {}})))


def test_aws_documents_answers_to_the_calls_that_decide_about_a_deployment() -> None:
    outside = [call for log in LOGS if log.about["source"] != "sandbox" for call in log.calls]

    assert {(call["service"], call["operation"]) for call in outside} >= NEEDED


def test_the_gateways_are_called_as_the_portal_calls_them() -> None:
    """The methods are found by calling each one: what is found must not shrink unnoticed."""
    assert methods_of("cloudformation")["DescribeStacks"] == ["describe_stack"]
    assert methods_of("rds")["DescribeDBClusters"] == ["clusters"]
    assert sum(len(methods_of(service)) for service in ("ec2", "elasticloadbalancing", "ssm", "s3")) > 25


def test_what_is_read_from_a_documented_answer_is_what_it_says() -> None:
    documented = next(log for log in LOGS if log.name == "documented.jsonl")
    found = {call["operation"]: replay(call) for call in documented.calls if "parsed" in call}

    (cluster,) = found["DescribeDBClusters"]["clusters"]
    (group,) = found["DescribeAutoScalingGroups"]["groups"]
    (finding,) = found["DescribeEvents"]["validation_findings"]
    health = found["DescribeTargetHealth"]["target_health"]

    assert (cluster.status, cluster.engine_version) == ("available", "5.7.mysql_aurora.2.04.2")
    assert [instance.lifecycle for instance in group.instances] == ["InService"]
    assert (finding.check, finding.logical_id) == ("PROPERTY_VALIDATION", "NotificationBucket")
    assert [one.state for one in health] == ["healthy", "healthy"]
