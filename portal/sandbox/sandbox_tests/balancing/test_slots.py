"""Commands for HAProxy when targets are added, drained and removed, without cutting visitors off."""

from __future__ import annotations

from dataclasses import replace

from sanso_sandbox.backends.balancers.haproxy_configuration import FIND_ANOTHER, Backend, Slot
from sanso_sandbox.backends.balancers.reconciler import change
from sanso_sandbox.protocols.balancers import Target

ONE = Target(name="one", address=("127.0.0.2", 80), takes=True)
TWO = Target(name="two", address=("127.0.0.3", 80), takes=True)
SILENT = "127.0.0.9", 10505
CUT = "shutdown sessions server s0"


def placed(backend: Backend, targets: list[Target], now: float) -> list[str]:
    """Assign the targets to slots; return the commands for the first slot."""
    before = backend.slots[0] if backend.slots else Slot()
    backend.assign(targets, now)
    return change("s0", before, backend.slots[0], SILENT)


def test_requests_on_the_way_to_a_target_that_is_gone_are_not_ended_before_they_found_another() -> None:
    backend = Backend("group", http=False, idle=60, silent=SILENT)
    placed(backend, [ONE], 0)
    assert placed(backend, [TWO], 1) == ["set server s0 state maint"]
    assert placed(backend, [TWO], 1 + FIND_ANOTHER / 2) == []
    assert [slot.target for slot in backend.slots[:2]] == [None, TWO]
    assert placed(backend, [TWO], 1 + FIND_ANOTHER) == [CUT]
    assert placed(backend, [TWO], 2 + FIND_ANOTHER) == []


def test_connections_left_on_a_drained_target_are_closed_before_its_slot_is_reused() -> None:
    backend = Backend("group", http=False, idle=60, silent=SILENT)
    placed(backend, [ONE], 0)
    assert CUT not in placed(backend, [replace(ONE, takes=False)], 1)
    assert placed(backend, [TWO], 2)[:2] == ["set server s0 state maint", CUT]
    assert backend.slots[0].target == TWO


def test_connections_may_outlive_a_target_whose_group_does_not_end_them() -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html

    (deregistration_delay.connection_termination.enabled)
    """
    backend = Backend("group", http=False, idle=60, silent=SILENT)
    one = replace(ONE, outlived=True)
    placed(backend, [one], 0)
    placed(backend, [replace(one, takes=False)], 1)
    assert placed(backend, [], 2) == ["set server s0 state maint"]
    assert CUT not in placed(backend, [TWO], 3)


def test_a_slot_that_is_empty_again_has_nothing_left_when_it_is_used() -> None:
    backend = Backend("group", http=False, idle=60, silent=SILENT)
    placed(backend, [ONE], 0)
    placed(backend, [], 1)
    assert placed(backend, [TWO], 1 + FIND_ANOTHER)[0] == CUT
    assert backend.slots[0].target == TWO


def test_a_target_that_no_connection_reaches_is_replaced_by_one_that_is_silent() -> None:
    backend = Backend("group", http=False, idle=60, silent=SILENT)
    placed(backend, [ONE], 0)
    assert placed(backend, [replace(ONE, reached=False)], 1)[2:] == [
        "set server s0 addr 127.0.0.9 port 10505",
        "set server s0 weight 1",
        "set server s0 state ready",
    ]
    assert "set server s0 addr 127.0.0.2 port 80" in placed(backend, [ONE], 2)
