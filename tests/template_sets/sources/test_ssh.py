"""Git over SSH, from a real server on loopback: deploy keys and host keys."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deployments.common.message_codes import Code
from deployments.template_sets.sources.process import fetch
from deployments.template_sets.sources.spec import FetchLimits, FetchSpec
from tests.git_server import GitRepository
from tests.template_sets.sources.fetching import LOOPBACK, git, refusal, refused

ROOT = "Resources: {}"
GONE = (OSError, EOFError, paramiko.SSHException)
"""Errors of a server whose client, or the program that it runs, has ended."""


def written(key: paramiko.PKey) -> str:
    """Return a private key in the format of key files."""
    buffer = io.StringIO()
    key.write_private_key(buffer)
    return buffer.getvalue()


def public(key: paramiko.PKey) -> str:
    """Return a public key in the format of known_hosts."""
    return f"git.example.com {key.get_name()} {key.get_base64()}"


class Login(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    """Accepts one deploy key, and runs only git-upload-pack."""

    def __init__(self, server: SshServer) -> None:
        self.server = server
        self.environment: dict[str, str] = {}

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.server.logins.append(username)
        accepted = username == "git" and key == self.server.deploy_key
        return int(paramiko.AUTH_SUCCESSFUL if accepted else paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        if self.server.takes_environment:
            self.environment[name.decode()] = value.decode()
        return self.server.takes_environment

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self.run, args=(channel, command.decode()), daemon=True).start()
        return True

    def run(self, channel: paramiko.Channel, command: str) -> None:
        program, path = shlex.split(command)
        assert program == "git-upload-pack"
        folder = self.server.folder / path.strip("/")
        with (
            contextlib.suppress(*GONE),
            channel,
            subprocess.Popen(
                ["git", "-c", "safe.directory=*", "upload-pack", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | self.environment,
            ) as process,
        ):
            assert process.stdout
            assert process.stderr
            threading.Thread(target=self.feed, args=(channel, process), daemon=True).start()
            while body := process.stdout.read(65536):
                channel.sendall(body)
            channel.sendall_stderr(process.stderr.read())
            channel.send_exit_status(process.wait())

    def feed(self, channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        with process.stdin, contextlib.suppress(*GONE):
            while body := channel.recv(65536):
                process.stdin.write(body)


class SshServer:
    """An SSH server on loopback that serves the repositories of a folder."""

    def __init__(self, folder: Path, host_key: paramiko.PKey, deploy_key: paramiko.PKey) -> None:
        self.folder, self.host_key, self.deploy_key = folder, host_key, deploy_key
        self.logins: list[str] = []
        self.takes_environment = True
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.transports: list[paramiko.Transport] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            self.transports.append(transport)
            transport.add_server_key(self.host_key)
            try:
                transport.start_server(server=Login(self))
            except GONE:  # the client rejects the host key
                transport.close()

    def close(self) -> None:
        self.socket.close()
        for transport in self.transports:
            transport.close()

    def spec(self, at: str = "/set.git", **options: Any) -> FetchSpec:
        """Return the spec of a repository, with the right keys."""
        url = f"ssh://git@127.0.0.1:{self.socket.getsockname()[1]}{at}"
        right = {"credentials": {"ssh_key": written(self.deploy_key)}, "host_key": public(self.host_key)}
        return git(url, **right | options)


@pytest.fixture(scope="module")
def keys() -> list[paramiko.PKey]:
    """Two keys of different types, and a third key."""
    return [paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048), paramiko.ECDSAKey.generate()]


@pytest.fixture
def ssh(tmp_path: Path, keys: list[paramiko.PKey]) -> Iterator[SshServer]:
    """A server with a repository."""
    repository = GitRepository(tmp_path / "set.git")
    repository.commit({"root.yaml": ROOT})
    repository.tag("v1", message="annotated")
    server = SshServer(tmp_path, keys[0], keys[1])
    yield server
    server.close()


@pytest.mark.parametrize("takes_environment", [True, False])
def test_a_repository_is_fetched_with_a_deploy_key_from_a_server_whose_key_is_pinned(
    ssh: SshServer, takes_environment: bool
) -> None:
    ssh.takes_environment = takes_environment  # without it, the first version of the protocol is used

    found = fetch(ssh.spec(refs="main v*"))

    assert set(found.refs) == {"refs/heads/main", "refs/tags/v1"}
    assert [version.files for version in found.versions] == [{"root.yaml": ROOT.encode()}]
    assert ssh.logins[-1] == "git"


def test_each_line_of_a_host_key_is_a_key_that_is_accepted(ssh: SshServer, keys: list[paramiko.PKey]) -> None:
    both = f"# ours\n{public(keys[2])}\n\n{keys[0].get_name()} {keys[0].get_base64()} comment\n"

    assert fetch(ssh.spec(host_key=both)).versions


@pytest.mark.parametrize("other", [1, 2])
def test_nothing_is_sent_to_a_server_with_another_host_key(
    ssh: SshServer, keys: list[paramiko.PKey], other: int
) -> None:
    error = refusal(ssh.spec(host_key=public(keys[other])))

    assert error.message.code == Code.SOURCE_HOST_KEY_CHANGED
    assert error.field == "host_key"
    assert ssh.logins == []


def test_without_a_pinned_key_the_key_is_shown_and_nothing_is_sent(ssh: SshServer) -> None:
    error = refusal(ssh.spec(host_key=""))

    assert error.message.code == Code.SOURCE_HOST_KEY_MISSING
    assert error.message.params["key"] == f"{ssh.host_key.get_name()} {ssh.host_key.get_base64()}"
    assert error.message.params["fingerprint"] == ssh.host_key.fingerprint
    assert ssh.logins == []


def test_another_deploy_key_is_rejected(ssh: SshServer, keys: list[paramiko.PKey]) -> None:
    assert refused(ssh.spec(credentials={"ssh_key": written(keys[2])})) == Code.SOURCE_LOGIN_REJECTED


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"credentials": {"ssh_key": "no key"}}, Code.SOURCE_KEY_UNREADABLE),
        ({"credentials": {}}, Code.SOURCE_KEY_UNREADABLE),
        ({"host_key": "no key"}, Code.SOURCE_HOST_KEY_INVALID),
        ({"host_key": "ssh-ed25519 AAAA"}, Code.SOURCE_HOST_KEY_INVALID),
        ({"addresses": ()}, Code.SOURCE_ADDRESS_NOT_ALLOWED),
        ({"path": "none"}, Code.SOURCE_FOLDER_MISSING),
    ],
)
def test_each_mistake_of_a_user_has_its_own_reason(
    ssh: SshServer, options: dict[str, Any], code: Code
) -> None:
    assert refused(ssh.spec(**options)) == code


def test_a_repository_that_does_not_exist_is_said_so(ssh: SshServer) -> None:
    assert refused(ssh.spec("/none.git")) == Code.SOURCE_REPOSITORY_MISSING


def test_a_server_that_accepts_and_says_nothing_is_given_up(keys: list[paramiko.PKey]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ssh://git@127.0.0.1:{silent.getsockname()[1]}/set.git"
        spec = FetchSpec(
            kind="git",
            url=url,
            refs="main",
            addresses=LOOPBACK,
            credentials={"ssh_key": written(keys[1])},
            host_key=public(keys[0]),
            limits=FetchLimits(seconds=3),
        )

        assert refused(spec) == Code.SOURCE_TIMED_OUT
