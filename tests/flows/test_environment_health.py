"""The environment's page displays failures of servers, and can run their association again.

Everything except AWS is real: a worker, a dispatcher, a web process, Chromium, and a sandbox whose instances
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

from tests.flows.deployed import SOON, Deployed
from tests.flows.environment_menu import choose

pytestmark = pytest.mark.timeout(400)
QUICKLY = 0.1
"""The time scale with which a playbook takes a second."""
PRINTED = """\
PLAY [all] *********************************************************************

TASK [Install the release] *****************************************************
fatal: [localhost]: FAILED! => {"changed": false, "msg": "No space left on device"}

PLAY RECAP *********************************************************************
localhost                  : ok=4    changed=2    unreachable=0    failed=1    skipped=0
"""


def test_the_page_displays_failing_servers_and_can_run_their_association_again(deployed: Deployed) -> None:
    """The failures run one after another in one environment; each is displayed and then resolved."""
    a_site_check_succeeds(deployed)
    an_app_server_that_stopped_is_named(deployed)
    an_app_server_that_hangs_is_named(deployed)
    a_web_server_that_answers_500_is_named(deployed)
    two_web_servers_that_answer_500_are_an_outage_everywhere(deployed)
    a_playbook_that_failed_on_one_server_is_run_there_again(deployed)


def a_site_check_succeeds(deployed: Deployed) -> None:
    rows = deployed.page.locator("#site tr[id^=probe-]")
    before = rows.count()
    assert before < 3  # the table shows the latest three

    choose(deployed.page, "save-time")

    expect(rows).to_have_count(before + 1, timeout=SOON)
    expect(rows.first).to_contain_text("root")
    expect(rows.first).to_contain_text("Write and read succeeded in")


def an_app_server_that_stopped_is_named(deployed: Deployed) -> None:
    sick = deployed.servers("uwsgi")[0]

    deployed.act(sick, "stop-service")

    text = f"1 of 2 app servers fails its health check (…{sick[-4:]})"
    expect(deployed.health).to_contain_text(text, timeout=SOON)
    assert_one_is_unhealthy(deployed, "app", sick, "Target.FailedHealthChecks")

    deployed.act(sick, "start-service")

    assert_all_are_healthy(deployed, sick)
    assert_incident_is_in_the_history(deployed, "App servers")


def an_app_server_that_hangs_is_named(deployed: Deployed) -> None:
    """The operating system still accepts connections, so only an HTTP health check detects the failure."""
    sick = deployed.servers("uwsgi")[0]

    with frozen(f"app {sick}"):
        text = f"1 of 2 app servers fails its health check (…{sick[-4:]})"
        expect(deployed.health).to_contain_text(text, timeout=SOON)
        assert_one_is_unhealthy(deployed, "app", sick, "Target.Timeout")
        expect(deployed.reads).to_contain_text("4 of 4 reads succeeded", timeout=SOON)  # by the other server

    assert_all_are_healthy(deployed, sick)


@contextmanager
def frozen(name: str) -> Iterator[None]:
    """Stop the processes whose command line contains `name` for the duration of the block."""
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


def a_web_server_that_answers_500_is_named(deployed: Deployed) -> None:
    sick = deployed.servers("httpd")[0]

    deployed.act(sick, "break-service")

    text = f"1 of 2 web servers fails its health check (…{sick[-4:]})"
    expect(deployed.health).to_contain_text(text, timeout=SOON)
    assert_one_is_unhealthy(deployed, "web", sick, "Target.ResponseCodeMismatch")

    deployed.act(sick, "repair-service")

    assert_all_are_healthy(deployed, sick)
    assert_incident_is_in_the_history(deployed, "Web servers")


def two_web_servers_that_answer_500_are_an_outage_everywhere(deployed: Deployed) -> None:
    both = sorted(deployed.servers("httpd"))
    for one in both:
        deployed.act(one, "break-service")

    text = f"No web server is in service: health checks fail on {', '.join(both)}"
    expect(deployed.health).to_contain_text(text, timeout=SOON)
    expect(deployed.page.locator("#state")).to_contain_text("Unhealthy", timeout=SOON)
    expect(deployed.tier("Web servers")).to_contain_text("Unhealthy 0 of 2")
    expect(deployed.box("ALB")).to_contain_text("Unhealthy · No web server is in service.")
    expect(deployed.box("NLB")).to_contain_text("Healthy")
    assert_lists_display(deployed, "Unhealthy")
    assert_incident_is_in_the_history(deployed, "ALB", "Unhealthy", "0/1")

    for one in both:
        deployed.act(one, "repair-service")

    assert_all_are_healthy(deployed, both[0])


def assert_lists_display(deployed: Deployed, status: str) -> None:
    """Expect the status in the list of environments and in the admin's list."""
    with deployed.listed() as row:
        expect(row).to_contain_text(status, timeout=SOON)
    with deployed.page.context.expect_page() as opened:
        deployed.page.evaluate("window.open('/admin/deployments/environment/')")
    expect(opened.value.locator("#result_list")).to_contain_text(status)
    opened.value.close()


