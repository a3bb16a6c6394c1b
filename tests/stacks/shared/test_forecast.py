"""Stored with a deployment's rows: status changes, dependencies, durations, expected durations."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from deployments.cloudformation import dependencies
from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.timeline import run_of, runs
from deployments.cloudformation.usual_durations import LAUNCHES_SERVERS, DurationHistory, PastDuration
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models import forecast
from deployments.stacks.models.durations import KEPT, Duration, Expectation
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.models.timeline import load
from deployments.stacks.shared import event_log, incarnation
from deployments.stacks.shared import forecast as forecast_steps
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import (
    START,
    make_account,
    make_deployment,
    make_environment,
    make_resource,
    make_stack,
    make_stack_event,
    make_user,
)
from tests.fakes import FakeAws
from tests.services import REPOSITORY
from tests.stepping import run


@pytest.fixture
def created(db: None, nested_set: template_files.TemplateSet, aws: FakeAws) -> Deployment:
    """A successful creation from the nested template set."""
    TemplateCheck.objects.create(digest=nested_set.digest, findings=[])
    deployment = make_deployment(
        make_environment("staging"), template_digest=nested_set.digest, parameters={"Size": "2"}
    )
    forecast_steps.at_request(deployment)
    return run(deployment, aws)


def depends_on(deployment: Deployment) -> dict[str, list[list[str]]]:
    return {row.path: row.depends_on for row in Resource.objects.placed_in(deployment)}


def test_each_resource_has_its_dependencies(created: Deployment) -> None:
    assert depends_on(created) == {
        "Topic": [],
        "Network": [["Topic", "Ref"]],
        "Network/Vpc": [["Topic", "parameter"]],
        "Network/Subnet": [["Network/Vpc", "GetAtt"]],
    }


def test_the_forecast_follows_the_time_scale_that_the_sandbox_reports_to_the_first_step(
    db: None, nested_set: template_files.TemplateSet, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When `make run` begins, nothing is known of its sandbox yet."""
    TemplateCheck.objects.create(digest=nested_set.digest, findings=[])
    environment = make_environment("staging", account=make_account(is_sandbox=True, sandbox_facts={}))
    deployment = make_deployment(environment, template_digest=nested_set.digest, parameters={"Size": "2"})
    forecast_steps.at_request(deployment)
    before = Expectation.objects.get().seconds
    monkeypatch.setattr(incarnation, "about", lambda *_arguments, **_options: {"pace": 12.0})

    run(deployment, aws)

    assert Expectation.objects.get().seconds == pytest.approx(12 * before, rel=0.2)


def test_a_deletion_waits_for_the_network_interfaces_of_a_function(db: None) -> None:
    """Lambda's interfaces stay for 25 minutes or more; a deletion at AWS's speed took 31 minutes."""
    bundled = template_files.load(REPOSITORY / "infra_templates")
    graph = dependencies.read(bundled.contents, bundled.root.name)
    (function,) = (path for path in graph.types if graph.is_function_in_vpc(path))

    found = forecast.expected_of(make_account(), Kind.DELETE, graph)

    assert function == "Aurora/InitialiseDatabaseFunction"
    assert 25 * 60 < found.forecast.end / 1000 < 45 * 60
    assert found.forecast.low / 1000 < 31 * 60 < found.forecast.high / 1000


def test_a_function_outside_of_a_vpc_says_nothing_about_one_in_a_vpc() -> None:
    type_ = "AWS::Lambda::Function"
    past = DurationHistory([PastDuration("Iam/Other", type_, 2.0, here=True)], OperationKind.DELETE)

    assert past.of("Aurora/Own", type_).seconds == pytest.approx(2)
    assert past.of("Aurora/Own", type_, in_vpc=True).seconds >= 20 * 60
    history = [PastDuration("Aurora/Own", type_, 1700.0, here=True)]
    assert DurationHistory(history, OperationKind.DELETE).of("Aurora/Own", type_, in_vpc=True).runs == 1


