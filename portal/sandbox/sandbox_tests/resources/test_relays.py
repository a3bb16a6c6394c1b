"""The relays of database endpoints in their process."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sandbox_tests.processes import LOOPBACK, free_port
from sanso_sandbox.backends.databases import relays


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    yield
    relays.stop()


def test_clients_of_a_closed_relay_are_kept_out_without_an_effect_on_others() -> None:
    """A cluster may be deleted while its clients are decided about."""
    with socket.create_server((LOOPBACK, 0)) as server:
        closed, open_ = relays.Relay((LOOPBACK, free_port())), relays.Relay((LOOPBACK, port := free_port()))
        closed.close()

        closed.keep_out({server.getsockname(): frozenset({"127.0.0.9"})})

        open_.lead(server.getsockname(), cut=False)
        with socket.create_connection((LOOPBACK, port), 10) as client:
            accepted, _address = server.accept()
            with accepted:
                accepted.sendall(b"x")
                assert client.recv(1) == b"x"
