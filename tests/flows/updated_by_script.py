"""An update of an environment's stack by a script, as a person runs it who does not use Sanso for it."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect

from datelog.version import compute_version
from deployments.template_sets import template_files
from tests.flows.deployed import PACE, SOON, Deployed
from tests.sandbox.machines.site_load import SiteLoad
from tests.services import REPOSITORY, wait_until

RATE = 200.0  # writes a second
NEWER = "sets/by-script"
SLOWLY = 30.0
"""The time scale until the page has displayed that the stack is being updated, which it polls every 15 s."""
LONG = 600.0  # seconds, for booted machines on a busy host


def a_script_updates_the_playbook_while_a_client_writes(
    deployed: Deployed, folder: Path, slowly: float = SLOWLY
) -> SiteLoad:
    """Update the stack to another version of the playbook and of datelog, while a client saves times.

    `slowly` is the time scale in which the update begins. Return what the client has sent.
    """
    newer = newer_set(folder)
    with written(deployed) as load:
        wait_until(load.more(200), what="writes before the update")
        is_followed_on_the_page(deployed, newer, load, slowly)
        wait_until(load.more(200), what="writes after the update")
    assert len({one.version for one in load.sent}) == 2
    is_taken_over(deployed, newer)
    return load


def newer_set(folder: Path) -> Path:
    """Copy the bundled set with another version of the playbook and of datelog; return its folder.

    The other version of the playbook has another number of threads, so that uWSGI is restarted.
    """
    for part in ("infra_templates", "playbook", "datelog"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    settings = folder / "playbook/files/uwsgi.ini"
    before = settings.read_text()
    settings.write_text(before.replace("threads = 6", "threads = 7"))
    assert settings.read_text() != before
    with (folder / "datelog/urls.py").open("a") as file:
        file.write("\n# another version\n")
    return folder / "infra_templates"


def update_by_a_script(deployed: Deployed, folder: Path) -> None:
    """Upload the set, and request the update with UpdateStack and CloudFormation's role; do not wait."""
    environment, template_set = deployed.environment, template_files.load(folder)
    cloudformation, s3 = deployed.aws("cloudformation"), deployed.aws("s3")
    (stack,) = cloudformation.describe_stacks(StackName=environment.stack_id)["Stacks"]
    values = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    bucket, region = values[template_set.bucket_parameter], environment.account.region
    for key, body in template_files.build_objects(template_set):
        s3.put_object(Bucket=bucket, Key=f"{NEWER}/{key}", Body=body)
    changed = template_set.prefix_parameter
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in values if name != changed]
    cloudformation.update_stack(
        StackName=environment.stack_id,
        TemplateURL=f"https://{bucket}.s3.{region}.amazonaws.com/{NEWER}/{template_set.root.name}",
        Parameters=[*kept, {"ParameterKey": changed, "ParameterValue": NEWER}],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        RoleARN=f"arn:aws:iam::{deployed.account}:role/sanso-cloudformation",
    )


@contextmanager
def written(deployed: Deployed) -> Iterator[SiteLoad]:
    """Save times throughout: no request may fail, and no acknowledged time may be missing afterwards."""
    with SiteLoad(deployed.environment.outputs["SiteUrl"], RATE, writes=1) as load:
        yield load
    assert load.failed() == []
    lost, _more = load.lost_and_doubled()  # the portal's site checks save times as well
    assert lost == 0


def served(load: SiteLoad) -> set[str]:
    """Return the versions that have answered the latest hundred requests."""
    return {one.version for one in deque(load.sent, 100)}


def is_followed_on_the_page(deployed: Deployed, folder: Path, load: SiteLoad, slowly: float) -> None:
    """Expect the page to say what happens, and the new version on every server at the end.

    The update takes longer until the page, which polls the stack every 15 s, has displayed it.
    """
    page, version = deployed.page, compute_version(folder.parent / "datelog")
    banner = page.locator("#changed-outside")
    deployed.pace(slowly)
    update_by_a_script(deployed, folder)
    expect(banner).to_contain_text("Being changed outside of Sanso", timeout=SOON)
    expect(banner.get_by_role("button", name="Take over")).to_have_count(0)
    deployed.pace(PACE)
    expect(banner).to_contain_text("Changed outside of Sanso", timeout=LONG * 1000)
    wait_until(lambda: served(load) == {version}, seconds=LONG, what="the new version on every server")
    expect(page.locator("#served-versions")).to_contain_text(
        re.compile(rf"Version served:\s+{version}\s+\(\d+ of \d+ reads\)\s+Version configured:\s+unknown"),
        timeout=SOON,
    )
    expect(page.locator("#served-other")).to_have_count(0)
    deployed.is_well()


def is_taken_over(deployed: Deployed, folder: Path) -> None:
    """Take the change over, and expect the page to be right about the version that it cannot know."""
    page = deployed.page
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#banner")).to_contain_text(
        "taken over: changes start from the stack as it is", timeout=SOON
    )
    page.goto(deployed.environment.get_absolute_url())
    expect(page.locator("#changed-outside")).to_have_count(0)
    version = compute_version(folder.parent / "datelog")
    expect(page.locator("#served-versions")).to_contain_text(version, timeout=SOON)
    expect(page.locator("#served-versions")).to_contain_text("unknown")
    expect(page.locator("#served-other")).to_have_count(0)
