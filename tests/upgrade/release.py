"""A checkout of the release, run as by an operator: with `make run`, its sandbox, and real ports."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import httpx

from tests.services import LOOPBACK, Service, bearer, free_port, sandbox_answers, wait_until
from tests.upgrade import SECRET_KEY
from tests.upgrade.visitor import Visitor

REGION = "ap-northeast-1"
STARTED = 300.0
"""Seconds for the first start, in which `make run` installs its packages."""


class Release:
    """The release's portal and sandbox, in a separate data folder.

    The sandbox runs beside `make run`, which uses it through SANSO_SANDBOX_URL: a sandbox started by
    `make run` loses its state when `make run` stops.
    """

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.token_file = folder / "sandbox" / "data" / "token"
        """The sandbox's token. Sandboxes of early releases write none and check no signature."""
        module = "sanso_sandbox" if (checkout / "portal/sandbox/sanso_sandbox").exists() else "portal.sandbox"
        self.sandbox = Service(
            command=[str(checkout / ".venv/bin/python"), "-m", module],
            directory=checkout,
            folder=folder / "sandbox",
            port=self.sandbox_port,
            answers=lambda: sandbox_answers(self.sandbox_port, self.token_file),
            environment={
                "SANSO_SANDBOX_HOST": LOOPBACK,
                "SANSO_SANDBOX_PORT": str(self.sandbox_port),
                "SANSO_SANDBOX_DATA": str(folder / "sandbox" / "data"),
                "SANSO_SANDBOX_MACHINES": "processes",
            },
        )
        self.portal: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{LOOPBACK}:{self.sandbox_port}"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "sanso.sqlite3"

    @property
    def commit(self) -> str:
        """Return the commit of the checkout."""
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=self.checkout, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def install(self) -> None:
        """Install the packages of the release, as `make run` does first."""
        subprocess.run([".ci/environment", "run"], cwd=self.checkout, check=True)

    def configure(self, template_set: Path | None) -> None:
        """Set the variables of `make run` and `manage.py`."""
        self.settings = {
            "SANSO_DATA_DIR": str(self.folder / "data"),
            "SANSO_SANDBOX_URL": self.sandbox_url,
            "SANSO_SANDBOX_TOKEN_FILE": str(self.token_file),
            "SANSO_AUDIT_ANCHORS": str(self.folder / "audit-anchors.txt"),
            "SANSO_SOURCE_ADDRESSES": "127.0.0.0/8",
            "EMAIL_URL": f"smtp://{LOOPBACK}:9",  # nobody receives mail
            "SECRET_KEY": SECRET_KEY,
            "PORT": str(self.port),
            "AWS_EC2_METADATA_DISABLED": "true",
        } | ({"SANSO_TEMPLATE_SET": str(template_set)} if template_set else {})

    def start(self, template_set: Path | None) -> None:
        """Run `make run` until the first page responds; None is the bundled template set."""
        self.configure(template_set)
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "make-run.log").open("ab") as log:
            self.portal = subprocess.Popen(
                ["make", "run"],
                cwd=self.checkout,
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_until(self._answers, seconds=STARTED, what="the release's first page")

    def stop(self) -> None:
        """Send SIGINT to all foreground processes, as Ctrl-C does."""
        if self.portal is None or self.portal.poll() is not None:
            return
        os.killpg(self.portal.pid, signal.SIGINT)
        self.portal.wait(60)

    def manage(self, *arguments: str) -> str:
        """Run the release's manage.py and return its output."""
        command = [str(self.checkout / ".venv/bin/python"), "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=self.checkout, env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stderr}")
        return done.stdout

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Read the release's database, also while the release writes to it."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            return list(connection.execute(sql, arguments))
        finally:
            connection.close()

    def first_login(self) -> tuple[str, str]:
        """Return the login that `make run` printed at its first start."""
        login = json.loads((self.folder / "data" / "first-login.json").read_text())
        return login["username"], login["password"]

    def visitor(self, username: str, password: str) -> Visitor:
        """Return a visitor who has just logged in."""
        person = Visitor(self.url)
        person.log_in(username, password)
        return person

    def control(self, method: str, path: str, body: Any = None, *, account: str) -> Any:
        """Call the sandbox's control API for one account."""
        answer = httpx.request(
            method,
            f"{self.sandbox_url}/_sanso/{path}",
            params={"account": account},
            json=body if method == "POST" else None,
            headers=bearer(self.token_file),
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def aws(self, account: str, service: str) -> Any:
        """Return a boto3 client of an account, with a key that its sandbox issued if it issues any."""
        key = {"access_key_id": account, "secret_access_key": "x"}
        if self.token_file.exists():
            key = self.control("POST", "keys", {"name": "script"}, account=account)
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            region_name=REGION,
            endpoint_url=self.sandbox_url,
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
        )

    def _answers(self) -> bool:
        if self.portal is not None and self.portal.poll() is not None:
            raise RuntimeError((self.folder / "make-run.log").read_text(errors="replace")[-3000:])
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        others = ("AWS_", "SANSO_", "DJANGO_", "VENV", "MAKE")
        return {k: v for k, v in os.environ.items() if not k.startswith(others)} | self.settings
