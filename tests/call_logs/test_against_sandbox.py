"""Calls to the sandbox, logged, redacted and read again by the gateways: this tests the log, never AWS."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from deployments.aws import call_capture, session
from deployments.aws.call_capture import RawCall
from deployments.aws.session import Clients
from deployments.call_logs.rules.log_file import entry, line
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.common.errors import AwsFailure, AwsNotFound, UserFixable
from deployments.common.rules.redaction import NOTHING
from tests.aws.call_log_files import error_of, is_withheld, replay
from tests.services import EXTERNAL_ID, Sandbox, account_ref

ACCOUNT = "171717171717"


@pytest.fixture
def calls(sandbox: Sandbox) -> list[RawCall]:
    """The calls to empty and missing things in an account, with those that assume its role."""
    session._connect.cache_clear()
    clients = session.connect(account_ref(sandbox, ACCOUNT))
    with call_capture.collecting() as collected:
        _call(clients)
    return collected.calls


def _call(clients: Clients) -> None:
    clients.sts.caller_identity()
    requests = (
        lambda: clients.cloudformation.describe_stack("sanso-missing"),
        lambda: clients.cloudformation.list_resources("sanso-missing"),
        lambda: clients.elbv2.load_balancers(
            [
                f"arn:aws:elasticloadbalancing:ap-northeast-1:{ACCOUNT}:loadbalancer/net/missing/50dc6c495c0c9188"
            ]
        ),
        lambda: clients.rds.clusters(["missing"]),
        lambda: clients.autoscaling.groups(["missing"]),
        lambda: clients.ssm.associations(["11111111-2222-4333-8444-555555555555"]),
        lambda: clients.s3.bucket_exists(f"sanso-{ACCOUNT}-missing", ACCOUNT),
        lambda: clients.ec2.network_interfaces(["vpc-0123456789abcdef0"]),
        lambda: clients.logs.log_groups("/aws/lambda/missing"),
    )
    for request in requests:
        with suppress(AwsFailure, UserFixable):
            request()


def test_each_call_is_logged_without_keys_account_and_external_id(
    calls: list[RawCall], sandbox: Sandbox
) -> None:
    redact = CallRedactor(Placeholders(b"0123456789abcdef"), NOTHING)

    log = "\n".join(line(entry(call, redact)) for call in calls)

    assert {"AssumeRole", "GetCallerIdentity", "DescribeStacks"} <= {call.operation for call in calls}
    assert len(calls) >= 11
    keys = sandbox.credentials(ACCOUNT)
    for secret in (
        ACCOUNT,
        EXTERNAL_ID,
        "sanso-missing",
        keys["aws_access_key_id"],
        keys["aws_secret_access_key"],
    ):
        assert secret not in log


def test_the_gateways_read_the_logged_answers_as_those_of_the_sandbox(calls: list[RawCall]) -> None:
    redact = CallRedactor(Placeholders(b"0123456789abcdef"), NOTHING)
    logged = [json.loads(line(entry(call, redact))) for call in calls]

    for call in logged:
        if is_withheld(call["body"]):
            continue
        assert error_of(call) == call.get("error", "")
        for result in replay(call).values():
            assert not isinstance(result, Exception) or isinstance(result, AwsFailure | UserFixable)
            assert (
                call["status"] >= 300 or not isinstance(result, AwsFailure) or isinstance(result, AwsNotFound)
            )
