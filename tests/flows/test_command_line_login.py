"""`sanso login` by browser: from the terminal to the portal's page and back to the terminal."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from deployments.access.models.tokens import ApiToken
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.services import LIMIT, REPOSITORY

pytestmark = pytest.mark.timeout(300)


def started(url: str, home: Path) -> subprocess.Popen[str]:
    """Start `sanso login` on a computer without a display and without a keyring."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "80"}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    command = [sys.executable, "-m", "sanso_cli", "login", "--url", url]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe
    )


def address_in(process: subprocess.Popen[str]) -> str:
    """Return the URL that `sanso login` prints."""
    assert process.stderr
    for line in process.stderr:
        if line.startswith("http"):
            return line.strip()
    raise AssertionError("no address was printed")


def test_a_person_logs_in_by_browser(page: Page, web: Web, operator: User, tmp_path: Path) -> None:
    login = started(web.url, tmp_path)
    page.goto(address_in(login))

    expect(page.locator("main")).to_contain_text(socket.gethostname()[:40])
    assert not faults(page)
    page.get_by_role("button", name="Allow access").click()
    expect(page.locator("body")).to_contain_text("return to the terminal")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?code=[\w:.%-]+&state=[\w-]+", page.url)
    output, errors = login.communicate(timeout=LIMIT)

    assert (login.returncode, "as ana" in output) == (0, True), output + errors
    token = ApiToken.objects.get()
    assert (token.owner, token.revoked_at) == (operator, None)
    file = tmp_path / ".config" / "sanso" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token.prefix in file.read_text()

    denied = started(web.url, tmp_path)
    page.goto(address_in(denied))
    page.get_by_role("button", name="Deny access").click()
    expect(page.locator("body")).to_contain_text("denied")
    _output, errors = denied.communicate(timeout=LIMIT)
    assert (denied.returncode, "denied" in errors) == (3, True)
    assert ApiToken.objects.count() == 1
