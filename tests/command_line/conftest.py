"""A shell, the portal in this process, and an environment."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from keyring.backends.fail import Keyring as NoKeyring
from pytest_django import Settings

from deployments.environments.models.environments import Environment
from sanso_cli.output import out
from tests.api.clients import Program
from tests.browsing import TEMPLATE
from tests.builders import make_account, make_operator
from tests.command_line.portal_in_process import URL, PortalInProcess, Shell
from tests.health_builders import make_whole


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without a login, on a computer without a keyring."""
    for name in ("SANSO_URL", "SANSO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(out, "_width", None)  # a test of a pipe leaves its own
    monkeypatch.setattr("keyring.core._keyring_backend", NoKeyring())  # type: ignore[no-untyped-call]  # keyring has no types for it
    return tmp_path


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


@pytest.fixture
def operator(db: None) -> User:
    return make_operator("ana")


@pytest.fixture
def portal(operator: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> PortalInProcess:
    """The portal, with the token of an operator in SANSO_TOKEN."""
    settings.SANSO_API_REQUESTS_PER_TOKEN = settings.SANSO_API_REQUESTS_PER_ADDRESS = 1_000_000
    settings.SANSO_API_WRONG_TOKENS = 1_000_000
    found = PortalInProcess()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _self, request: found.answer(request))
    monkeypatch.setenv("SANSO_URL", URL)
    monkeypatch.setenv("SANSO_TOKEN", Program(operator).value)
    return found


@pytest.fixture
def shop(operator: User, tmp_path: Path, settings: Settings) -> Environment:
    """A deployed environment of a small template set."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path / "set"
    parameters = {"Database": "orders", "Size": "small"}
    return make_whole("shop", owner=operator, account=make_account("production"), parameters=parameters)
