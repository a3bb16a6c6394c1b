"""What goes wrong on the servers of an environment is on its page within seconds, and mended from there.

Everything is real but AWS: a worker, a dispatcher, a web process, Chromium, and a sandbox whose instances
are processes that serve datelog.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.standing import SOON, Standing

pytestmark = pytest.mark.timeout(400)
QUICKLY = 0.1
"""The pace at which a playbook takes a second."""
PRINTED = """\
PLAY [all] *********************************************************************

TASK [Install the release] *****************************************************
fatal: [localhost]: FAILED! => {"changed": false, "msg": "No space left on device"}

PLAY RECAP *********************************************************************
localhost                  : ok=4    changed=2    unreachable=0    failed=1    skipped=0
"""


def test_what_goes_wrong_on_servers_is_on_the_page_and_mended_from_there(standing: Standing) -> None:
    """One environment, one thing after the other: each is seen, each heals."""
    a_time_is_saved_through_the_site(standing)
    an_app_server_that_stopped_is_named(standing)
    an_app_server_that_hangs_is_named_within_15_seconds(standing)
    a_web_server_that_answers_500_is_named(standing)
    two_web_servers_that_answer_500_are_an_outage_everywhere(standing)
    a_playbook_that_failed_on_one_server_is_run_again_there(standing)


def a_time_is_saved_through_the_site(standing: Standing) -> None:
    rows = standing.page.locator("#site tbody tr")
    before = rows.count()

    standing.page.get_by_role("button", name="Run site check").click()

    expect(rows).to_have_count(before + 1, timeout=SOON)
    expect(rows.first).to_contain_text("root")
    expect(rows.first).to_contain_text("Write and read succeeded in")


def an_app_server_that_stopped_is_named(standing: Standing) -> None:
    sick = standing.servers("uwsgi")[0]

    standing.act(sick, "stop-service")

    said = f"app {sick} refuses health check connections"
    expect(standing.health).to_contain_text(said, timeout=SOON)
    assert_one_is_sick(standing, "app", sick, "Target.FailedHealthChecks")

    standing.act(sick, "start-service")

    assert_all_are_well(standing, sick)
    assert_dip_is_in_the_history(standing, "App servers")


def an_app_server_that_hangs_is_named_within_15_seconds(standing: Standing) -> None:
    """Its system still accepts connections, so only an HTTP health check notices."""
    sick = standing.servers("uwsgi")[0]

    with frozen(f"app {sick}"):
        said = f"app {sick} does not respond to health checks in time"
        expect(standing.health).to_contain_text(said, timeout=15_000)
        assert_one_is_sick(standing, "app", sick, "Target.Timeout")
        expect(standing.tier("Site")).to_contain_text("Healthy 4 of 4", timeout=SOON)  # the other one serves

    assert_all_are_well(standing, sick)


@contextmanager
def frozen(name: str) -> Iterator[None]:
    """Stop the processes with this in their names for the duration of the block."""
    found = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if name.encode() in path.read_bytes().replace(b"\0", b" ")
    ]
    assert found
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in found:
            os.kill(pid, signal.SIGCONT)


def a_web_server_that_answers_500_is_named(standing: Standing) -> None:
    sick = standing.servers("httpd")[0]

    standing.act(sick, "break-service")

    said = f"web {sick} returns an unexpected HTTP status to health checks"
    expect(standing.health).to_contain_text(said, timeout=SOON)
    assert_one_is_sick(standing, "web", sick, "Target.ResponseCodeMismatch")

    standing.act(sick, "repair-service")

    assert_all_are_well(standing, sick)
    assert_dip_is_in_the_history(standing, "Web servers")


def two_web_servers_that_answer_500_are_an_outage_everywhere(standing: Standing) -> None:
    both = sorted(standing.servers("httpd"))
    for one in both:
        standing.act(one, "break-service")

    said = f"No web server is in service: health checks fail on {', '.join(both)}"
    expect(standing.health).to_contain_text(said, timeout=SOON)
    expect(standing.health.get_by_role("heading")).to_contain_text("Unhealthy")
    expect(standing.tier("Web servers")).to_contain_text("Unhealthy 0 of 2")
    expect(standing.tier("ALB")).to_contain_text("Unhealthy 0 of 1 No web server is in service.")
    expect(standing.box("ALB")).to_contain_text("Unhealthy")
    expect(standing.tier("NLB")).to_contain_text("Healthy")
    assert_lists_say(standing, "Unhealthy")
    assert_dip_is_in_the_history(standing, "ALB", "Unhealthy", "0/1")

    for one in both:
        standing.act(one, "repair-service")

    assert_all_are_well(standing, both[0])


def assert_lists_say(standing: Standing, word: str) -> None:
    """See it in the list of environments, and in the admin's."""
    with standing.listed() as row:
        expect(row).to_contain_text(word, timeout=SOON)
    with standing.page.context.expect_page() as opened:
        standing.page.evaluate("window.open('/admin/deployments/environment/')")
    expect(opened.value.locator("#result_list")).to_contain_text(word)
    opened.value.close()


