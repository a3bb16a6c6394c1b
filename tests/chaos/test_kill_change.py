"""`kill -9` of the worker before and after every AWS call of a change, from the request to the end.

As in `test_kill_worker`, each point has its own environment in its own account. Previews are applied as soon
as they are available, so that the calls after Apply are covered as well.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User

from deployments.changes.commands.apply import apply_change, discard_change
from deployments.changes.commands.preview import request_change, request_rollback
from deployments.common.errors import UserFixable
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.builders import allow
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    replace_worker,
    unobserved_account,
)
from tests.chaos.test_kill_worker import batches, points_of, stop_observing
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
  Secret: {Type: String, NoEcho: true, Default: hidden-value-1}
  Protection: {Type: String, Default: "true", AllowedValues: ["true", "false"]}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Hidden: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Secret}}
  Guarded: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Protection}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
Outputs:
  Topic: {Value: !Ref Topic}
  Hidden: {Value: !Ref Hidden}
"""
INNER = """
Parameters:
  Title: {Type: String}
Resources:
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Other: {Type: AWS::SNS::Topic}
"""


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def operator() -> User:
    user = User.objects.get(username="operator")
    allow(user, "change_environment")
    return User.objects.get(pk=user.pk)


def change(deployment: Deployment, *, is_retry: bool = False, **parameters: str) -> Deployment:
    """Request a change of some parameters of a deployment's environment."""
    environment = Environment.objects.for_page().get(pk=deployment.environment_id)
    return request_change(
        user=operator(),
        environment=environment,
        parameters={**environment.parameters, **parameters},
        reason="",
        request_key=uuid.uuid4(),
        is_retry=is_retry,
    )


def apply_shown(deployments: Iterable[Deployment], *, keep: bool = False) -> None:
    """Apply every preview that is available, and confirm the loss of data."""
    keys = [one.pk for one in deployments]
    for row in Deployment.objects.for_page().filter(pk__in=keys, state=str(State.PREVIEW)):
        try:
            apply_change(
                user=operator(),
                deployment=row,
                digest=row.preview_digest,
                typed_name=row.environment.name,
                keep_on_failure=keep,
            )
        except UserFixable:  # the state has just changed
            continue


def applied(portal: Portal, *deployments: Deployment, keep: bool = False) -> list[Deployment]:
    """Apply the previews when they are available, wait until the deployments have ended, and return them."""
    rows = Deployment.objects.active().filter(pk__in=[one.pk for one in deployments])

    def have_ended() -> bool:
        apply_shown(deployments, keep=keep)
        return not rows.exists()

    try:
        wait_until(have_ended, seconds=180, what="the end of the changes")
    except TimeoutError as exc:
        for one in rows.values("pk", "state", "revision", "failures", "attention", "due_at", "version"):
            exc.add_note(str(one))
        exc.add_note(portal.worker.log.read_text(errors="replace")[-3000:])
        raise
    return portal.wait_for_end(*deployments)


def display_name(deployment: Deployment, output: str, sandbox: Sandbox) -> str:
    """Return the display name of a topic of the environment in AWS."""
    environment = Environment.objects.get(pk=deployment.environment_id)
    sns = client(deployment.environment.account, "sns", sandbox)
    answer = sns.get_topic_attributes(TopicArn=environment.outputs[output])
    return str(answer["Attributes"]["DisplayName"])


def change_sets(deployment: Deployment, sandbox: Sandbox) -> list[str]:
    """Return the execution statuses of the root stack's remaining change sets."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    answer = cloudformation.list_change_sets(StackName=deployment.environment.stack_name)
    return [one["ExecutionStatus"] for one in answer["Summaries"]]


def test_a_change_a_secret_that_is_kept_nothing_to_change_and_the_way_back(
    portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(portal.deploy(Secret="hidden-value-2"))
    assert created.state == State.SUCCEEDED, reason(created)

    (renamed,) = applied(portal, change(created, Title="second"))
    assert renamed.state == State.SUCCEEDED, reason(renamed)
    assert display_name(created, "Topic", sandbox) == "second"
    assert display_name(created, "Hidden", sandbox) == "hidden-value-2"
    assert_complete_log(renamed, sandbox)
    assert set(renamed.changes["computed"]) == {"", "Inner"}

    (secret,) = applied(portal, change(created, Secret="hidden-value-3"))
    assert secret.state == State.SUCCEEDED, reason(secret)
    assert display_name(created, "Hidden", sandbox) == "hidden-value-3"
    assert "hidden-value" not in str(secret.changes)

    (nothing,) = applied(portal, change(created))
    assert nothing.changed_nothing
    assert Environment.objects.get(pk=created.environment_id).latest_id == secret.pk

    back = request_rollback(
        user=operator(),
        deployment=Deployment.objects.for_page().get(pk=created.pk),
        reason="",
        request_key=uuid.uuid4(),
    )
    (ended,) = applied(portal, back)
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert display_name(created, "Topic", sandbox) == "first"
    assert display_name(created, "Hidden", sandbox) == "hidden-value-3"

    discarded = change(created, Title="third")
    wait_until(lambda: Deployment.objects.get(pk=discarded.pk).state == State.PREVIEW, what="the preview")
    discard_change(user=operator(), deployment=discarded)
    portal.wait_for_end(discarded)
    assert not {"AVAILABLE", "UNAVAILABLE"} & set(change_sets(created, sandbox))


def test_a_change_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    (control,) = portal.wait_for_end(portal.deploy())
    stop_observing(control)
    before = len(calls_of(sandbox, control.environment.account))
    applied(portal, change(control, Title="second"))
    points: list[Point] = points_of(calls_of(sandbox, control.environment.account, since=before))
    assert {"CreateChangeSet", "ExecuteChangeSet"} <= {action for _, action, _, _ in points}

    for batch in batches(points):
        accounts: list[Account] = [unobserved_account() for _ in batch]
        made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
        assert {one.state for one in made} == {State.SUCCEEDED}
        stop_observing(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        changes = [change(one, Title="second") for one in made]
        wanted = {account.sandbox_account_id for account in accounts}

        def are_held(wanted: set[str] = wanted, changes: list[Deployment] = changes) -> bool:
            apply_shown(changes)
            return wanted <= {request["account"] for request in portal.held()}

        wait_until(are_held, seconds=120, what="a held call of every account")
        replace_worker(portal)

        for point, ended in zip(batch, applied(portal, *changes), strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert ended.revision == 0, point
            assert display_name(ended, "Topic", sandbox) == "second", point
            assert_complete_log(ended, sandbox)
