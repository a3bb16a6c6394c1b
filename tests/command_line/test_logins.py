"""Where a login is kept: in the system's keyring, or in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from keyring.backend import KeyringBackend
from keyring.backends.null import Keyring as ForgetfulKeyring

from sanso_cli import completion, logins
from tests.api.clients import Program
from tests.command_line.portal_in_process import URL, PortalInProcess, Shell

pytestmark = pytest.mark.timeout(120)
TOKEN = "sanso_secret"
NO_TOKENS = (
    pytest.param(b"\n", id="empty"),
    pytest.param(b"sanso_\nsecret\n", id="line break"),
    pytest.param(b"sanso_\x1bsecret", id="control character"),
    pytest.param(b"sanso_ secret", id="space"),
    pytest.param("sanso_sécret".encode(), id="not ASCII"),
    pytest.param(b"sanso_\xffsecret", id="not UTF-8"),
)


class MemoryKeyring(KeyringBackend):
    """A keyring that works."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has no types for it
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_keyring_has_the_token_and_the_file_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    own = MemoryKeyring()
    monkeypatch.setattr("keyring.core._keyring_backend", own)

    assert logins.store(URL, TOKEN) == "keyring"

    assert own.kept == {("sanso", URL): TOKEN}
    assert json.loads(logins.file().read_text()) == {"url": URL}
    found = logins.current()
    assert found is not None
    assert (found.url, found.token, found.place) == (URL, TOKEN, "keyring")
    logins.forget()
    assert (own.kept, logins.file().exists(), logins.current()) == ({}, False, None)


@pytest.mark.parametrize("has_one_that_forgets", [False, True])
def test_without_a_keyring_only_the_owner_can_read_the_token(
    has_one_that_forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_one_that_forgets:
        monkeypatch.setattr("keyring.core._keyring_backend", ForgetfulKeyring())  # type: ignore[no-untyped-call]  # as above

    assert logins.store(URL, TOKEN) == str(logins.file())

    assert mode_of(logins.file()) == 0o600
    assert mode_of(logins.file().parent) == 0o700
    found = logins.current()
    assert found is not None
    assert found.token == TOKEN
    logins.forget()
    assert not logins.file().exists()


def test_a_file_that_others_could_read_is_closed() -> None:
    logins.file().parent.mkdir(parents=True)
    logins.file().write_text("{}")
    logins.file().chmod(0o644)

    logins.store(URL, TOKEN)

    assert mode_of(logins.file()) == 0o600


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"url": ""}'])
def test_a_damaged_file_is_no_login(text: str) -> None:
    logins.file().parent.mkdir(parents=True)
    logins.file().write_text(text)

    assert logins.current() is None
    logins.forget()


def test_variables_win_over_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    logins.store(URL, TOKEN)
    monkeypatch.setenv("SANSO_TOKEN", "sanso_other")
    found = logins.current()
    assert found is not None
    assert (found.url, found.token) == (URL, "sanso_other")

    monkeypatch.delenv("SANSO_TOKEN")
    monkeypatch.setenv("SANSO_URL", "https://other.example.com")

    assert logins.current() is None  # the token is not sent to another portal


@pytest.mark.parametrize("written", ["https://a.example.com/", "a.example.com", " a.example.com/ "])
@pytest.mark.parametrize("has_keyring", [False, True])
def test_the_portal_of_a_variable_is_found_as_people_write_it(
    written: str, has_keyring: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_keyring:
        monkeypatch.setattr("keyring.core._keyring_backend", MemoryKeyring())
    logins.store("https://a.example.com", TOKEN)
    if has_keyring:
        logins.store("https://b.example.com", "sanso_other")  # the last login
    monkeypatch.setenv("SANSO_URL", written)

    found = logins.current()

    assert found is not None
    assert (found.url, found.token) == ("https://a.example.com", TOKEN)
    monkeypatch.setenv("SANSO_TOKEN", "sanso_variable")
    found = logins.current()
    assert found is not None
    assert (found.url, found.token) == ("https://a.example.com", "sanso_variable")


@pytest.mark.parametrize("stored", ["https://a.example.com/", "a b"])
def test_a_stored_url_that_somebody_edited_is_compared_as_well(
    stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins.store(stored, TOKEN)
    monkeypatch.setenv("SANSO_URL", "a.example.com")

    assert (logins.current() is not None) == (stored == "https://a.example.com/")


def test_a_variable_that_is_no_url_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSO_URL", "ftp://a.example.com")
    monkeypatch.setenv("SANSO_TOKEN", TOKEN)

    code, _, errors = shell.run("env", "list")

    assert (code, "ftp://a.example.com is not a URL" in errors) == (3, True)
    assert completion.environments("") == []


def test_a_token_is_read_from_a_pipe_or_typed(
    portal: PortalInProcess, shell: Shell, operator: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANSO_TOKEN")
    value = Program(operator).value  # type: ignore[arg-type]
    monkeypatch.setattr("getpass.getpass", lambda *_values, **_named: value)
    monkeypatch.setattr("typer.prompt", lambda *_values, **_named: value)

    code, output, errors = shell.run("login", "--token", typed=value)

    assert (code, "as ana" in output) == (0, True), errors
    assert value not in output + errors
    assert shell.run("whoami", "-o", "json")[0] == 0
    code, output, _ = shell.run("logout")
    assert (code, f"{URL}/tokens/" in output) == (0, True)
    monkeypatch.delenv("SANSO_URL")
    code, _, errors = shell.run("env", "list")
    assert (code, "sanso login" in errors) == (3, True)


def test_a_line_break_after_the_token_is_removed(
    portal: PortalInProcess, shell: Shell, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = Program(operator).value
    monkeypatch.setenv("SANSO_TOKEN", f" {value}\r\n")
    found = logins.current()
    assert found is not None
    assert found.token == value
    assert shell.run("whoami")[0] == 0

    monkeypatch.delenv("SANSO_TOKEN")
    code, _, errors = shell.run("login", "--token", piped=f"{value}\n".encode())

    assert code == 0, errors
    assert json.loads(logins.file().read_text())["token"] == value


@pytest.mark.parametrize("given", NO_TOKENS)
def test_what_cannot_be_a_token_is_refused_before_a_request_and_not_printed(
    portal: PortalInProcess, shell: Shell, monkeypatch: pytest.MonkeyPatch, given: bytes
) -> None:
    monkeypatch.setenv("SANSO_TOKEN", os.fsdecode(given))
    by_variable = shell.run("env", "list")
    by_pipe = shell.run("login", "--token", piped=given)
    logins.store(URL, os.fsdecode(given))
    monkeypatch.delenv("SANSO_TOKEN")
    by_file = shell.run("env", "list")

    for code, output, errors in (by_variable, by_pipe, by_file):
        assert (code, output) == (3, "")
        assert "This is not a token. Run sanso login, or set SANSO_TOKEN." in errors
        assert "cret" not in errors
    assert completion.environments("") == []
    assert portal.sent == []
