"""Releases under load: failed requests, lost and doubled writes, and response times, by kind of release.

`make bench-release`. In a sandbox with processes for machines, HAProxy and the database of this machine, with
a time scale that makes waiting short: it measures whether requests fail, not how long AWS takes. The load
goes through the public load balancer, web servers, internal load balancer and app servers, all of them on
this machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.machine import load, machine
from tests.sandbox.machines.conftest import Site, deployed, start
from tests.sandbox.machines.release import LONG, Release, update, versions
from tests.sandbox.machines.site_load import Sent, SiteLoad, percentile
from tests.services import wait_until

RATE = 200.0  # requests a second
BEFORE = 15.0  # seconds of load before a release
AFTER = 3.0
PACE = 0.25  # a command takes 3 s, a target of the internal load balancer drains for 5 s
RATIO = 3.0  # maximum of the p99 during a release relative to the p99 before


def main() -> int:
    """Measure each kind of release. Return 1 if a request failed or a write was lost or doubled."""
    with tempfile.TemporaryDirectory(prefix="sanso-bench-") as name:
        folder = Path(name)
        sandbox = start(folder / "sandbox", "auto")
        try:
            site = deployed(sandbox)
            report(f"{machine()}, load {load()}. {RATE:.0f} requests a second.")
            report(
                f"{'':44}{'s':>6}{'requests':>10}{'failed':>8}{'lost':>6}{'double':>8}{'p50':>14}{'p99':>16}"
            )
            kinds: dict[str, Callable[[], None]] = {
                "stack update, half of the servers at a time": lambda: by_update(
                    site, folder / "update", "\n# by the stack\n"
                ),
                "code, one server after the other": lambda: by_commands(site),
                "disruptive, one server after the other": lambda: by_exchange(site),
                "replacement of the app servers": lambda: by_update(
                    site, folder / "replace", "\n# new servers\n", AppInstanceType="t4g.small"
                ),
            }
            wanted = sys.argv[1:]
            chosen = [kind for kind in kinds if not wanted or kind.split()[0].strip(",") in wanted]
            clean = [measure(site, kind, kinds[kind]) for kind in chosen]
            return int(not all(clean))
        finally:
            sandbox.stop()


def by_update(site: Site, folder: Path, more: str, **changed: str) -> None:
    """Update the stack, and wait until the servers no longer answer with the versions of before.

    CloudFormation does not wait for an association: the stack is complete before its servers are configured.
    """
    before = versions(site)
    update(site, folder, folder.name, more, **changed)
    wait_until(lambda: not before & versions(site), seconds=LONG, what="the new version on every server")


def by_commands(site: Site) -> None:
    """Install a release on one server after the other, which stay in their target group."""
    release = Release(site, "commands", "\n# by commands\n")
    for server in release.servers:
        assert release.send(server) == "Success"


def by_exchange(site: Site) -> None:
    """Install a release on one server after the other, each deregistered meanwhile."""
    release = Release(site, "exchange", "\n# out of the group\n")
    for server in release.servers:
        release.exchange(server)


def measure(site: Site, kind: str, run: Callable[[], None]) -> bool:
    """Print a kind's figures. Return whether no request failed and no write was lost or doubled."""
    site.account.pace(PACE)
    with SiteLoad(site.outputs["SiteUrl"], RATE) as visitors:
        time.sleep(2)  # until all connections are open
        started = time.monotonic()
        time.sleep(BEFORE)
        began = time.monotonic()
        run()
        time.sleep(AFTER)
        ended = time.monotonic()
    site.account.pace(0)
    lost, doubled = visitors.lost_and_doubled()
    before, during = visitors.between(started, began), visitors.between(began, ended)
    failed = visitors.failed()
    versions = {one.version for one in during if one.status == 200}
    durations = "".join(f"{both(before, during, part):>{width}}" for part, width in ((0.5, 14), (0.99, 16)))
    ratio = percentile(during, 0.99) / percentile(before, 0.99)
    report(
        f"{kind:44}{ended - began:>6.1f}{len(during):>10}{len(failed):>8}{lost:>6}{doubled:>8}{durations}"
        f"   ratio {ratio:.1f}{' (over the goal)' if ratio > RATIO else ''}"
    )
    for one in failed[:5]:
        report(f"    {one.status} after {one.took:.2f} s: {one.text[:90]}")
    if len(versions) < 2:
        report("    only one version was served")
    return not failed and not lost and not doubled and len(versions) > 1


def both(before: list[Sent], during: list[Sent], part: float) -> str:
    """Return a percentile before and during the release, in milliseconds."""
    return f"{percentile(before, part) * 1000:.0f}→{percentile(during, part) * 1000:.0f} ms"


def report(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
