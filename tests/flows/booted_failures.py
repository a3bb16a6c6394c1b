"""Failures of an environment's booted machines: its page names them within seconds, and they recover."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from deployments.health.models.database import DatabaseMember
from tests.flows.deployed import Deployed
from tests.flows.environment_menu import choose
from tests.services import wait_until

HEALED = 120_000
PACE = 6.0
"""The time scale: a health check every 2.5 s, half of AWS's interval; the grace period below is one hour."""
CONFIGURED = 600_000
FREEZE = "systemctl kill --kill-whom=all --signal={} uwsgi.service"
NO_SPACE = "No space left on device"


def run_on(deployed: Deployed, instance: str, *commands: str) -> None:
    """Run commands on a machine through a separate association."""
    ssm = deployed.aws("ssm")
    created: Any = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": list(commands)},
        Targets=[{"Key": "InstanceIds", "Values": [instance]}],
    )["AssociationDescription"]

    def status() -> str:
        found: Any = ssm.describe_association(AssociationId=created["AssociationId"])
        return str(found["AssociationDescription"].get("Overview", {}).get("Status"))

    wait_until(lambda: status() in ("Success", "Failed"), what=f"the end of {commands}")
    assert status() == "Success"
    ssm.delete_association(AssociationId=created["AssociationId"])


def is_healthy(deployed: Deployed) -> None:
    expect(deployed.page.locator("#state")).to_have_text("Healthy", timeout=HEALED)
    expect(deployed.health).to_have_count(0, timeout=HEALED)


def an_app_server_that_hangs_is_named(deployed: Deployed) -> None:
    """The operating system still accepts connections, so only an HTTP health check detects the failure."""
    instance = deployed.servers("uwsgi")[0]

    run_on(deployed, instance, FREEZE.format("STOP"))

    expect(deployed.health).to_contain_text(
        f"app servers fails its health check (…{instance[-4:]})", timeout=HEALED
    )
    expect(deployed.target("app", instance)).to_contain_text("unhealthy · Target.Timeout")
    expect(deployed.reads).to_contain_text("4 of 4 reads succeeded", timeout=HEALED)  # by the other server

    run_on(deployed, instance, FREEZE.format("CONT"))
    is_healthy(deployed)


def two_web_servers_that_answer_500_are_an_outage(deployed: Deployed) -> None:
    both = sorted(deployed.servers("httpd"))
    for instance in both:
        deployed.act(instance, "break-service")

    expect(deployed.page.locator("#state")).to_contain_text("Unhealthy", timeout=HEALED)
    expect(deployed.health).to_contain_text("No web server is in service", timeout=HEALED)
    expect(deployed.reads).to_contain_text("Unhealthy 0 of 4", timeout=HEALED)

    for instance in both:
        deployed.act(instance, "repair-service")
    is_healthy(deployed)


def an_app_server_whose_disk_is_full_is_named(deployed: Deployed) -> None:
    """The server keeps serving; its next configuration fails, and succeeds once there is space."""
    instance = deployed.servers("uwsgi")[0]
    panel = deployed.panel("app")
    deployed.act(instance, "fill-disk")

    panel.get_by_role("button", name="Run on all instances").click()

    failed = re.compile(f"Configuration of app {instance} failed.*{NO_SPACE}")
    expect(deployed.health).to_contain_text(failed, timeout=CONFIGURED)
    expect(deployed.page.locator("#state")).to_contain_text("Degraded", timeout=HEALED)
    expect(panel).to_contain_text("failed on 1 of 2", timeout=CONFIGURED)
    expect(panel.locator(".failed-task").filter(has_text=instance)).to_contain_text(NO_SPACE)
    output = panel.locator("tbody tr").filter(has_text=instance).locator("details")
    output.locator("summary").click()
    expect(output).to_contain_text(NO_SPACE, timeout=HEALED)
    expect(deployed.reads).to_contain_text("4 of 4 reads succeeded", timeout=HEALED)

    deployed.act(instance, "free-disk")
    panel.get_by_role("button", name="Run on failed instances").click()
    expect(panel).to_contain_text("2 of 2 succeeded", timeout=CONFIGURED)
    is_healthy(deployed)


def a_frozen_writer_is_replaced_and_writes_succeed_again(deployed: Deployed) -> None:
    members = DatabaseMember.objects.filter(cluster__environment=deployed.environment)
    before = members.get(is_writer=True).instance_id
    found: Any = deployed.sandbox.control("GET", "databases", account=deployed.account)
    body = {"cluster": found["databases"][0]["cluster"], "action": "freeze_writer"}

    deployed.sandbox.control("POST", "databases", body, account=deployed.account)

    after = deployed.tab("database").locator("#database tr", has_text="Writer").first
    expect(after).not_to_contain_text(before, timeout=HEALED)
    is_healthy(deployed)
    choose(deployed.page, "save-time")
    newest = deployed.page.locator("#site tr[id^=probe-]").first
    expect(newest).to_contain_text("Write and read succeeded in", timeout=HEALED)


def failures_are_named_and_heal(deployed: Deployed) -> None:
    """Run all failures in turn in one environment; no failed server is replaced in the meantime."""
    autoscaling = deployed.aws("autoscaling")
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, HealthCheckGracePeriod=7200)
    deployed.pace(PACE)
    is_healthy(deployed)
    an_app_server_that_hangs_is_named(deployed)
    two_web_servers_that_answer_500_are_an_outage(deployed)
    an_app_server_whose_disk_is_full_is_named(deployed)
    a_frozen_writer_is_replaced_and_writes_succeed_again(deployed)
    deployed.pace(0)
