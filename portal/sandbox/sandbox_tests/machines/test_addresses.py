"""Addresses of machines and load balancers, also on hosts with a single loopback address."""

from __future__ import annotations

import pytest

from sanso_sandbox.backends import loopback
from sanso_sandbox.backends.loopback import INSTANCES, SHARED, Address


def test_every_machine_has_the_port_it_wants_on_an_address_of_its_own() -> None:
    first, second = Address(INSTANCES), Address(INSTANCES)
    assert first.host != second.host
    assert first.port(9090) == second.port(9090) == 9090
    first.release()
    second.release()


def test_machines_that_share_an_address_share_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "_choose", lambda numbers: SHARED)
    first, second = Address(INSTANCES), Address(INSTANCES)
    ports = [first.port(29090), second.port(29090), second.port(29091)]
    assert len(set(ports)) == 3
    assert ports == [first.port(29090), second.port(29090), second.port(29091)]
    first.release()
    second.release()
    third = Address(INSTANCES)
    assert third.port(ports[0]) == ports[0]
    third.release()
