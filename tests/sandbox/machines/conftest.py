"""The environment of infra_templates/ in a sandbox whose machines are processes, deployed once a module."""

from __future__ import annotations

import contextlib
import os
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployments.template_sets import template_files
from sandbox_tests.engine.conftest import Account
from tests.sandbox.engine.test_infra_templates import apply, failures, parameters, upload
from tests.services import REPOSITORY, Sandbox, start_sandbox, wait_until

ACCOUNT = "210987654321"
TEMPLATES = REPOSITORY / "infra_templates"


@dataclass
class Site:
    """The deployed environment, as visitors and operators reach it."""

    account: Account
    root: str
    outputs: dict[str, str]

    def get(self, path: str, **headers: str) -> str:
        """Open a path of the site as a browser does."""
        request = urllib.request.Request(self.outputs["SiteUrl"] + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200
            return str(answer.read().decode())

    def health(self, tier: str) -> dict[str, dict[str, str]]:
        """Return the TargetHealth of each target of a tier (Web or App)."""
        rows = self.account.client("elbv2").describe_target_health(
            TargetGroupArn=self.outputs[f"{tier}TargetGroupArn"]
        )["TargetHealthDescriptions"]
        return {row["Target"]["Id"]: row["TargetHealth"] for row in rows}

    def states(self, tier: str) -> list[str]:
        return sorted(one["State"] for one in self.health(tier).values())

    def is_whole(self) -> bool:
        """Return whether both tiers have two healthy targets and no others."""
        return all(self.states(tier) == ["healthy", "healthy"] for tier in ("Web", "App"))

    def machines(self, service: str = "") -> list[dict[str, Any]]:
        """Return the machines: all, or those with a service."""
        listed: Any = self.account.sandbox.control("GET", "machines", account=self.account.id)
        return [one for one in listed["machines"] if service in ("", one["service"])]

    def act(self, instance_id: str, action: str) -> None:
        self.account.sandbox.control("POST", f"machines/{instance_id}", {"action": action})

    def log(self, machine: dict[str, Any]) -> str:
        return Path(machine["log"]).read_text()


def servers_of(sandbox: Sandbox) -> list[int]:
    """Return the uWSGI processes of a sandbox: those with its address or a file of its folder."""
    address, folder = f"http://127.0.0.1:{sandbox.port}".encode(), str(sandbox.folder).encode()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            mine = folder in command or address in (entry / "environ").read_bytes()
            if b"uwsgi" in command and mine:
                found.append(int(entry.name))
    return found


def listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def start(folder: Path, database: str) -> Sandbox:
    """Start a sandbox with time scale 0 whose machines are processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSO_SANDBOX_MACHINES", "processes")
        return start_sandbox(folder, database=database)


def deployed(sandbox: Sandbox, templates: Path = TEMPLATES, **changed: str) -> Site:
    """Deploy the environment with the default or the given values; wait until both tiers are healthy."""
    account = Account(sandbox, ACCOUNT)
    root_url = upload(account, templates)
    declared = template_files.load(templates).parameters.values()
    values = {p.name: p.new_environment for p in declared if p.new_environment is not None} | changed
    root = apply(account, "whole", "CREATE", TemplateURL=root_url, Parameters=parameters(account, **values))
    assert account.status(root) == "CREATE_COMPLETE", failures(account)
    site = Site(account, root, account.outputs(root))
    wait_until(site.is_whole, what="healthy targets in both tiers")
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The environment with the database that is installed on this machine."""
    sandbox = start(tmp_path_factory.mktemp("processes"), os.environ.get("SANSO_SANDBOX_DATABASE", "auto"))
    try:
        yield deployed(sandbox)
    finally:
        sandbox.stop()
