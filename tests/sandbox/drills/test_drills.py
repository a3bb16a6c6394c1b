"""The writer fails, an app server fails, every app server is replaced: under load, with real components."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.drills.load import Load
from tests.sandbox.machines.conftest import Site, deployed, start
from tests.services import wait_until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The environment with MariaDB, HAProxy if installed, and a time scale at which targets drain."""
    sandbox = start(tmp_path_factory.mktemp("drills"), "mariadb")
    try:
        found = deployed(sandbox)
        found.account.pace(0.25)
        yield found
    finally:
        sandbox.stop()


def database(site: Site) -> dict[str, Any]:
    listed: Any = site.account.sandbox.control("GET", "databases", account=site.account.id)
    (found,) = listed["databases"]
    return dict(found)


def roles(site: Site) -> dict[str, str]:
    """Return the role of each instance: a writer that responds, readers that could replace it."""
    ready = {"writer": "answers", "reader": "follows"}
    return {one["instance"]: one["role"] for one in database(site)["instances"] if one[ready[one["role"]]]}


def load(site: Site, path: str, visitors: int = 4) -> Load:
    return Load(site.outputs["SiteUrl"], f"/{path}", visitors)


def starts(site: Site) -> list[int]:
    """Return how often the process of each app server was started."""
    return [Path(one["log"]).read_text().count("spawned uWSGI worker") for one in site.machines("uwsgi")]


@pytest.mark.parametrize("action", ["kill_writer", "failover"])
def test_when_the_writer_dies_no_acknowledged_write_is_lost_and_reads_go_on(site: Site, action: str) -> None:
    wait_until(lambda: len(roles(site)) == 2, what="a reader that could write")
    before = roles(site)
    started = starts(site)
    with load(site, "write") as writes, load(site, "read?limit=10", 2) as reads:
        wait_until(writes.more(), what="writes before")
        site.account.sandbox.control(
            "POST", "databases", {"cluster": database(site)["cluster"], "action": action}
        )
        swapped = {name: "reader" if role == "writer" else "writer" for name, role in before.items()}
        wait_until(lambda: roles(site) == swapped, what="both servers in new roles")
        wait_until(writes.more(), what="writes after")
        wait_until(reads.more(), what="reads after")
    assert not reads.bad(), reads.story()
    assert {answer.status for answer in writes.bad()} <= {503}, writes.story()
    acknowledged = Counter(answer.text.removeprefix("Saved: ").strip() for answer in writes.good())
    wait_until(
        lambda: acknowledged <= Counter(json.loads(site.get("read"))),
        what="every acknowledged write in the list",
    )
    assert starts(site) == started


def test_when_an_app_server_is_killed_no_more_fails_than_was_in_flight_on_it(site: Site) -> None:
    killed = site.machines("uwsgi")[0]["instance"]
    with load(site, "read?limit=10") as reads:
        wait_until(reads.more(), what="reads before")
        site.act(killed, "kill")
        wait_until(reads.more(100), what="reads after")
        wait_until(
            lambda: killed not in site.health("App") and site.is_whole(),
            what="a replacement in service",
        )
        wait_until(reads.more(), what="reads with the replacement")
    # A visitor has one request in flight, which may have been on the server that failed.
    failed = Counter(answer.visitor for answer in reads.bad())
    assert max(failed.values(), default=0) <= 1, reads.story()


def test_when_every_server_is_replaced_one_after_another_nothing_fails(site: Site) -> None:
    before = {service: [one["instance"] for one in site.machines(service)] for service in ("httpd", "uwsgi")}
    group = site.account.client("autoscaling")
    with load(site, "read?limit=10") as reads:
        wait_until(reads.more(), what="reads before")
        for pair in zip(*before.values(), strict=True):
            for instance in pair:
                group.terminate_instance_in_auto_scaling_group(
                    InstanceId=instance, ShouldDecrementDesiredCapacity=False
                )
            wait_until(
                lambda gone=set(pair): (
                    not gone & {*site.health("App"), *site.health("Web")}  # type: ignore[misc]
                    and site.is_whole()
                ),
                what="replacements in service",
            )
        wait_until(reads.more(), what="reads after")
    assert not reads.bad(), reads.story()
    assert not {*before["httpd"], *before["uwsgi"]} & {one["instance"] for one in site.machines()}
