"""What the tests share in which real processes continue the deployments of a release after the upgrade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.chaos.conftest import calls_of
from tests.running import Portal
from tests.services import Sandbox
from tests.upgrade.replay import Replayed
from tests.upgrade.replayed_servers import replay_servers

WAITED = 400.0
"""Seconds within which all deployments end; the machine may be busy."""
AT_ONCE = 6
"""Number of environments that are created again at the same time."""
CHANGES = (
    *("CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "ContinueUpdateRollback", "RollbackStack"),
    "SendCommand",
)
"""The calls that change stacks and servers."""


def replay_all(replayed: Iterable[Replayed]) -> None:
    """Create the stacks of environments again, several at the same time."""

    def scene(one: Replayed) -> None:
        one.replay()
        replay_servers(one)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(scene, one) for one in replayed]:
            done.result()


def finished() -> list[int]:
    """Return the keys of the deployments that have ended."""
    return list(Deployment.objects.exclude(ended_at=None).order_by("pk").values_list("pk", flat=True))


def stored_rows(deployments: list[int]) -> list[Any]:
    """Return the rows of deployments and of their events."""
    rows = Deployment.objects.filter(pk__in=deployments).order_by("pk")
    return [*rows.values(), *Event.objects.filter(deployment__in=rows).order_by("pk").values()]


def ended(portal: Portal, deployments: Iterable[Deployment]) -> list[Deployment]:
    """Wait until all deployments have ended, and return them."""
    return portal.wait_for_end(*deployments, seconds=WAITED)


def failures_of(deployments: Iterable[Deployment]) -> str:
    """Return what failed in deployments, with AWS's reasons."""
    lines = []
    for one in deployments:
        lines += [f"{one.environment.name}: {one.kind} {one.state} {one.error_code} {one.error_sentence}"]
        failed = Event.objects.of(one).filter(status__endswith="_FAILED")
        lines += [f"    {event.logical_id} {event.status}: {event.reason}" for event in failed]
    return "\n".join(lines)


def changes_of(sandbox: Sandbox, one: Replayed, since: int) -> list[str]:
    """Return the calls that changed an environment, without its first `since` calls."""
    calls = calls_of(sandbox, one.account, since=since)
    return [call["action"] for call in calls if call["action"] in CHANGES]


def assert_numbered(deployment: Deployment) -> None:
    """Assert that the events of a deployment are numbered without gaps, and that none is there twice."""
    events = list(Event.objects.of(deployment))
    # The search for remaining resources may have added an event since the row was read.
    assert len(events) >= deployment.last_seq
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    counted = Counter((event.stack_id, event.event_id) for event in events)
    assert [event for event, count in counted.items() if count > 1] == []
