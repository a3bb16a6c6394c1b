"""Servers that go and come and a writer that changes are followed on the environment's page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.flows.standing import PACE, SOON, Standing
from tests.services import wait_until

pytestmark = pytest.mark.timeout(400)
SLOWLY = 3.0
"""The pace at which a target drains for seven seconds."""


def test_what_changes_is_followed_on_the_page(standing: Standing) -> None:
    """One environment, one change after the other."""
    a_failover_swaps_the_roles(standing)
    a_server_that_is_terminated_is_drained_replaced_and_configured(standing)
    a_server_that_was_killed_is_replaced_and_configured(standing)
    while_both_web_servers_are_replaced_the_environment_is_unhealthy(standing)


def a_failover_swaps_the_roles(standing: Standing) -> None:
    rows = standing.page.locator("#database tbody tr")
    expect(rows).to_have_count(2)
    writer, reader = (rows.nth(number).get_attribute("id") for number in (0, 1))
    expect(rows.first).to_contain_text("Writer")
    standing.environment.refresh_from_db()

    standing.aws("rds").failover_db_cluster(
        DBClusterIdentifier=standing.environment.outputs["DatabaseClusterId"]
    )

    expect(rows.first).to_have_id(str(reader), timeout=SOON)
    expect(rows.first).to_contain_text("Writer")
    expect(rows.nth(1)).to_have_id(str(writer))
    expect(rows.nth(1)).to_contain_text("Reader")
    expect(standing.box("Writer")).to_have_attribute("href", f"#{reader}")
    expect(standing.box("Reader")).to_have_attribute("href", f"#{writer}")
    wait_until(lambda: databases(standing) == {"available"}, what="the end of the failover")
    standing.is_well()


def databases(standing: Standing) -> set[str]:
    """Return the statuses of the cluster and of its instances."""
    rds = standing.aws("rds")
    clusters, instances = rds.describe_db_clusters()["DBClusters"], rds.describe_db_instances()["DBInstances"]
    return {one["Status"] for one in clusters} | {one["DBInstanceStatus"] for one in instances}


def a_server_that_is_terminated_is_drained_replaced_and_configured(standing: Standing) -> None:
    page = standing.page
    before = standing.servers("uwsgi")
    gone = before[0]
    standing.pace(SLOWLY)

    standing.aws("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=gone, ShouldDecrementDesiredCapacity=False
    )

    row = standing.target("app", gone)
    expect(row).to_contain_text("Draining", timeout=SOON)
    expect(row).to_contain_text("it is being deregistered and receives no new requests")
    expect(page.locator(f"#instance-{gone}")).to_contain_text("Terminating")
    expect(standing.tier("App servers")).to_contain_text("1 of 2")
    activities = page.locator(".activities li")
    expect(activities.filter(has_text=f"Terminating EC2 instance: {gone}")).to_contain_text("Waiting for ELB")
    new = replacement(standing, before)
    launched = activities.filter(has_text=f"Launching a new EC2 instance: {new}")
    expect(launched).to_have_count(1, timeout=SOON)

    standing.pace(PACE)

    is_in_service(standing, "app", gone, new)
    expect(launched).to_contain_text("Succeeded")
    expect(activities.filter(has_text=f"Terminating EC2 instance: {gone}")).to_contain_text("Succeeded")


def a_server_that_was_killed_is_replaced_and_configured(standing: Standing) -> None:
    before = standing.servers("httpd")
    gone = before[0]

    standing.act(gone, "kill")

    expect(standing.page.locator(".activities")).to_contain_text(gone, timeout=SOON)
    is_in_service(standing, "web", gone, replacement(standing, before))


def while_both_web_servers_are_replaced_the_environment_is_unhealthy(standing: Standing) -> None:
    before = standing.servers("httpd")

    standing.pace(SLOWLY)
    for one in before:
        standing.act(one, "kill")

    expect(standing.health.get_by_role("heading")).to_contain_text("Unhealthy", timeout=SOON)
    old = f"({'|'.join(before)})"
    said = re.compile(f"No web server is in service; State Manager is configuring i-.+ in place of {old}")
    expect(standing.health).to_contain_text(said, timeout=SOON)
    expect(standing.health.get_by_role("heading")).to_contain_text("Unhealthy")
    expect(standing.box("ALB")).to_contain_text("Unhealthy")
    standing.pace(PACE)
    standing.is_well()


def replacement(standing: Standing, before: list[str]) -> str:
    """Wait until the group of these servers has launched another one, and return its id."""
    groups = standing.aws("autoscaling")
    found: set[str] = set()

    def launched() -> bool:
        for group in groups.describe_auto_scaling_groups()["AutoScalingGroups"]:
            members = {one["InstanceId"] for one in group["Instances"]}
            if members & set(before):
                found.update(members - set(before))
        return bool(found)

    wait_until(launched, what="a replacement")
    return found.pop()


def is_in_service(standing: Standing, tier: str, gone: str, new: str) -> None:
    """See the new server configured by a run of its own and healthy, and the old one gone."""
    page = standing.page
    expect(page.locator(f"#instance-{new}")).to_contain_text("In service", timeout=SOON)
    run = standing.panel(tier).locator("tbody tr").filter(has_text=new)
    expect(run).to_contain_text("Succeeded", timeout=SOON)
    expect(standing.target(tier, new)).to_contain_text("Healthy", timeout=SOON)
    expect(standing.box(new)).to_contain_text("Healthy")
    expect(page.locator(f"#instance-{gone}")).to_have_count(0, timeout=SOON)
    expect(standing.target(tier, gone)).to_have_count(0, timeout=SOON)
    expect(standing.panel(tier)).not_to_contain_text(gone)
    standing.is_well()
