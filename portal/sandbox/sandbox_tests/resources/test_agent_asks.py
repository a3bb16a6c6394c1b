"""The times at which agents ask State Manager for their associations."""

from __future__ import annotations

from sandbox_tests.processes import wait_until
from sandbox_tests.resources.state_manager import Manager
from sanso_sandbox.services.ssm import agent_asks

PACE = 0.1
TEN_MINUTES = 600 / 12 * PACE
"""Seconds here, with this time scale."""


def test_an_agent_asks_at_boot_after_30_seconds_and_every_10_minutes() -> None:
    asked = {passed: agent_asks.latest(passed) for passed in (0, 29, 30, 629, 630, 1229, 1230)}

    assert asked == {0: 0, 29: 0, 30: 30, 629: 30, 630: 630, 1229: 630, 1230: 1230}


def test_an_agent_that_is_up_learns_of_a_new_association_at_its_next_turn(manager: Manager) -> None:
    readings = {agent_asks.READING: True}
    manager.account.sandbox.control("POST", "readings", readings, account=manager.account.id)
    manager.account.pace(PACE)
    manager.launch(Server="App")
    _ran(manager, "first")

    earlier = _ran(manager, "second")  # the agent has been up by now: at its second or third turn
    later = _ran(manager, "third")

    assert later - earlier > TEN_MINUTES / 2  # the turn before was late under load, if at all


def _ran(manager: Manager, name: str) -> float:
    """Create an association, wait until it has run, and return when its run began."""
    made = manager.ssm.create_association(
        Name="AWS-RunShellScript",
        AssociationName=name,
        Targets=[{"Key": "tag:Server", "Values": ["App"]}],
        Parameters={"commands": ["true"]},
    )["AssociationDescription"]["AssociationId"]
    wait_until(lambda: bool(manager.executions(made)), what=f"a run of {name}")
    (execution,) = manager.executions(made)
    return float(execution["CreatedTime"].timestamp())
