"""Pages of 9 stacks and 1,000 resources, and of 1,000 changes: server, frames, browser. `make bench-page`.

Server times are those of a request in this process, with MariaDB on the same machine: the first one renders
every row, later ones take unchanged rows from memory. The first page of a web process is requested over HTTP
as soon as the process responds. The browser loads the page from such a process with an empty cache;
"interactive" is the time from the start of navigation until all scripts have run (the end of
DOMContentLoaded). With another commit as the argument, a process with its code serves the same rows, and the
loads of both alternate.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.request import Request, urlopen

from tests.benchmarks.live_services import LiveServices, prepare
from tests.benchmarks.machine import load, machine, percentile
from tests.services import REPOSITORY

if TYPE_CHECKING:
    from deployments.environments.models.deployments import Deployment
    from deployments.stacks.models.stacks import Stack
    from tests.flows.web import Web

T = TypeVar("T")
STACKS: Mapping[str, int] = dict.fromkeys(
    ("Network", "Iam", "Nlb", "Alb", "Aurora", "AppServers", "WebServers", "Configuration"), 124
)
"""8 nested stacks and the root: 1,000 resources including the nested stacks."""
PAGES = 30
FIRSTS = 3
FRAMES = 40
LOADS = 21
OPEN = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
ANSWERED = "() => performance.getEntriesByType('navigation')[0].responseStart"
REQUESTS = "() => performance.getEntriesByType('resource').length"


def main() -> None:
    """Measure, and print the figures."""
    folder = Path(tempfile.mkdtemp(prefix="sanso-bench-page-"))
    place = None
    webs: dict[str, Web] = {}
    try:
        place = prepare(folder)
        webs = {"now": place.web} | {base: serving(base, folder) for base in sys.argv[1:2]}
        show(f"machine: {machine()}; load {load()}")
        for name, finished in (("running", False), ("finished", True)):
            deployment = built(finished=finished)
            show(f"\n{name}, 9 stacks, 1,000 resources, {deployment.last_seq} events")
            measure_first(deployment, place)
            measure_server(deployment, place)
            if not finished:
                measure_frames(deployment)
            measure_browser(deployment.get_absolute_url(), place, webs)
            measure_stacks(deployment, place)
        preview = built_preview()
        show("\na preview of 1,000 changes in ten stacks")
        measure_browser(f"{preview.get_absolute_url()}preview", place, webs)
        show(f"load at the end: {load()}")
    finally:
        for web in webs.values():
            web.stop()
        if place is not None:
            place.mariadb.stop()
            place.redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
        git("worktree", "prune")


def serving(commit: str, folder: Path) -> Web:
    """Return a web process of another commit's code, on the same database."""
    from tests.flows.web import start_web

    code = folder / "base"
    git("worktree", "add", "--quiet", "--detach", str(code), commit)
    return start_web(folder / "base-web", dict(os.environ), directory=code)


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def built_preview() -> Deployment:
    """Return a change whose preview is ready."""
    from tests.live import scenes
    from tests.previews import make_preview, many_changes

    environment = scenes.make_deployment(name="bench-preview").environment
    changes = many_changes(1000)
    return make_preview(environment, changes=changes.to_json(), preview_digest=changes.digest)


