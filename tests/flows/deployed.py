"""An environment in the sandbox and its page: elements of the page, and actions in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Locator, Page, expect

from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import Association
from tests.running import client
from tests.services import LIMIT, Sandbox

SOON = LIMIT * 1000
"""Milliseconds to wait until the page displays a change."""
PACE = 0.25
GRACE = "3600"
"""AWS seconds in which no unhealthy server is replaced, the most that the templates accept: 75 s at PACE."""
DAY = 86_400


@dataclass(frozen=True)
class Deployed:
    """An environment with its overview in a browser tab; other tabs of its page open in separate tabs."""

    page: Page
    environment: Environment
    sandbox: Sandbox
    opened: dict[str, Page] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return self.environment.account.sandbox_account_id

    @property
    def health(self) -> Locator:
        """Why it is not healthy, above the diagram."""
        return self.page.locator("#health")

    def tab(self, name: str) -> Page:
        """Return a browser tab with one of the environment's tabs; it stays open."""
        if name not in self.opened:
            self.opened[name] = self.page.context.new_page()
            self.opened[name].goto(urljoin(self.page.url, f"{self.environment.get_absolute_url()}{name}"))
        return self.opened[name]

    def tier(self, name: str) -> Locator:
        """The heading of a tier of servers in the diagram."""
        return self.page.locator("#architecture svg.wide .tier").filter(has_text=name)

    @property
    def reads(self) -> Locator:
        """The latest reads of the site."""
        return self.page.locator("#site-reads")

    def box(self, key: str) -> Locator:
        return self.page.locator("#architecture svg.wide").get_by_role("link", name=key)

    def target(self, tier: str, key: str) -> Locator:
        return self.tab("servers").locator(f"#target-{tier}-{key}")

    def source(self, name: str) -> Locator:
        return self.tab("database" if name == "database" else "servers").locator(f"#source-{name}")

    def association(self, tier: str) -> Association:
        return Association.objects.of(self.environment).get(tier=tier)

    def panel(self, tier: str) -> Locator:
        return self.tab("servers").locator(f"#association-{self.association(tier).association_id}")

    def is_well(self) -> None:
        expect(self.page.locator("#state")).to_have_text("Healthy", timeout=SOON)
        expect(self.health).to_have_count(0, timeout=SOON)

    @contextmanager
    def listed(self) -> Iterator[Locator]:
        """Open the list of environments in another tab, and yield this environment's row."""
        with self.page.context.expect_page() as opened:
            self.page.evaluate("window.open('/environments/')")
        yield opened.value.locator(f"#environment-{self.environment.pk}")
        opened.value.close()

    def servers(self, service: str) -> list[str]:
        """Return the instances on which the service (uwsgi or httpd) runs."""
        listed: Any = self.sandbox.control("GET", "machines", account=self.account)
        return [one["instance"] for one in listed["machines"] if one["service"] == service and one["running"]]

    def act(self, key: str, action: str) -> None:
        self.sandbox.control("POST", f"machines/{key}", {"action": action})

    def pace(self, pace: float) -> None:
        self.sandbox.control("POST", "pace", {"pace": pace}, account=self.account)

    def fault(self, **faults: Any) -> None:
        self.sandbox.control("POST", "faults", faults, account=self.account)

    def no_fault(self) -> None:
        """Remove all faults and release held calls."""
        self.sandbox.control("DELETE", "faults", account=self.account)
        held: Any = self.sandbox.control("GET", "held", account=self.account)
        for request in held:
            self.sandbox.control("POST", f"held/{request['id']}", {"action": "release"})

    def keep_unhealthy_servers(self) -> None:
        """Let Auto Scaling replace no server that only fails health checks, however slow this machine is."""
        groups = self.aws("autoscaling")
        for group in groups.describe_auto_scaling_groups()["AutoScalingGroups"]:
            groups.update_auto_scaling_group(
                AutoScalingGroupName=group["AutoScalingGroupName"], HealthCheckGracePeriod=DAY
            )

    def aws(self, service: str) -> Any:
        return client(self.environment.account, service, self.sandbox)
