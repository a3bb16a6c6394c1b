"""Injected faults: every mode, with the error format of the service that is called."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import LIMIT, wait_until
from sandbox_tests.sandboxes import Sandbox

CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cloudformation": ("list_stacks", "ListStacks", {}),
    "s3": ("list_buckets", "ListBuckets", {}),
    "ssm": ("describe_parameters", "DescribeParameters", {}),
    "ec2": ("describe_vpcs", "DescribeVpcs", {}),
    "elbv2": ("describe_load_balancers", "DescribeLoadBalancers", {}),
    "autoscaling": ("describe_auto_scaling_groups", "DescribeAutoScalingGroups", {}),
    "rds": ("describe_db_clusters", "DescribeDBClusters", {}),
    "sts": ("get_caller_identity", "GetCallerIdentity", {}),
    "secretsmanager": ("list_secrets", "ListSecrets", {}),
    "lambda": ("list_functions", "ListFunctions", {}),
}
THROTTLED = {
    "cloudformation": ("Throttling", 400, "Rate exceeded"),
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
    "ssm": ("ThrottlingException", 400, "Rate exceeded"),
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "elbv2": ("Throttling", 400, "Rate exceeded"),
    "lambda": ("TooManyRequestsException", 429, "Rate exceeded"),
}


def call(account: Account, service: str) -> Any:
    method, _action, arguments = CALLS[service]
    return getattr(account.client(service), method)(**arguments)


def refusal(account: Account, service: str) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(account, service)
    error = refused.value.response["Error"]
    return error["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


@pytest.mark.parametrize("service", THROTTLED)
def test_a_throttled_call_is_answered_in_the_services_own_form(account: Account, service: str) -> None:
    account.break_api(service=service, action=CALLS[service][1], mode="throttle")
    assert refusal(account, service) == THROTTLED[service]
    call(account, service)


@pytest.mark.parametrize("service", CALLS)
def test_an_error_before_the_call_is_a_500_in_the_services_own_form(account: Account, service: str) -> None:
    account.break_api(service=service, action=CALLS[service][1], mode="error_before", code="ServiceFailure")
    code, status, message = refusal(account, service)
    assert (code, status) == ("ServiceFailure", 500)
    assert message
    call(account, service)


def test_a_denied_call_names_who_may_not_do_what(account: Account) -> None:
    account.break_api(service="cloudformation", action="CreateChangeSet", mode="denied")
    with pytest.raises(ClientError) as refused:
        account.cloudformation.create_change_set(
            StackName="x", ChangeSetName="y", ChangeSetType="CREATE", TemplateBody="{}"
        )
    who = account.client("sts").get_caller_identity()["Arn"]
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["Error"]["Message"].startswith(
        f"User: {who} is not authorized to perform: cloudformation:CreateChangeSet"
    )


@pytest.mark.parametrize(
    ("service", "code"),
    [("ssm", "AccessDeniedException"), ("s3", "AccessDenied"), ("ec2", "UnauthorizedOperation")],
)
def test_denials_have_the_services_own_code(account: Account, service: str, code: str) -> None:
    account.break_api(service=service, action="*", mode="denied")
    assert refusal(account, service)[0] == code


def test_after_an_error_after_the_call_the_work_is_done_all_the_same(account: Account) -> None:
    account.break_api(service="sqs", action="CreateQueue", mode="error_after")
    with pytest.raises(ClientError) as refused:
        account.client("sqs").create_queue(QueueName="made")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert account.queue_names() == {"made"}


def test_a_call_that_times_out_is_carried_out(account: Account) -> None:
    account.break_api(service="s3", action="CreateBucket", mode="timeout")
    impatient = account.client("s3", read_timeout=0.5)
    with pytest.raises(ReadTimeoutError):
        impatient.create_bucket(
            Bucket=f"made-{account.id}", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
        )
    patient = account.client("s3", read_timeout=LIMIT)
    assert [one["Name"] for one in patient.list_buckets()["Buckets"]] == [f"made-{account.id}"]


def test_faults_can_be_skipped_to_and_counted(account: Account) -> None:
    account.break_api(service="ssm", action="DescribeParameters", mode="throttle", skip=1, count=2)
    outcomes = []
    for _ in range(4):
        try:
            call(account, "ssm")
            outcomes.append("fine")
        except ClientError:
            outcomes.append("throttled")
    assert outcomes == ["fine", "throttled", "throttled", "fine"]


def test_a_fault_is_for_the_action_it_names(account: Account) -> None:
    account.publish()
    account.break_api(service="s3", action="PutObject", mode="denied")
    s3 = account.client("s3")
    s3.head_bucket(Bucket=account.bucket)
    s3.list_objects_v2(Bucket=account.bucket)
    with pytest.raises(ClientError, match="PutObject"):
        s3.put_object(Bucket=account.bucket, Key="a/b", Body=b"x")
    s3.put_object(Bucket=account.bucket, Key="a/b", Body=b"x")


def test_accounts_do_not_feel_each_others_faults(account: Account, sandbox: Sandbox) -> None:
    other = Account(sandbox, "999988887777")
    account.break_api(service="ssm", action="*", mode="throttle")
    account.fail(Queue="no more queues")
    call(other, "ssm")
    assert refusal(account, "ssm")[0] == "ThrottlingException"
    assert sandbox.control("GET", "faults", account=other.id) == {
        "resources": {},
        "associations": {},
        "api": [],
    }
    other.clients["ssm"].close()


@pytest.mark.parametrize(
    ("mode", "decision", "made_before", "made_after"),
    [
        ("hold_before", "release", False, True),
        ("hold_before", "drop", False, False),
        ("hold_after", "release", True, True),
        ("hold_after", "drop", True, True),
    ],
)
def test_a_held_call_waits_for_a_decision(
    account: Account, mode: str, decision: str, made_before: bool, made_after: bool
) -> None:
    account.break_api(service="sqs", action="CreateQueue", mode=mode)
    outcome: list[object] = []

    def create() -> None:
        try:
            outcome.append(account.client("sqs").create_queue(QueueName="made"))
        except ConnectionClosedError as closed:
            outcome.append(closed)

    account.queue_names()  # creates the client that the two threads below share
    caller = threading.Thread(target=create)
    caller.start()
    held: list[dict[str, str]] = []
    wait_until(lambda: bool(held_calls(account, held)), what="the held call")
    assert (held[0]["service"], held[0]["action"], held[0]["account"], held[0]["when"]) == (
        "sqs",
        "CreateQueue",
        account.id,
        mode.removeprefix("hold_"),
    )
    assert account.queue_names() == ({"made"} if made_before else set())
    account.sandbox.control("POST", f"held/{held[0]['id']}", {"action": decision})
    caller.join(LIMIT)
    assert isinstance(outcome[0], dict if decision == "release" else ConnectionClosedError)
    assert account.queue_names() == ({"made"} if made_after else set())
    assert account.sandbox.control("GET", "held", account=account.id) == []


def held_calls(account: Account, into: list[dict[str, str]]) -> list[dict[str, str]]:
    found = account.sandbox.control("GET", "held", account=account.id)
    assert isinstance(found, list)
    into[:] = found
    return into


def test_a_held_call_is_carried_out_though_its_caller_is_gone(account: Account) -> None:
    account.break_api(service="sqs", action="CreateQueue", mode="hold_before")
    impatient = account.client("sqs", read_timeout=0.3)
    with pytest.raises(ReadTimeoutError):
        impatient.create_queue(QueueName="made")
    held: list[dict[str, str]] = []
    wait_until(lambda: bool(held_calls(account, held)), what="the held call")
    account.sandbox.control("POST", f"held/{held[0]['id']}", {"action": "release"})
    wait_until(lambda: account.queue_names() == {"made"}, what="the queue")


@pytest.mark.parametrize("fault", [{"on": "i-1"}, {"instances": ["i-1"]}, "yes", {"on": [1]}, {"stdout": 3}])
def test_a_fault_of_an_association_that_is_none_is_refused(
    account: Account, sandbox: Sandbox, fault: object
) -> None:
    with pytest.raises(Exception, match="400"):
        sandbox.control("POST", "faults", {"associations": {"configure": fault}}, account=account.id)


@pytest.mark.parametrize("name", ["create:Queue", "updated:Queue", "Data/Queue", ""])
def test_a_fault_of_what_cannot_be_a_resource_is_refused(
    account: Account, sandbox: Sandbox, name: str
) -> None:
    with pytest.raises(Exception, match="400"):
        sandbox.control("POST", "faults", {"resources": {name: "No."}}, account=account.id)


def test_the_faults_of_api_calls_are_taken_back_and_no_other(account: Account, sandbox: Sandbox) -> None:
    account.break_api(service="sqs", mode="denied", count=9)
    sandbox.control("POST", "faults", {"resources": {"Queue": "No."}}, account=account.id)

    sandbox.control("POST", "faults", {"api": None}, account=account.id)

    left = sandbox.control("GET", "faults", account=account.id)
    assert left == {"resources": {"Queue": "No."}, "associations": {}, "api": []}
    account.client("sqs").list_queues()