def built(*, finished: bool) -> Deployment:
    """Return a deployment that is complete, or half complete and in progress."""
    from django.utils import timezone

    from deployments.environments.rules.phases import State
    from deployments.stacks.models.stacks import Resource
    from tests.live import scenes

    deployment = scenes.make_deployment(name=f"bench-{finished}")
    stacks = scenes.add_stacks(deployment, STACKS)
    connect(list(stacks.values()))
    begin = timezone.now() - timedelta(minutes=6)
    entries = []
    for number, (path, stack) in enumerate(stacks.items()):
        at = begin + timedelta(seconds=number)
        if path:
            entries.append(scenes.event(stacks[""], path, "CREATE_IN_PROGRESS", at=at))
        entries.append(scenes.event(stack, "", "CREATE_IN_PROGRESS", at=at))
        own = Resource.objects.filter(stack=stack).exclude(type="AWS::CloudFormation::Stack")
        for place, resource in enumerate(own):
            if not finished and place % 4 == 3:
                continue  # not started
            entries.append(scenes.event(stack, resource.logical_id, "CREATE_IN_PROGRESS", at=at))
            if finished or place % 2:
                end = at + timedelta(seconds=20 + place)
                entries.append(scenes.event(stack, resource.logical_id, "CREATE_COMPLETE", at=end))
        if finished and path:
            end = at + timedelta(minutes=4)
            entries.append(scenes.event(stack, "", "CREATE_COMPLETE", at=end))
            entries.append(scenes.event(stacks[""], path, "CREATE_COMPLETE", at=end))
    if finished:
        entries.append(scenes.event(stacks[""], "", "CREATE_COMPLETE", at=begin + timedelta(minutes=5)))
    scenes.add_events(deployment, *entries)
    if finished:
        scenes.finish(scenes.reload(deployment), State.SUCCEEDED)
    return scenes.reload(deployment)


def connect(stacks: list[Stack]) -> None:
    """Make each resource depend on the one before it, and every stack on Network."""
    from deployments.stacks.models.stacks import STACK_TYPE, Resource

    for stack in stacks:
        before = ""
        for resource in Resource.objects.filter(stack=stack).order_by("pk"):
            path = f"{stack.path}/{resource.logical_id}".lstrip("/")
            if resource.type == STACK_TYPE:
                needs = [] if path == "Network" else [["Network", "Ref"]]
            else:
                needs = [[before, "Ref"]] if before else []
                before = path
            Resource.objects.filter(pk=resource.pk).update(depends_on=needs)


def measure_first(deployment: Deployment, place: LiveServices) -> None:
    """Print the duration of the first page of a web process that has just started."""
    times = []
    for _ in range(FIRSTS):
        place.web.restart()
        asked = Request(f"{place.web.url}/deployments/{deployment.pk}/", headers={"Cookie": place.cookie})
        begun = time.perf_counter()
        with urlopen(asked) as answer:
            answer.read()
        times.append(1000 * (time.perf_counter() - begun))
    show(f"  page, the first of a web process: median {statistics.median(times):.0f} ms")


def measure_server(deployment: Deployment, place: LiveServices) -> None:
    """Print the duration and size of the page."""
    from django.test import Client

    from deployments.deployment_pages.pages import rendered
    from deployments.deployment_pages.pages.waterfall import cache

    client = Client()
    client.cookies["sessionid"] = place.session
    url = f"/deployments/{deployment.pk}/"

    def page(encoding: str = "") -> int:
        answer = client.get(url, headers={"Accept-Encoding": encoding})
        assert answer.status_code == 200
        return len(answer.content)

    show(f"  page: {page() / 1000:.0f} kB, {page('gzip') / 1000:.0f} kB compressed")
    rendered._row_without_progress.cache_clear()
    rendered.line.cache_clear()
    cache.clear()
    report("  page, with nothing in memory", [timed(page)])
    report("  page, later ones", [timed(page) for _ in range(PAGES)])
    report(
        "  one row's details", [timed(lambda: client.get(f"{url}rows/Network/Network5")) for _ in range(20)]
    )