def test_dependencies_are_not_read_from_a_set_that_has_changed(
    db: None, nested_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    deployment = make_deployment(make_environment("old"), template_digest="another")
    make_resource(make_stack(deployment), "Topic")

    forecast_steps.of_create(deployment)
    forecast_steps.at_request(deployment)

    assert depends_on(deployment) == {"Topic": []}
    assert not Expectation.objects.filter(deployment=deployment).exists()


def test_a_deletion_has_the_dependencies_of_the_creation(created: Deployment, aws: FakeAws) -> None:
    removal = make_deployment(created.environment, kind="delete")

    removal = run(removal, aws)

    assert removal.state == State.SUCCEEDED
    assert depends_on(removal)["Network/Subnet"] == [["Network/Vpc", "GetAtt"]]
    assert Expectation.objects.get(deployment=removal).seconds > 0
    assert load(removal).critical.chain


def test_the_durations_of_a_deployment_are_stored(created: Deployment) -> None:
    durations = {row.path: row.type for row in Duration.objects.filter(deployment=created)}

    assert {"", "/", "Network/", "Network/Vpc", "@preflight", "@change_set", "@ready"} <= set(durations)
    assert durations["Network/"] == "Sanso::StackClosing"
    assert Duration.objects.get(deployment=created, path="Network/Vpc").seconds == 1.0


def test_the_second_deployment_expects_the_durations_of_the_first(created: Deployment) -> None:
    again = make_deployment(
        make_environment("second", account=created.environment.account),
        template_digest=created.template_digest,
        parameters=created.parameters,
    )

    forecast_steps.at_request(again)

    stored = Expectation.objects.get(deployment=again)
    assert stored.runs == 1
    assert stored.usual["Network/Vpc"][3:] == [1, "here"]
    assert stored.seconds < Expectation.objects.get(deployment=created).seconds


def test_durations_on_aws_are_not_expected_in_the_sandbox(created: Deployment) -> None:
    play = make_environment("play", account=make_account(is_sandbox=True))
    deployment = make_deployment(play, template_digest=created.template_digest)

    forecast_steps.at_request(deployment)

    assert Expectation.objects.get(deployment=deployment).usual["Network/Vpc"][3:] == [0, "prior"]


def test_only_the_latest_durations_are_stored(db: None) -> None:
    account, owner = make_account(), make_user()
    for number in range(KEPT + 2):
        environment = make_environment(f"e{number}", account=account, owner=owner)
        deployment = make_deployment(environment, state=State.SUCCEEDED)
        stack = make_stack(deployment)
        changes = [[0, "CREATE_IN_PROGRESS"], [1000 * (number + 1), "CREATE_COMPLETE"]]
        make_resource(stack, "Topic", changes=changes)
        forecast_steps.learn(deployment)

    stored = list(Duration.objects.filter(path="Topic").order_by("pk").values_list("seconds", flat=True))
    assert stored == [float(number) for number in range(3, KEPT + 3)]


def test_changes_do_not_depend_on_the_order_of_their_events(db: None) -> None:
    deployment = make_deployment()
    stack = make_stack(deployment)
    events = [
        make_stack_event("Vpc", "CREATE_IN_PROGRESS", second=1),
        make_stack_event("Vpc", "CREATE_IN_PROGRESS", second=2),
        make_stack_event("Vpc", "CREATE_COMPLETE", second=9),
        make_stack_event("sanso-env", "CREATE_IN_PROGRESS", second=0),
        make_stack_event("sanso-env", "CREATE_COMPLETE", second=10),
    ]
    Random(4).shuffle(events)

    for event in [*events, *events]:
        event_log.append(deployment, [event_log.of_stack(Stack.objects.get(pk=stack.pk), event)])

    vpc = Resource.objects.get(stack=stack, logical_id="Vpc")
    run_ = run_of(vpc.changes, OperationKind.CREATE)
    assert run_ is not None
    assert run_.seconds == 8
    (own,) = runs(Stack.objects.get(pk=stack.pk).changes)
    assert (own.start, own.end) == tuple(
        round((START + timedelta(seconds=s)).timestamp() * 1000) for s in (0, 10)
    )


def test_a_preview_is_forecast_from_what_changes_and_not_from_what_stays(created: Deployment) -> None:
    def seconds(effect: Effect) -> float:
        stack = ChangedResource(path="Network", action="modify", type=STACK, effect=Effect.STACK)
        database = ChangedResource(
            path="Network/Vpc", action="modify", type="AWS::RDS::DBInstance", effect=effect
        )
        change = make_deployment(
            created.environment,
            kind="update",
            state="preview",
            active_key=None,
            template_digest=created.template_digest,
        )
        forecast_steps.of_preview(change, Changes(resources=(stack, database)))
        return Expectation.objects.get(deployment=change).seconds

    assert seconds(Effect.UPDATED) > seconds(Effect.UNCHANGED)


def test_of_a_preview_that_is_not_complete_nothing_is_forecast(created: Deployment) -> None:
    change = make_deployment(created.environment, kind="update", state="preview", active_key=None)
    stack = ChangedResource(path="Network", action="modify", type=STACK, effect=Effect.STACK)
    forecast_steps.of_preview(change, Changes(resources=(stack,)))
    assert Expectation.objects.filter(deployment=change).exists()
    forecast_steps.of_preview(change, Changes(resources=(stack,), root_only=True))
    assert not Expectation.objects.filter(deployment=change).exists()


def test_a_group_that_launches_servers_takes_as_long_as_its_creation_until_an_update_is_measured(
    created: Deployment,
) -> None:
    """The forecast of the first change of a server count used to be a fraction of the actual duration."""
    account, group = created.environment.account, "App/Group"
    values = {"account": account, "path": group, "type": LAUNCHES_SERVERS}
    Duration.objects.create(deployment=created, operation="create", seconds=300, **values)

    first = forecast.history(account, Kind.UPDATE).of(group, LAUNCHES_SERVERS)

    assert first.seconds == pytest.approx(300)
    assert first.runs == 1
    update = make_deployment(created.environment, kind="update", state="succeeded")
    Duration.objects.create(deployment=update, operation="update", seconds=40, **values)
    assert forecast.history(account, Kind.UPDATE).of(group, LAUNCHES_SERVERS).seconds == pytest.approx(40)
    assert forecast.history(account, Kind.UPDATE).of("Network/Vpc", "AWS::EC2::VPC").runs == 0
