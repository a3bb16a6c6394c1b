"""Git over SSH: a deploy key, and a server whose host key is pinned; no ~/.ssh and no agent are used."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any

import paramiko
from dulwich.client import SSHGitClient, SSHVendor
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer, SSHException

from deployments.common.addresses import TIMEOUT, connect, unreachable
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.sources.host_keys import parse_host_keys
from deployments.template_sets.sources.remote import Meter, Repository
from deployments.template_sets.sources.spec import FetchSpec
from deployments.template_sets.sources.urls import Url

_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
"""How RSA keys are used: RFC 8332. SHA-1 is not accepted."""


MAX_ERRORS = 4096


def repository(url: Url, spec: FetchSpec) -> Repository:
    """Return the repository at an address."""
    meter = Meter()
    client = SSHGitClient(
        url.host, port=url.port, username=url.user, vendor=_Vendor(url, spec, meter), thin_packs=False
    )
    return Repository(client, url, meter, spec.limits)


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a public key as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def private_key(text: str) -> paramiko.PKey:
    """Return a private key. Raise UserFixable if it cannot be read."""
    for kind in _KEYS:
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"))
        except (SSHException, ValueError, IndexError, TypeError, UnicodeError):
            continue
    raise UserFixable("SourceRefused", Code.SOURCE_KEY_UNREADABLE, "ssh_key")


class _Vendor(SSHVendor):
    """What dulwich's client runs its command with."""

    def __init__(self, url: Url, spec: FetchSpec, meter: Meter) -> None:
        self._url, self._spec, self._meter = url, spec, meter

    def run_command(self, host: str, command: bytes, *_options: Any, **_named: Any) -> Any:
        """Connect, verify the host key, log in, and run a command. Raise UserFixable if that is refused."""
        key = private_key(self._spec.credentials.get("ssh_key", ""))
        expected = parse_host_keys(self._spec.host_key)
        connection = connect(self._url.host, self._url.port, self._spec.addresses)
        transport = paramiko.Transport(connection, disabled_algorithms={"pubkeys": ["ssh-rsa"]})
        try:
            self._verify(transport, expected)
            transport.auth_publickey(self._url.user, key)
            channel = transport.open_session(timeout=TIMEOUT)
        except AuthenticationException:
            transport.close()
            raise UserFixable(
                "SourceRefused", Code.SOURCE_LOGIN_REJECTED, "ssh_key", host=self._url.host
            ) from None
        except (UserFixable, SSHException, OSError, EOFError):
            transport.close()
            raise
        channel.settimeout(TIMEOUT)
        channel.set_environment_variable("GIT_PROTOCOL", "version=2")  # a server may ignore it
        channel.exec_command(command.decode())
        return _Command(transport, channel, self._meter)

    def _verify(self, transport: paramiko.Transport, expected: list[tuple[str, bytes]]) -> None:
        """Exchange keys; raise UserFixable unless the server has one that is pinned."""
        if kinds := {kind for kind, _key in expected}:
            usable = [name for kind in sorted(kinds) for name in (_RSA if kind == "ssh-rsa" else (kind,))]
            transport.get_security_options().key_types = tuple(usable)
        try:
            transport.start_client(timeout=TIMEOUT)
        except IncompatiblePeer:
            raise self._changed(", ".join(sorted(kinds))) from None
        except EOFError:
            raise unreachable(self._url.host, "the server hung up") from None
        shown = transport.get_remote_server_key()
        if not expected:
            raise UserFixable(
                "SourceRefused",
                Code.SOURCE_HOST_KEY_MISSING,
                "host_key",
                host=self._url.host,
                key=f"{shown.get_name()} {shown.get_base64()}",
                fingerprint=fingerprint(shown.asbytes()),
            )
        if (shown.get_name(), shown.asbytes()) not in expected:
            raise self._changed(fingerprint(shown.asbytes()))

    def _changed(self, shown: str) -> UserFixable:
        return UserFixable(
            "SourceRefused",
            Code.SOURCE_HOST_KEY_CHANGED,
            "host_key",
            host=self._url.host,
            fingerprint=shown,
        )


class _Command:
    """A running command, as dulwich uses it."""

    def __init__(self, transport: paramiko.Transport, channel: paramiko.Channel, meter: Meter) -> None:
        self._transport, self._channel = transport, channel
        file = channel.makefile("rb")
        self.read: Callable[[int], bytes] = meter.reading(file.read)
        self.stderr = _Errors(channel.makefile_stderr("rb"))

    def write(self, data: bytes) -> int:
        """Send data to the command."""
        self._channel.sendall(data)
        return len(data)

    def can_read(self) -> bool:
        """Return whether data has arrived."""
        return bool(self._channel.recv_ready())

    def close(self) -> None:
        """End the command and the connection."""
        self._transport.close()


class _Errors:
    """What a command says when it fails, as dulwich reads it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readlines(self) -> list[bytes]:
        """Return the first lines."""
        lines: list[bytes] = self._file.read(MAX_ERRORS).splitlines()
        return lines
