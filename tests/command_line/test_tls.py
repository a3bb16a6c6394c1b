"""A certificate that is not valid: a sentence that says what to do, exit code 3, and no token is sent."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from sanso_cli.connection import problem_with
from tests.command_line.portal_in_process import Shell
from tests.receiver import Receiver, receiving
from tests.services import LOOPBACK
from tests.template_sets.sources.test_tls import certificate

HERE = x509.IPAddress(ipaddress.ip_address(LOOPBACK))


@contextmanager
def serving(file: Path, patch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Serve HTTPS with a certificate, with `sanso` logged in there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with receiving(context) as receiver:
        patch.setenv("SANSO_URL", f"https://{LOOPBACK}:{receiver.port}")
        patch.setenv("SANSO_TOKEN", "sanso_secret")
        yield receiver


def test_a_self_signed_certificate_is_accepted_only_if_it_is_named(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, HERE)
    with serving(file, monkeypatch):
        code, output, errors = shell.run("env", "list")

        assert (code, output) == (3, "")
        assert "is not trusted: self-signed certificate" in errors
        assert "set SSL_CERT_FILE to the CA's file" in errors
        assert "secret" not in errors
        assert len(errors.splitlines()) == 1

        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        code, output, errors = shell.run("env", "list")
        assert (code, output) == (3, "")
        assert "does not answer as Sanso's API" in errors  # this server is no portal


def test_a_certificate_of_another_name_says_so(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, x509.DNSName("other.example.com"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with serving(file, monkeypatch) as receiver:
        code, output, errors = shell.run("env", "list")

    assert (code, output) == (3, "")
    assert f"The certificate at {LOOPBACK} is for another name. Check the URL" in errors
    assert receiver.requests == []


def test_a_login_is_not_stored_where_the_certificate_is_wrong(
    shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(certificate(tmp_path, HERE), monkeypatch):
        code, _, errors = shell.run("login", "--token", piped=b"sanso_secret\n")

    assert (code, "is not trusted" in errors) == (3, True)
    assert not list(home.glob("config/**/*.json"))


@pytest.mark.parametrize("code", [9, 10])
def test_an_expired_certificate_may_be_a_wrong_clock(code: int) -> None:
    expired = ssl.SSLCertVerificationError()
    expired.verify_code, expired.verify_message = code, "certificate has expired"

    text, may_succeed = problem_with("https://sanso.example.com", expired)

    assert "Check this computer's clock" in text
    assert not may_succeed
