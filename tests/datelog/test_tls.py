"""DB_TLS: require, verify, off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import Cluster, start_app_server
from tests.mariadb import MariaDB
from tests.services import LOOPBACK, ServiceFailed

PLAIN_ONLY = "ALTER USER datelog@'%' REQUIRE NONE"
TLS_ONLY = "ALTER USER datelog@'%' REQUIRE SSL"


def make_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for an address; return the paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "writer and reader")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    certificate, private = folder / f"{address}.pem", folder / f"{address}.key"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@contextmanager
def started_with(server: MariaDB, *options: str) -> Iterator[None]:
    """Restart a server with more options for the duration of the block."""
    usual = list(server.command)
    server.stop()
    server.command = [*usual, *options]
    server.start()
    try:
        yield
    finally:
        server.command = usual
        server.restart()


def test_a_server_without_tls_is_rejected_unless_tls_is_off(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    cluster.writer.execute(PLAIN_ONLY)
    cluster.wait_for_reader()
    try:
        with started_with(cluster.reader, "--disable-ssl"):
            rejected = start_app()
            assert rejected.get("/read").status == 503
            assert "The server does not support TLS" in rejected.log.read_text()
            assert start_app({"DB_TLS": "off"}).get("/read").status == 200
    finally:
        cluster.writer.execute(TLS_ONLY)
        cluster.wait_for_reader()


def test_tls_is_used_by_default(cluster: Cluster, start_app: StartAppServer) -> None:
    # The user requires SSL.
    assert start_app().get("/read").status == 200
    assert start_app({"DB_TLS": "off"}).get("/read").status == 503


def test_verify_accepts_only_a_known_certificate(
    cluster: Cluster, start_app: StartAppServer, tmp_path: Path
) -> None:
    # MariaDB's C library verifies no name for 127.0.0.1.
    other, both = "127.0.0.2", f"--bind-address={LOOPBACK},127.0.0.2"
    right, right_key = make_certificate(tmp_path, other)
    elsewhere, elsewhere_key = make_certificate(tmp_path, "192.0.2.1")
    endpoint = {"DB_TLS": "verify", "DB_READ_ENDPOINT_ADDRESS": f"{other}:{cluster.reader.port}"}

    def status(known: Path) -> int:
        return start_app(endpoint | {"DB_TLS_CA": str(known)}).get("/read").status

    with started_with(cluster.reader, both, f"--ssl-cert={right}", f"--ssl-key={right_key}"):
        assert status(known=right) == 200
        assert status(known=elsewhere) == 503
    with started_with(cluster.reader, both, f"--ssl-cert={elsewhere}", f"--ssl-key={elsewhere_key}"):
        assert status(known=elsewhere) == 503  # known, but for another address


@pytest.mark.parametrize("tls", ["yes", "VERIFY"])
def test_an_unknown_tls_mode_prevents_the_start(cluster: Cluster, tmp_path: Path, tls: str) -> None:
    with pytest.raises(ServiceFailed, match=f"DB_TLS is '{tls}': it must be one of require, verify, off"):
        start_app_server(tmp_path / "app", cluster.environment() | {"DB_TLS": tls})