def assert_one_is_unhealthy(deployed: Deployed, tier: str, sick: str, code: str) -> None:
    """Expect the failure in the heading, the diagram, the targets and the list of environments."""
    names = {"app": "App servers", "web": "Web servers"}
    well = names["web" if tier == "app" else "app"]
    expect(deployed.page.locator("#state")).to_contain_text("Degraded", timeout=SOON)
    expect(deployed.tier(names[tier])).to_contain_text("Degraded 1 of 2")
    expect(deployed.tier(well)).to_contain_text("Healthy 2 of 2")
    expect(deployed.box(sick)).to_contain_text("Unhealthy")
    expect(deployed.box("ALB" if tier == "web" else "NLB")).to_contain_text("1 of 2 targets healthy")
    expect(deployed.target(tier, sick)).to_contain_text(f"unhealthy · {code}")
    with deployed.listed() as row:
        expect(row).to_contain_text("Degraded", timeout=SOON)


def assert_all_are_healthy(deployed: Deployed, repaired: str) -> None:
    deployed.is_well()
    for name in ("App servers", "Web servers"):
        expect(deployed.tier(name)).to_contain_text("Healthy 2 of 2")
    expect(deployed.box(repaired)).to_contain_text("Healthy")
    with deployed.listed() as row:
        expect(row).to_contain_text("Healthy", timeout=SOON)


def assert_incident_is_in_the_history(
    deployed: Deployed, part: str, state: str = "Degraded", figures: str = "1/2"
) -> None:
    incidents = deployed.tab("history").locator("#past-day")
    if not incidents.evaluate("details => details.open"):
        incidents.locator("summary").click()
    incident = incidents.locator("tbody tr").filter(has_text=part).first
    expect(incident).to_contain_text(state, timeout=SOON)
    expect(incident).to_contain_text(figures)


def a_playbook_that_failed_on_one_server_is_run_there_again(deployed: Deployed) -> None:
    name = deployed.association("app").name
    panel = deployed.panel("app")
    sick = deployed.servers("uwsgi")[0]
    deployed.pace(QUICKLY)
    deployed.fault(associations={name: {"on": [sick], "stdout": PRINTED, "stderr": "exit status 2"}})

    panel.get_by_role("button", name="Run on all instances").click()

    expect(panel).to_contain_text("failed on 1 of 2", timeout=SOON)
    expect(panel.locator("tbody tr").first).to_contain_text(sick)
    expect(deployed.health).to_contain_text(f"Configuration of app {sick} failed", timeout=SOON)
    on_top = panel.locator(".failed-task:has(~ table)")
    expect(on_top).to_contain_text("Install the release", timeout=SOON)
    expect(on_top).to_contain_text(sick)
    expect(on_top.locator("pre")).to_have_text("No space left on device")
    output = panel.locator("tbody tr").first.locator("details")
    output.locator("summary").click()
    expect(output.locator("pre").filter(has_text="TASK [Install the release]")).to_be_visible(timeout=SOON)

    deployed.fault(associations={name: None})
    panel.get_by_role("button", name="Run on failed instances").click()

    expect(panel).to_contain_text("2 of 2 succeeded", timeout=SOON)
    expect(panel.get_by_role("button", name="Run on failed instances")).to_have_count(0, timeout=SOON)
    expect(panel.locator(".failed-task")).to_have_count(0)
    deployed.is_well()
