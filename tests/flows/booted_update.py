"""An update of the playbook on booted machines, begun by a script, while a client writes 200 times a second.

`make update-booted` runs it: the machines are configured twice, which takes minutes. `make test` does it with
processes in place of the machines (test_environment_changes.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from deployments.environments.models.deployments import Deployment
from tests.flows.booted import CONFIGURED, booting, portal, rows_beside_playwright
from tests.flows.deployed import PACE, Deployed
from tests.flows.updated_by_script import a_script_updates_the_playbook_while_a_client_writes
from tests.message_texts import reason
from tests.playbook.machine import why_not
from tests.running import Portal

__all__ = ["booting", "portal", "rows_beside_playwright"]
SLOWLY = 30.0
"""The time scale at the beginning of the update: booted machines have AWS's intervals between polls."""
pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=f"machines can't be booted: {why_not()}"),
    pytest.mark.usefixtures("transactional_db"),
    pytest.mark.timeout(0),
]


@pytest.fixture
def deployed(portal: Portal, requested: Deployment, own_page: Page) -> Deployed:
    """A ready environment on booted machines, with its page open."""
    (deployment,) = portal.wait_for_end(requested, seconds=CONFIGURED)
    assert deployment.state == "succeeded", reason(deployment)
    found = Deployed(own_page, deployment.environment, portal.sandbox)
    found.pace(PACE)
    own_page.goto(deployment.environment.get_absolute_url())
    found.is_well()
    return found


def test_no_write_is_lost_and_no_request_fails(deployed: Deployed, tmp_path: Path) -> None:
    load = a_script_updates_the_playbook_while_a_client_writes(deployed, tmp_path / "newer", SLOWLY)

    seconds = load.sent[-1].due - load.sent[0].due
    print(f"\n{len(load.sent)} writes in {seconds:.0f} s, none failed, none lost")  # noqa: T201