def measure_frames(deployment: Deployment) -> None:
    """Print the duration of a frame with three events, with and without a new forecast."""
    from deployments.common.pages.locale import Locale
    from deployments.deployment_pages.pages import page_updates
    from deployments.stacks.models.stacks import Stack
    from tests.live import scenes

    locale = Locale("en", "UTC")
    stack = Stack.objects.get(deployment=deployment, path="Network")
    small: list[Timed[Any]] = []
    large: list[Timed[Any]] = []
    for number in range(FRAMES):
        before = deployment.last_seq
        names = [f"Network{3 + 4 * (number % 30)}", f"Network{1 + number % 100}"]
        scenes.add_events(deployment, *(scenes.event(stack, name, "UPDATE_IN_PROGRESS") for name in names))
        deployment = scenes.reload(deployment)
        measured = timed(partial(page_updates.build, deployment.pk, before, deployment.last_seq, locale))
        (large if '"row_forecast"' in measured.found.json else small).append(measured)
        time.sleep(0.1)
    report("  frame for two events", small)
    report("  frame with a new forecast", large)


def measure_browser(path: str, place: LiveServices, webs: Mapping[str, Web]) -> None:
    """Print when a page of each process is interactive, and its number of requests."""
    from playwright.sync_api import sync_playwright

    from tests.browsers import open_chromium

    answered: dict[str, list[float]] = {name: [] for name in webs}
    opened: dict[str, list[float]] = {name: [] for name in webs}
    requests: dict[str, int] = {}
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        for name, web in [*webs.items()] * (LOADS + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies([{"name": "sessionid", "value": place.session, "url": web.url}])
            page = context.new_page()
            page.goto(web.url + path)
            answered[name].append(page.evaluate(ANSWERED))
            opened[name].append(page.evaluate(OPEN))
            requests[name] = page.evaluate(REQUESTS)
            context.close()
        browser.close()
    medians = {name: statistics.median(times[1:]) for name, times in opened.items()}
    for name, times in opened.items():
        show(
            f"  interactive in Chromium, {name}: median {medians[name]:.0f} ms,"
            f" {min(times[1:]):.0f} to {max(times[1:]):.0f} ms of {LOADS};"
            f" the answer begins at {statistics.median(answered[name][1:]):.0f} ms;"
            f" {requests[name]} requests besides the page"
        )
    for name in [*medians][1:]:
        pairs = [now / before for now, before in zip(opened["now"][1:], opened[name][1:], strict=True)]
        ratio, paired = medians["now"] / medians[name], statistics.median(pairs)
        show(f"  ratio to {name}: {ratio:.2f}; median of the ratios of pairs {paired:.2f}")


def measure_stacks(deployment: Deployment, place: LiveServices) -> None:
    """Print the time until all stacks are expanded and have their rows."""
    from playwright.sync_api import sync_playwright

    from tests.browsers import open_chromium

    fold: list[float] = []
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        for _ in range(LOADS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies([{"name": "sessionid", "value": place.session, "url": place.web.url}])
            page = context.new_page()
            page.goto(f"{place.web.url}{deployment.get_absolute_url()}")
            page.wait_for_function("document.querySelector('.pick[tabindex=\"0\"]')")
            fold.append(page.evaluate(TOGGLE))
            context.close()
        browser.close()
    show(f"  all stacks opened by a click, with their rows: median {statistics.median(fold):.0f} ms")


TOGGLE = """async () => {
  const begun = performance.now();
  document.querySelector('[data-fold="open"]').click();
  while (document.querySelector('tr[data-later]')) await new Promise(requestAnimationFrame);
  document.body.offsetHeight;
  return performance.now() - begun;
}"""


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """A result, and the milliseconds that it took: by the clock, and CPU time of this process."""

    found: T
    wall: float
    cpu: float


def timed(act: Callable[[], T]) -> Timed[T]:
    """Call a function once, and return its result and cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = act()
    return Timed(found, 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))


def report(what: str, times: Sequence[Timed[Any]]) -> None:
    """Print the median and a high percentile of some times."""
    if not times:
        return
    wall, cpu = sorted(t.wall for t in times), sorted(t.cpu for t in times)
    show(
        f"{what}: median {statistics.median(wall):.0f} ms, p95 {percentile(wall, 0.95):.0f} ms;"
        f" CPU median {statistics.median(cpu):.0f} ms"
    )


def show(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
