"""TLS of Git servers is verified, with the system's authorities or those in SSL_CERT_FILE."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployments.common.message_codes import Code
from tests.git_server import GitServer
from tests.template_sets.sources.fetching import fetched, git, refusal, refused


def certificate(folder: Path, host: x509.GeneralName) -> Path:
    """Write a self-signed certificate for a host, with its key, to a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "git")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def encrypted(server: GitServer, file: Path) -> str:
    """Enable TLS on a server, and return the URL of a repository."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.create("set").commit({"root.yaml": "Resources: {}"})
    return server.url("set").replace("http:", "https:")


def test_a_certificate_that_nobody_vouches_for_is_refused_and_a_private_authority_can_be_set(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    url = encrypted(server, file)

    error = refusal(git(url, credentials={"token": "s3cret"}))
    assert error.message.code == Code.SOURCE_TLS_FAILED
    assert "self-signed" in error.message.params["why"]
    assert server.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert fetched(url).versions


def test_a_certificate_of_another_host_is_refused(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, x509.DNSName("other.example.com"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    assert refused(git(encrypted(server, file))) == Code.SOURCE_TLS_FAILED


def test_https_to_an_address_that_is_not_public_needs_a_setting(server: GitServer, tmp_path: Path) -> None:
    url = encrypted(server, certificate(tmp_path, x509.DNSName("localhost")))

    message = refusal(git(url, addresses=())).message

    assert message.code == Code.SOURCE_ADDRESS_NOT_ALLOWED
    assert message.params == {"host": "127.0.0.1"}
