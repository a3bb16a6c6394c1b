"""App servers that are processes serve the deployed datelog, and replace it with the next version."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datelog.version import compute_version
from tests.sandbox.machines.conftest import Site, deployed, start
from tests.sandbox.machines.release import Release, request, versions
from tests.sandbox.machines.site_load import SiteLoad
from tests.services import REPOSITORY, wait_until

ESTABLISHED = "01"  # in /proc/net/tcp
TAKES = 3  # seconds; web servers give up after 6 without a byte (infra_templates/configuration.yaml)
SLOW = f"""
import time as _time

_fast = views.healthz


def slow(request):
    _time.sleep({TAKES})
    return _fast(request)


urlpatterns.append(path("slow", slow))
"""
SECRETS = """
import os as _os
from django.http import JsonResponse as _Json


def _reads(file):
    try:
        with open(file, "rb") as opened:
            opened.read(1)
    except OSError:
        return False
    return True


def look(request):
    parent = _os.getppid()
    files = [request.GET["file"], f"/proc/{parent}/environ"]
    return _Json({"read": [_reads(file) for file in files], "own": _reads(__file__)})


urlpatterns.append(path("look", look))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A separate environment, since the tests change it."""
    sandbox = start(tmp_path_factory.mktemp("releases"), "auto")
    try:
        yield deployed(sandbox)
    finally:
        sandbox.stop()


def in_progress(site: Site) -> int:
    """Return the number of the app servers' connections, each of which has one request."""
    addresses = {socket.inet_aton(one["address"])[::-1].hex().upper() for one in site.machines("uwsgi")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].partition(":")[0] in addresses and row[3] == ESTABLISHED for row in rows)


def test_the_deployed_datelog_serves(site: Site) -> None:
    release = Release(site, "original", "")
    assert release.send(*release.servers) == "Success"
    assert versions(site) == {compute_version(REPOSITORY / "datelog")}


@pytest.mark.timeout(300)
def test_under_load_no_request_fails_and_no_write_is_lost(site: Site) -> None:
    """Install a code release, then a disruptive one; `make bench-release` measures both."""
    (old,) = versions(site)
    code, disruptive = Release(site, "one", "\n# one\n"), Release(site, "two", "\n# two\n")
    with SiteLoad(site.outputs["SiteUrl"], rate=60) as load:
        wait_until(load.more(100), what="requests before")
        assert code.send(code.servers[0]) == "Success"
        mixed = versions(site)
        assert code.send(code.servers[1]) == "Success"
        wait_until(lambda: len(versions(site)) == 1, what="the new version everywhere")
        for server in disruptive.servers:
            disruptive.exchange(server)
        wait_until(load.more(100), what="requests after")
    assert old in mixed
    assert len(mixed) == 2
    assert load.failed() == []
    assert load.lost_and_doubled() == (0, 0)
    assert len({one.version for one in load.sent}) == 3


def test_code_that_cannot_be_loaded_fails_and_the_version_before_serves_on(site: Site) -> None:
    before = versions(site)
    release = Release(site, "broken", "\nraise RuntimeError('broken')\n")
    assert release.send(release.servers[0]) == "Failed"
    assert versions(site) == before


def test_long_requests_end_when_their_servers_are_deregistered_and_reloaded(site: Site) -> None:
    release = Release(site, "slow", SLOW)
    assert release.send(*release.servers) == "Success"
    site.account.pace(1)  # 120 s at the public load balancer are 10 s, 240 s at the internal one are 20 s
    answers: list[tuple[int, str, str]] = []
    clients = [threading.Thread(target=lambda: answers.append(request(site, "/slow"))) for _ in range(3)]
    elb, autoscaling = site.account.client("elbv2"), site.account.client("autoscaling")
    processes = ["HealthCheck", "ReplaceUnhealthy"]
    names = [
        one["AutoScalingGroupName"] for one in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    ]
    try:
        for name in names:
            autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=processes)
        began = time.monotonic()
        for client in clients:
            client.start()
        wait_until(lambda: in_progress(site) >= len(clients), what="the requests at the app servers")
        gone = {}
        for tier in ("Web", "App"):
            gone[tier] = min(site.health(tier))
            group = site.outputs[f"{tier}TargetGroupArn"]
            elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": gone[tier]}])
            assert site.health(tier)[gone[tier]]["State"] == "draining"
        assert Release(site, "slower", f"{SLOW}\n# newer\n").send(*release.servers) == "Success"
        assert request(site, "/read")[0] == 200, "the other servers serve"
        for client in clients:
            client.join()
        assert [(status, body) for status, _version, body in answers] == [(200, "ok\n")] * 3
        assert time.monotonic() - began > TAKES
        for tier, instance in gone.items():
            group = site.outputs[f"{tier}TargetGroupArn"]
            elb.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
        wait_until(site.is_whole, what="the targets' return")
    finally:
        for client in clients:
            client.join()
        for name in names:
            autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=processes)
        site.account.pace(0)


def test_deployed_code_reads_its_own_files_and_not_those_of_the_sandbox(site: Site) -> None:
    release = Release(site, "look", SECRETS)
    assert release.send(*release.servers) == "Success"
    token = site.account.sandbox.folder / "readable-by-its-owner"
    token.write_text("secret")
    status, _version, body = request(site, f"/look?file={token}")
    assert status == 200
    assert json.loads(body) == {"read": [False, False], "own": True}