def assert_one_is_sick(standing: Standing, tier: str, sick: str, code: str) -> None:
    """See that the words, the tiers, the picture, the targets and the list of environments agree."""
    names = {"app": "App servers", "web": "Web servers"}
    well = names["web" if tier == "app" else "app"]
    expect(standing.health.get_by_role("heading")).to_contain_text("Degraded")
    expect(standing.tier(names[tier])).to_contain_text("Degraded 1 of 2")
    expect(standing.tier(well)).to_contain_text("Healthy 2 of 2")
    expect(standing.box(sick)).to_contain_text("Unhealthy")
    expect(standing.target(tier, sick)).to_contain_text(f"unhealthy · {code}")
    with standing.listed() as row:
        expect(row).to_contain_text("Degraded", timeout=SOON)


def assert_all_are_well(standing: Standing, mended: str) -> None:
    standing.is_well()
    for name in ("App servers", "Web servers"):
        expect(standing.tier(name)).to_contain_text("Healthy 2 of 2")
    expect(standing.box(mended)).to_contain_text("Healthy")
    with standing.listed() as row:
        expect(row).to_contain_text("Healthy", timeout=SOON)


def assert_dip_is_in_the_history(
    standing: Standing, part: str, state: str = "Degraded", figures: str = "1/2"
) -> None:
    dips = standing.page.locator("#past-day")
    if not dips.evaluate("details => details.open"):
        dips.locator("summary").click()
    dip = dips.locator("tbody tr").filter(has_text=part).first
    expect(dip).to_contain_text(state, timeout=SOON)
    expect(dip).to_contain_text(figures)


def a_playbook_that_failed_on_one_server_is_run_again_there(standing: Standing) -> None:
    name = standing.association("app").name
    panel = standing.panel("app")
    sick = standing.servers("uwsgi")[0]
    standing.pace(QUICKLY)
    standing.fault(associations={name: {"on": [sick], "stdout": PRINTED, "stderr": "exit status 2"}})

    panel.get_by_role("button", name="Run on all instances").click()

    expect(panel).to_contain_text("failed on 1 of 2", timeout=SOON)
    expect(panel.locator("tbody tr").first).to_contain_text(sick)
    expect(standing.health).to_contain_text(f"Configuration of app {sick} failed", timeout=SOON)
    on_top = panel.locator(".failed-task:has(~ table)")
    expect(on_top).to_contain_text("Install the release", timeout=SOON)
    expect(on_top).to_contain_text(sick)
    expect(on_top.locator("pre")).to_have_text("No space left on device")
    output = panel.locator("tbody tr").first.locator("details")
    output.locator("summary").click()
    expect(output.locator("pre").filter(has_text="TASK [Install the release]")).to_be_visible(timeout=SOON)

    standing.fault(associations={name: None})
    panel.get_by_role("button", name="Run on failed instances").click()

    expect(panel).to_contain_text("2 of 2 succeeded", timeout=SOON)
    expect(panel.get_by_role("button", name="Run on failed instances")).to_have_count(0, timeout=SOON)
    expect(panel.locator(".failed-task")).to_have_count(0)
    standing.is_well()
