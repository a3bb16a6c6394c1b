"""Evidence of a failure is stored while AWS has it: logs, outputs, scaling activities."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.aws.autoscaling import Group, ScalingActivity
from deployments.aws.logs import LogMessage
from deployments.aws.redacted import redacted
from deployments.aws.ssm import Association, Execution, ExecutionTarget
from deployments.common.errors import AwsAccessError, AwsRetryable
from deployments.common.models.encryption import encrypt_values
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from deployments.failures.steps import evidence
from deployments.health.models.configuration import Association as AssociationRow
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import redactors
from tests.builders import START, make_deployment, make_environment, make_event, make_resource, make_stack
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
GROUP = "/sanso/shop/initialise-database"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def _failed_custom_resource(
    reason: str = "Received response status [FAILED] from custom resource.",
) -> Deployment:
    deployment = make_deployment(sealed_parameters=encrypt_values({"Password": "hunter22"}))
    root = make_stack(deployment)
    aurora = make_stack(deployment, "Aurora", root)
    make_resource(
        root,
        "InitDB",
        type="Custom::InitDB",
        depends_on=[["Aurora/Function", "parameter"], ["Nowhere", "Ref"]],
    )
    make_resource(
        aurora,
        "Function",
        type="AWS::Lambda::Function",
        physical_id="shop-init",
        depends_on=[["Aurora/Logs", "Ref"]],
    )
    make_resource(aurora, "Logs", type="AWS::Logs::LogGroup", physical_id=GROUP)
    make_event(
        deployment,
        1,
        stack=root,
        logical_id="InitDB",
        type="Custom::InitDB",
        status="CREATE_FAILED",
        reason=reason,
    )
    return deployment


def _gather(deployment: Deployment, aws: FakeAws) -> list[Evidence]:
    clients = redacted(aws(deployment.environment.account.ref()), redactors.of_deployment(deployment))
    evidence.gather(deployment, clients)
    return list(Evidence.objects.of(deployment))


def test_the_log_of_the_failed_function_is_stored_without_secrets(aws: FakeAws) -> None:
    aws.logs[GROUP, "2026/11/25/[$LATEST]1"] = [
        LogMessage(at=START, text="connecting with hunter22"),
        LogMessage(at=START + timedelta(seconds=1), text="Access denied for user"),
    ]

    (found,) = _gather(_failed_custom_resource(), aws)

    assert found.kind == "function_log"
    assert found.subject.startswith(GROUP)
    assert "Access denied for user" in found.text
    assert "hunter22" not in found.text


def test_the_log_stream_in_the_reason_is_the_one_that_is_read(aws: FakeAws) -> None:
    aws.logs[GROUP, "2026/11/25/[$LATEST]first"] = [LogMessage(at=START, text="the wanted one")]
    aws.logs[GROUP, "2026/11/25/[$LATEST]second"] = [LogMessage(at=START, text="another invocation")]
    deployment = _failed_custom_resource("FAILED. See the log stream 2026/11/25/[$LATEST]first.")

    (found,) = _gather(deployment, aws)

    assert "the wanted one" in found.text


def test_a_log_that_has_not_arrived_yet_is_read_by_a_later_step(aws: FakeAws) -> None:
    aws.logs[GROUP, "earlier"] = [LogMessage(at=START - timedelta(hours=1), text="another invocation")]
    deployment = _failed_custom_resource()

    assert _gather(deployment, aws) == []
    aws.logs[GROUP, "later"] = [LogMessage(at=START, text="why")]

    assert "why" in _gather(deployment, aws)[0].text


def test_a_function_that_logged_nothing_is_said_in_the_end(aws: FakeAws) -> None:
    aws.logs[GROUP, "earlier"] = [LogMessage(at=START - timedelta(hours=1), text="another invocation")]
    deployment = _failed_custom_resource()
    clients = redacted(aws(deployment.environment.account.ref()), redactors.of_deployment(deployment))

    evidence.gather(deployment, clients, is_last=True)

    (found,) = Evidence.objects.of(deployment)
    assert "logged nothing" in stored_text(found.problem)


def test_a_log_that_the_rollback_deleted_is_reported(aws: FakeAws) -> None:
    (found,) = _gather(_failed_custom_resource(), aws)
    assert "deleted" in stored_text(found.problem)


def test_a_denied_log_is_reported_with_the_missing_action(aws: FakeAws) -> None:
    aws.fail("logs:FilterLogEvents", AwsAccessError("AccessDeniedException", "no", "logs:FilterLogEvents"))
    (found,) = _gather(_failed_custom_resource(), aws)
    assert "logs:FilterLogEvents" in stored_text(found.problem)


def test_a_throttled_read_is_retried_and_evidence_is_stored_once(aws: FakeAws) -> None:
    deployment = _failed_custom_resource()
    aws.logs[GROUP, "s"] = [LogMessage(at=START, text="why")]
    aws.fail("logs:FilterLogEvents", AwsRetryable("ThrottlingException", "slow", "logs:FilterLogEvents"))

    assert _gather(deployment, aws) == []
    assert len(_gather(deployment, aws)) == 1
    calls = len(aws.calls)
    assert len(_gather(deployment, aws)) == 1
    assert len(aws.calls) == calls


def test_the_activities_of_a_failed_group_are_stored(aws: FakeAws) -> None:
    deployment = make_deployment()
    root = make_stack(deployment)
    make_resource(root, "Group", type="AWS::AutoScaling::AutoScalingGroup", physical_id="shop-app")
    make_event(
        deployment,
        1,
        stack=root,
        logical_id="Group",
        type="AWS::AutoScaling::AutoScalingGroup",
        status="CREATE_FAILED",
        reason="Group did not stabilize.",
    )
    aws.scaling_groups["shop-app"] = Group(name="shop-app", desired=2, minimum=2, maximum=2, instances=())
    aws.scaling_activities["shop-app"] = [
        ScalingActivity(
            activity_id="a",
            group="shop-app",
            status="Failed",
            description="Launching a new EC2 instance.",
            cause="",
            message="The image id '[ami-1]' does not exist",
            progress=100,
            started_at=START,
            ended_at=START,
        )
    ]

    (found,) = _gather(deployment, aws)

    assert found.kind == "scaling_activities"
    assert "ami-1" in found.text


def test_a_failure_without_evidence_costs_no_call(aws: FakeAws) -> None:
    deployment = make_deployment()
    make_event(
        deployment,
        1,
        stack=make_stack(deployment),
        logical_id="Vpc",
        type="AWS::EC2::VPC",
        status="CREATE_FAILED",
        reason="quota",
    )

    assert _gather(deployment, aws) == []
    assert aws.calls == []


def test_the_failed_task_of_an_association_is_stored_with_its_output(aws: FakeAws) -> None:
    deployment = make_deployment()
    root = make_stack(deployment)
    make_resource(root, "Servers", type="AWS::SSM::Association", physical_id="a-1")
    make_event(
        deployment,
        1,
        stack=root,
        logical_id="Servers",
        type="AWS::SSM::Association",
        status="CREATE_FAILED",
        reason="Resource of type 'AWS::SSM::Association' with identifier 'a-1' did not stabilize.",
    )
    aws.association_rows["a-1"] = Association(
        association_id="a-1", name="servers", document="d", version="1", status="Failed", detailed_status=""
    )
    aws.execution_rows["a-1"] = [
        Execution(
            association_id="a-1",
            execution_id="e",
            status="Failed",
            detailed_status="",
            created_at=START,
            counts={},
        )
    ]
    aws.execution_target_rows["e"] = [
        ExecutionTarget(association_id="a-1", execution_id="e", instance_id=name, status=status,
                        detailed_status="", at=START, output_bucket="logs", output_key=f"out/{name}/a-1/")
        for name, status in (("i-1", "Success"), ("i-2", "Failed"))
    ]  # fmt: skip
    folder = f"out/i-2/a-1/{START:%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
    aws.stored["logs", f"{folder}/stdout"] = (
        b'TASK [Install the release] ****\nfatal: [localhost]: FAILED! => {"msg": "no space"}\n'
    )

    (found,) = _gather(deployment, aws)

    assert (found.kind, found.subject) == ("association_output", "i-2 servers")
    assert found.text.splitlines()[0] == "Install the release: no space"


def _make_server_of_another_environment(deployment: Deployment, instance_id: str) -> None:
    FleetInstance.objects.create(
        environment=make_environment("shop", account=deployment.environment.account),
        tier="web",
        group="g",
        instance_id=instance_id,
        first_seen_at=START,
        observed_at=START,
    )


def test_what_failed_on_servers_of_another_environment_explains_nothing(aws: FakeAws) -> None:
    deployment = _failed_association(output_bucket="logs", output_prefix="out")
    _make_server_of_another_environment(deployment, "i-1")
    for instance in ("i-1", "i-2"):
        folder = f"out/{instance}/a-1/{START:%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
        aws.stored["logs", f"{folder}/stdout"] = b"TASK [Install] ****\n" + FATAL

    assert [one.subject for one in _gather_last(deployment, aws)] == ["i-2 servers"]


@pytest.mark.parametrize("is_observed", [False, True])
def test_runs_on_servers_of_another_environment_are_no_evidence(aws: FakeAws, is_observed: bool) -> None:
    deployment = _failed_association(output_bucket="logs", output_prefix="out")
    _make_server_of_another_environment(deployment, "i-1")
    if is_observed:
        known = AssociationRow.objects.get()
        for name in ("i-1", "i-2"):
            AssociationRun.objects.create(
                association=known, execution_id="e", instance_id=name, status="Failed", output_at=START
            )
    else:
        aws.association_rows["a-1"] = Association(
            association_id="a-1",
            name="servers",
            document="d",
            version="1",
            status="Failed",
            detailed_status="",
        )
        values = {"association_id": "a-1", "execution_id": "e", "status": "Failed", "detailed_status": ""}
        aws.execution_rows["a-1"] = [Execution(**values, created_at=START, counts={})]
        aws.execution_target_rows["e"] = [
            ExecutionTarget(**values, instance_id=name, at=START) for name in ("i-1", "i-2")
        ]

    assert [one.subject for one in _gather(deployment, aws)] == ["i-2 servers"]


FATAL = b'fatal: [localhost]: FAILED! => {"msg": "no space"}'


def _failed_association(**observed: str) -> Deployment:
    """Return a deployment whose association failed and no longer exists in State Manager."""
    deployment = make_deployment()
    root = make_stack(deployment)
    make_resource(root, "Servers", type="AWS::SSM::Association", physical_id="a-1")
    make_event(
        deployment,
        1,
        stack=root,
        logical_id="Servers",
        type="AWS::SSM::Association",
        status="CREATE_FAILED",
        reason="Resource of type 'AWS::SSM::Association' with identifier 'a-1' did not stabilize.",
    )
    if observed:
        AssociationRow.objects.create(
            environment=deployment.environment,
            association_id="a-1",
            name="servers",
            observed_at=START,
            **observed,
        )
    return deployment


def _gather_last(deployment: Deployment, aws: FakeAws) -> list[Evidence]:
    clients = redacted(aws(deployment.environment.account.ref()), redactors.of_deployment(deployment))
    evidence.gather(deployment, clients)
    assert not Evidence.objects.of(deployment).exists()  # an observation may still follow
    evidence.gather(deployment, clients, is_last=True)
    return list(Evidence.objects.of(deployment))


def test_the_output_of_an_association_that_is_gone_is_found_in_s3_by_its_id(aws: FakeAws) -> None:
    deployment = _failed_association(output_bucket="logs", output_prefix="out")
    for instance, association, text in (
        ("i-1", "a-1", b"ok: [localhost]"),
        (
            "i-2",
            "a-1",
            b'TASK [Install the release] ****\nfatal: [localhost]: FAILED! => {"msg": "no space"}',
        ),
        (
            "i-3",
            "a-2",
            b'TASK [Other] ****\nfatal: [localhost]: FAILED! => {"msg": "of another association"}',
        ),
    ):
        folder = f"out/{instance}/{association}/{START:%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
        aws.stored["logs", f"{folder}/stdout"] = text

    (found,) = _gather_last(deployment, aws)

    assert (found.kind, found.subject) == ("association_output", "i-2 servers")
    assert found.text.splitlines()[0] == "Install the release: no space"


@pytest.mark.parametrize(
    ("observed", "missing"),
    [
        ({}, "no output location of it is known"),
        ({"output_bucket": ""}, "no output location of it is known"),
        ({"output_bucket": "logs", "output_prefix": "out"}, "no output of it is in s3://logs/out"),
    ],
)
def test_missing_evidence_of_a_deleted_association_is_reported(
    aws: FakeAws, observed: dict[str, str], missing: str
) -> None:
    (found,) = _gather_last(_failed_association(**observed), aws)

    assert missing in stored_text(found.problem)


def test_the_log_of_a_function_is_found_that_is_not_part_of_the_update(aws: FakeAws) -> None:
    creation = _failed_custom_resource()
    Resource.objects.all().update(status="CREATE_COMPLETE")
    Deployment.objects.filter(pk=creation.pk).update(state="succeeded", active_key=None)
    update = make_deployment(creation.environment, kind="update", state="stacks")
    root = make_stack(update)
    make_resource(
        root,
        "InitDB",
        type="Custom::InitDB",
        physical_id="init",
        depends_on=[["Aurora/Function", "parameter"]],
    )
    make_event(
        update,
        1,
        stack=root,
        logical_id="InitDB",
        type="Custom::InitDB",
        status="UPDATE_FAILED",
        reason="Failed",
    )
    aws.logs[GROUP, "2026/11/25/[$LATEST]1"] = [LogMessage(at=START, text="no such table")]

    (found,) = _gather(update, aws)

    assert found.subject.startswith(GROUP)
    assert "no such table" in found.text
