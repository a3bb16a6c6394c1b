"""What is left of machines that are processes: nothing, however they end. And the embedded database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sandbox.machines.conftest import deployed, listens, servers_of, start
from tests.services import wait_until


@pytest.mark.parametrize("protocol", ["http", "uwsgi"])
def test_deleting_the_environment_leaves_no_process_and_no_listener(tmp_path: Path, protocol: str) -> None:
    sandbox = start(tmp_path, "embedded")
    try:
        site = deployed(sandbox, AppProtocol=protocol)
        saved = site.get("write").removeprefix("Saved: ").strip()
        assert json.loads(site.get("read")) == [saved]
        assert json.loads(site.get("readyz"))["ready"] is True
        assert len(servers_of(sandbox)) >= 8  # four servers, each on its leash
        site.account.cloudformation.delete_stack(StackName=site.root)
        assert site.account.settled(site.root) == "DELETE_COMPLETE"
        wait_until(lambda: not servers_of(sandbox), what="the end of every server")
        wait_until(lambda: not listens(site.outputs["AlbDnsName"], 80), what="the end of the listener")
        wait_until(lambda: not listens(site.outputs["NlbDnsName"], 9090), what="the end of the listener")
        assert site.machines() == []
    finally:
        sandbox.stop()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_servers_end_with_the_sandbox(tmp_path: Path, way: str) -> None:
    sandbox = start(tmp_path, "embedded")
    try:
        deployed(sandbox)
        before = servers_of(sandbox)
        assert before
        if way == "stop":
            sandbox.stop()
            assert not servers_of(sandbox)
        else:
            assert sandbox.process is not None
            sandbox.process.kill()
            wait_until(lambda: not servers_of(sandbox), what="the end of every server")
    finally:
        sandbox.kill()
