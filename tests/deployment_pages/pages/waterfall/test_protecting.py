"""The page of a creation whose protection CloudFormation rolled back, on the rows that the sandbox wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_event, make_resource, make_stack
from tests.pages.pages import page

pytestmark = pytest.mark.django_db
STACK = "AWS::CloudFormation::Stack"
BUSY = 'Resource handler returned message: "The load balancer is busy." (HandlerErrorCode: InternalFailure)'
CANCELED = "Resource update cancelled"
NOT_PROTECTED = {"code": "protection_failed", "params": {"where": "Nlb", "reason": BUSY}}


def changes(*found: tuple[int, str]) -> list[list[int | str]]:
    """Return changes of rows; times are milliseconds since the request."""
    return [[REQUESTED + at, status] for at, status in found]


REQUESTED, ENDED = 1795881922441, 1795882188156
CREATED = (259306, "CREATE_COMPLETE")
ROOT = changes(
    (7934, "CREATE_IN_PROGRESS"),
    CREATED,
    (263738, "UPDATE_IN_PROGRESS"),
    (264121, "UPDATE_ROLLBACK_IN_PROGRESS"),
    (265100, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
    (265101, "UPDATE_ROLLBACK_COMPLETE"),
)
ALB_STACK = changes(
    (9537, "CREATE_IN_PROGRESS"),
    (13054, "CREATE_COMPLETE"),
    (263991, "UPDATE_IN_PROGRESS"),
    (264121, "UPDATE_ROLLBACK_IN_PROGRESS"),
    (265100, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
    (265101, "UPDATE_ROLLBACK_COMPLETE"),
)
IN_ROOT = {
    "Nlb": changes(
        (9600, "CREATE_IN_PROGRESS"),
        (13306, "CREATE_COMPLETE"),
        (264082, "UPDATE_IN_PROGRESS"),
        (264121, "UPDATE_FAILED"),
    ),
    "Alb": changes(
        (9503, "CREATE_IN_PROGRESS"),
        (13306, "CREATE_COMPLETE"),
        (263948, "UPDATE_IN_PROGRESS"),
        (264121, "UPDATE_FAILED"),
        (265100, "UPDATE_COMPLETE"),
    ),
    "Network": changes(
        (7991, "CREATE_IN_PROGRESS"),
        (9503, "CREATE_COMPLETE"),
        (263788, "UPDATE_IN_PROGRESS"),
        (263948, "UPDATE_COMPLETE"),
    ),
    "AppServers": changes((13892, "CREATE_IN_PROGRESS"), CREATED),
}
ALB = changes(
    (9648, "CREATE_IN_PROGRESS"),
    (12981, "CREATE_COMPLETE"),
    (264083, "UPDATE_IN_PROGRESS"),
    (264121, "UPDATE_FAILED"),
    (265100, "UPDATE_COMPLETE"),
)
PHASES = {"stacks": 7609, "configuration": 262183, "traffic": 262960, "ready": 262980, "protect": 263141}
PATHS = ("", "Nlb", "Alb", "Network", "AppServers", "Alb/Alb")


def at(ms: int) -> datetime:
    return datetime.fromtimestamp((REQUESTED + ms) / 1000, UTC)


@pytest.fixture
def created() -> Deployment:
    """A creation in the sandbox that succeeded; CloudFormation then rolled back the update that protects."""
    deployment = make_deployment(
        state="succeeded", last_phase="protect", protection="failed", protection_message=NOT_PROTECTED
    )
    ended = datetime.fromtimestamp(ENDED / 1000, UTC)
    Deployment.objects.filter(pk=deployment.pk).update(created_at=at(0), ended_at=ended, ready_at=ended)
    root = make_stack(deployment, status="UPDATE_ROLLBACK_COMPLETE", changes=ROOT)
    for name, own in IN_ROOT.items():
        make_resource(root, name, type=STACK, status=str(own[-1][1]), changes=own)
    nested = make_stack(deployment, "Alb", root, status="UPDATE_ROLLBACK_COMPLETE", changes=ALB_STACK)
    make_resource(nested, "Alb", status="UPDATE_COMPLETE", changes=ALB)
    for seq, (phase, ms) in enumerate(PHASES.items(), start=1):
        values = {"phase": phase}
        make_event(deployment, seq, source="portal", code="phase", values=values, status="", at=at(ms))
    failed = {"Nlb": BUSY, "Alb": CANCELED}
    for seq, (name, reason) in enumerate(failed.items(), start=10):
        make_event(
            deployment,
            seq,
            stack=root,
            logical_id=name,
            type=STACK,
            status="UPDATE_FAILED",
            reason=reason,
            at=at(264121),
        )
    return Deployment.objects.for_page().get(pk=deployment.pk)


def as_retry(created: Deployment) -> Deployment:
    """Make it the change that completes a creation which was kept after a failure."""
    Deployment.objects.filter(pk=created.pk).update(kind="update", applied_at=at(7000))
    return Deployment.objects.for_page().get(pk=created.pk)


@pytest.mark.parametrize("is_retry", [False, True])
def test_what_was_created_is_complete_although_its_protection_was_rolled_back(
    created: Deployment, is_retry: bool
) -> None:
    view = DeploymentView.whole(as_retry(created) if is_retry else created)
    rows = {row.path: row for row in view.rows()}

    assert {path: rows[path].display_status for path in PATHS} == dict.fromkeys(PATHS, DisplayStatus.DONE)
    assert [rows[path].back for path in PATHS] == [None] * len(PATHS)
    assert [(rows[path].started, rows[path].ended) for path in ("", "Alb/Alb")] == [
        (REQUESTED + 7934, REQUESTED + 259306),
        (REQUESTED + 9648, REQUESTED + 12981),
    ]
    assert rows["@protect"].display_status is DisplayStatus.FAILED
    assert (view.first_failure, view.timeline.course.turn) == (None, None)
    assert view.summary.turned_at is None
    chain = [path for path in view.timeline.critical.chain if not path.startswith("@")]
    assert chain[-1] == "AppServers"


@pytest.mark.parametrize("is_retry", [False, True])
def test_the_page_says_succeeded_and_not_protected(
    browser: Client, created: Deployment, is_retry: bool
) -> None:
    deployment = as_retry(created) if is_retry else created

    shown = page(browser.get(deployment.get_absolute_url()))

    assert "Succeeded" in shown.one(id="header").text
    assert "rolled back" not in shown.one(id="header").text.lower()
    assert "Not protected · Nlb:" in shown.one(id="banner").text
    assert "5 of 5" in shown.one(id="phases").text
    assert "Remains" not in shown.one(id="tree").text


def test_the_environments_pages_say_what_was_rolled_back(browser: Client, created: Deployment) -> None:
    environment = created.environment
    Environment.objects.filter(pk=environment.pk).update(
        latest=created, stack_status="UPDATE_ROLLBACK_COMPLETE"
    )

    row = page(browser.get(reverse("environments"))).one(id=f"environment-{environment.pk}")
    note = row.one(id=f"environment-{environment.pk}-note")

    assert (note.text, note["href"]) == ("Not protected", environment.get_absolute_url())
