"""The second phase of the fixture: a later release starts on the database of the first one, and is used."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.api_client import Program
from tests.upgrade.dump import Dump
from tests.upgrade.release import Release
from tests.upgrade.scene_helpers import MANY, Stage, log

OVER = ("succeeded", "failed", "rolled_back", "canceled")
STEP = 20.0
"""A time scale at which single events can be waited for."""
SLOW = 1_000.0
"""A time scale at which nothing more happens while the fixture is written."""
FAST = 0.05
EVERYTHING_FAILS = [{"service": "*", "action": "*", "mode": "throttle", "count": MANY}]


def restore(release: Release, dump: Dump) -> None:
    """Create the schema that a dump has, and insert its rows. `make run` then migrates them."""
    release.database.parent.mkdir(parents=True, exist_ok=True)
    for app, migration in last_migrations(dump).items():
        release.manage("migrate", app, migration, "-v", "0")
    connection = sqlite3.connect(release.database)
    for name, table in dump.tables.items():
        connection.execute(f'DELETE FROM "{name}"')
        columns = ", ".join(f'"{column}"' for column in table.columns)
        places = ", ".join("?" * len(table.columns))
        connection.executemany(f'INSERT INTO "{name}" ({columns}) VALUES ({places})', table.rows)
    connection.commit()
    connection.close()


def last_migrations(dump: Dump) -> dict[str, str]:
    """Return the last migration of each app that was applied."""
    rows = sorted(dump.records("django_migrations"), key=lambda row: str(row["name"]))
    return {row["app"]: row["name"] for row in rows}


def stop_accounts(release: Release, dump: Dump) -> None:
    """Throttle every call in the accounts of the first phase, whose sandbox is gone: nothing goes on."""
    for row in dump.records("deployments_account"):
        if row["sandbox_account_id"]:
            release.control("POST", "faults", {"api": EVERYTHING_FAILS}, account=row["sandbox_account_id"])


def in_days(days: float) -> str:
    """Return a time from now on."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).isoformat()


@dataclass(kw_only=True)
class Later(Stage):
    """The later release, with programs of the operator and of the administrator."""

    program: Program
    admin: Program
    versions: Mapping[str, list[int]] = field(default_factory=dict)
    """The versions of each template set by its name, the first one first."""

    def create(self, name: str, *, version: tuple[str, int] = ("changing", 0), **values: Any) -> int:
        """Request an environment of a version of a set, and return the deployment's number."""
        values.setdefault("parameters", {})
        if version[0] == "small":
            values["parameters"] = {"Password": GUEST_PASSWORD} | values["parameters"]
        else:
            values["template_version"] = self.versions[version[0]][version[1]]
        account = self.accounts[name][0]
        made = self.program.post(
            "/environments", name=name, account=account, reason=f"fixture: {name}", **values
        )
        log.info("%s: deployment %s", name, made["id"])
        return int(made["id"])

    def created(self, name: str, **values: Any) -> int:
        """Create an environment at once."""
        self.pace(name, FAST)
        return self.ends(self.create(name, **values), "succeeded")

    def ends(self, deployment: int, *states: str) -> int:
        """Wait until a deployment has ended. Raise RuntimeError if it ended otherwise."""
        self.wait_for_state(deployment, *OVER)
        if self.state(deployment) not in states:
            row = self.release.rows("SELECT * FROM deployments_deployment WHERE id = ?", (deployment,))[0]
            raise RuntimeError(f"{row['reason']} is {row['state']}: {row['error_sentence']}")
        return deployment

    def preview(self, name: str, title: str = "", **body: Any) -> int:
        """Request a change and wait for its preview."""
        deployment = self.change(name, title, **body)
        self.wait_for_state(deployment, "preview", *OVER)
        if self.state(deployment) != "preview":
            self.ends(deployment, "preview")
        return deployment

    def change(self, name: str, title: str = "", *, path: str = "previews", **body: Any) -> int:
        """Request a change, and return the deployment's number."""
        body.setdefault("parameters", {"Title": title} if title else {})
        body.setdefault("reason", f"fixture: change {name}")
        return int(self.program.post(f"/environments/{self.environment(name)}/{path}", **body)["id"])

    def digest(self, deployment: int) -> str:
        """Return the digest of a preview."""
        return str(self.program.get(f"/deployments/{deployment}/preview")["digest"])

    def apply(self, deployment: int, **values: Any) -> int:
        """Apply a change as it was previewed."""
        self.program.post(f"/deployments/{deployment}/apply", digest=self.digest(deployment), **values)
        return deployment

    def changes(self, name: str, title: str, *states: str, **values: Any) -> int:
        """Change an environment, and wait for the end."""
        return self.ends(self.apply(self.preview(name, title), **values), *(states or ("succeeded",)))

    def recover(self, name: str, path: str, **body: Any) -> int:
        """Request a deployment at one of the addresses of an environment."""
        body.setdefault("reason", f"fixture: {path} {name}")
        return int(self.program.post(f"/environments/{self.environment(name)}/{path}", **body)["id"])

    def removal(self, name: str, path: str = "deletion", **body: Any) -> int:
        """Request the deletion of an environment."""
        return self.recover(name, path, typed_name=name, unprotect=True, **body)

    def on(self, deployment: int, path: str, **body: Any) -> Any:
        """Send one of the requests about a deployment, as the operator."""
        return self.program.post(f"/deployments/{deployment}/{path}", **body)

    def approve(self, deployment: int) -> None:
        """Approve a change as the administrator."""
        self.admin.post(f"/deployments/{deployment}/approve", digest=self.digest(deployment))

    def fails(self, name: str, **resources: str) -> None:
        """Fail operations of resources in place of what failed before."""
        self.no_fault(name)
        if resources:
            self.fault(name, resources={key.replace("__", ":"): reason for key, reason in resources.items()})

    def started(self, deployment: int, status: str, logical_id: str, name: str) -> int:
        """Wait for an event, then stop time in the account, and what the release learns of it."""
        self.has_event(deployment, status, logical_id)
        self.pace(name, SLOW)
        self.fail_calls(name, "cloudformation")
        return deployment
