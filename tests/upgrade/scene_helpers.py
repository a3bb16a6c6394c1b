"""Helpers of the fixture's scenes: accounts, an operator's requests, and waiting for their effects."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from tests.upgrade.release import REGION, Release
from tests.upgrade.visitor import Visitor, number_in

log = logging.getLogger("fixture")
MANY = 1_000_000
AT_ONCE = 5
"""Number of scenes that are played at the same time."""
CREATED = 1800.0
"""Seconds within which an environment is created; the machine may be busy."""


@dataclass
class Stage:
    """The release and its operator. Each environment has a separate account of the same name."""

    release: Release
    operator: Visitor
    accounts: dict[str, tuple[int, str]]
    """The key and the twelve digits of each account by its name."""
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def number(self, name: str) -> str:
        """Return the twelve digits of an environment's account."""
        return self.accounts[name][1]

    def deploy(self, name: str, **parameters: str) -> int:
        """Request an environment in the account of its name, and return its deployment's number."""
        values = {f"parameter_{key}": value for key, value in parameters.items()}
        answer = self.operator.send(
            "/environments/new",
            account=str(self.accounts[name][0]),
            name=name,
            reason=f"fixture: {name}",
            **values,
        )
        log.info("%s: deployment %s", name, number_in(answer, "deployments"))
        return number_in(answer, "deployments")

    def delete(self, name: str, *, unprotect: bool = False) -> int:
        """Request the deletion of an environment, and return the deployment's number."""
        values = {"unprotect": "on"} if unprotect else {}
        path = f"/environments/{self.environment(name)}/delete"
        answer = self.operator.send(path, typed_name=name, reason=f"fixture: delete {name}", **values)
        return number_in(answer, "deployments")

    def press(self, name: str, button: str, **values: str) -> httpx.Response:
        """Send one of the forms of an environment's page: `run`, `save-time` or `forget`."""
        return self.operator.send(f"/environments/{self.environment(name)}/", to=f"/{button}", **values)

    def environment(self, name: str) -> int:
        """Return the number of an environment."""
        rows = self.release.rows(
            "SELECT id FROM deployments_environment WHERE name = ? ORDER BY id DESC", (name,)
        )
        return int(rows[0]["id"])

    def wait_for(self, what: str, condition: Callable[[], bool], *, seconds: float = CREATED) -> None:
        """Wait until a condition is true. Raise TimeoutError if it is not within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come true within {seconds:g} s")
            time.sleep(0.25)
        log.info("%s", what)

    def state(self, deployment: int) -> str:
        """Return the state of a deployment."""
        rows = self.release.rows("SELECT state FROM deployments_deployment WHERE id = ?", (deployment,))
        return str(rows[0]["state"])

    def wait_for_state(self, deployment: int, *states: str, seconds: float = CREATED) -> None:
        """Wait until a deployment is in one of the states."""
        self.wait_for(
            f"deployment {deployment} is {' or '.join(states)}",
            lambda: self.state(deployment) in states,
            seconds=seconds,
        )

    def creates(self, name: str, **parameters: str) -> int:
        """Deploy an environment and wait until it has succeeded."""
        deployment = self.deploy(name, **parameters)
        self.wait_for_state(deployment, "succeeded", "failed", "rolled_back")
        if self.state(deployment) != "succeeded":
            row = self.release.rows("SELECT * FROM deployments_deployment WHERE id = ?", (deployment,))[0]
            raise RuntimeError(f"{name}: {row['state']} {row['error_message']}")
        return deployment

    def needs_attention(self, deployment: int) -> None:
        """Wait until a deployment needs attention."""
        sql = "SELECT attention_code FROM deployments_deployment WHERE id = ?"
        self.wait_for(
            f"deployment {deployment} needs attention",
            lambda: bool(self.release.rows(sql, (deployment,))[0]["attention_code"]),
        )

    def has_event(self, deployment: int, status: str, logical_id: str, seconds: float = CREATED) -> None:
        """Wait until the log of a deployment has a status of a resource."""
        sql = "SELECT 1 FROM deployments_event WHERE deployment_id = ? AND status = ? AND logical_id = ?"
        self.wait_for(
            f"deployment {deployment}: {logical_id} is {status}",
            lambda: bool(self.release.rows(sql, (deployment, status, logical_id))),
            seconds=seconds,
        )

    def fault(self, name: str, **faults: Any) -> None:
        """Inject faults into an environment's account."""
        self.release.control("POST", "faults", faults, account=self.number(name))

    def fail_calls(self, name: str, service: str, action: str = "*", mode: str = "throttle") -> None:
        """Fail calls of an environment's account from now on."""
        self.fault(name, api=[{"service": service, "action": action, "mode": mode, "count": MANY}])

    def no_fault(self, name: str) -> None:
        """Remove every fault of an environment's account."""
        self.release.control("DELETE", "faults", account=self.number(name))

    def pace(self, name: str, pace: float) -> None:
        """Set the time scale of an environment's account: above 1 is slower."""
        self.release.control("POST", "pace", {"pace": pace}, account=self.number(name))

    def servers(self, name: str, service: str) -> list[str]:
        """Return the instances on which uwsgi or httpd runs."""
        listed = self.release.control("GET", "machines", account=self.number(name))["machines"]
        return [one["instance"] for one in listed if one["service"] == service and one["running"]]

    def act(self, name: str, instance: str, action: str) -> None:
        """Carry out an action on a machine."""
        self.release.control("POST", f"machines/{instance}", {"action": action}, account=self.number(name))

    def freeze(self, name: str) -> None:
        """Keep the writer of an environment's database frozen until the stage has ended."""
        listed = self.release.control("GET", "databases", account=self.number(name))["databases"]
        body = {"cluster": listed[0]["cluster"], "action": "freeze_writer"}

        def again() -> None:
            while not self.ended.wait(2):
                try:
                    self.release.control("POST", "databases", body, account=self.number(name))
                except httpx.HTTPError as exc:
                    log.debug("%s: %s", name, exc)

        self.release.control("POST", "databases", body, account=self.number(name))
        threading.Thread(target=again, daemon=True).start()

    def aws(self, name: str, service: str) -> Any:
        """Return a boto3 client of an environment's account."""
        return self.release.aws(self.number(name), service)


Played = TypeVar("Played", bound=Stage)


def ensure_accounts(release: Release, names: list[str], first: int = 1) -> dict[str, tuple[int, str]]:
    """Create a sandbox account for each name, for which the portal has no page."""
    lines = [
        "from django.core.management import call_command",
        f"for number, name in enumerate({names!r}, {first}):",
        f"    call_command('ensure_sandbox_account', name=name, region={REGION!r},",
        "                 account_id=f'{number:012}')",
    ]
    release.manage("shell", "-v", "0", "-c", "\n".join(lines))
    rows = release.rows("SELECT id, name, sandbox_account_id FROM deployments_account")
    return {row["name"]: (int(row["id"]), row["sandbox_account_id"]) for row in rows}


def all_of(stage: Played, scenes: Mapping[str, Callable[[Played], None]]) -> None:
    """Play scenes, several at the same time. Failures are noted; the other scenes continue."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = {name: pool.submit(scene, stage) for name, scene in scenes.items()}
    for name, result in played.items():
        if problem := result.exception():
            log.error("%s failed", name, exc_info=problem)
            stage.failed.append(name)
