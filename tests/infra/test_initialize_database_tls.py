"""The function connects to MariaDB with TLS, and verifies the certificate of Aurora."""

from __future__ import annotations

import contextlib
from pathlib import Path

import initialize_database
import pymysql
import pytest
from django.db import connections

from sanso_sandbox.backends.certificates import authority
from tests.datelog.test_tls import started_with
from tests.infra.conftest import Responses
from tests.infra.test_initialize_database import Environment, account, call, environment
from tests.mariadb import MariaDB
from tests.services import LOOPBACK

__all__ = ["account", "environment"]


def test_the_application_is_rejected_without_tls(environment: Environment, responses: Responses) -> None:
    call(responses, "Create", environment.properties())

    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(
            host=LOOPBACK,
            port=environment.server.port,
            user=environment.user,
            password=environment.password,
            ssl_disabled=True,
        )


def test_with_tls_off_the_application_connects_with_or_without_tls(
    environment: Environment, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_TLS", "off")

    assert call(responses, "Create", environment.properties())["Status"] == "SUCCESS"

    pymysql.connect(
        host=LOOPBACK,
        port=environment.server.port,
        user=environment.user,
        password=environment.password,
        ssl_disabled=True,
    ).close()


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The function's folder of certificates, with one authority for the region."""
    (tmp_path / "ap-northeast-1.pem").write_text(authority().pem)
    monkeypatch.setattr(initialize_database, "_CERTIFICATES", tmp_path)
    monkeypatch.setenv("DATABASE_TLS", "verify")
    return tmp_path


def _serving(server: MariaDB, folder: Path, address: str) -> contextlib.AbstractContextManager[None]:
    """Restart a server with a certificate for an address that the authority issued."""
    key, certificate = (folder / "server.key", folder / "server.pem")
    for path, content in zip((key, certificate), authority().issue([address], "database"), strict=True):
        path.write_bytes(content)
    connections.close_all()  # the server is also the tests' own
    return started_with(server, f"--ssl-cert={certificate}", f"--ssl-key={key}")


def test_a_known_certificate_for_the_address_is_verified(
    environment: Environment, responses: Responses, certificates: Path
) -> None:
    with _serving(environment.server, certificates, LOOPBACK):
        assert call(responses, "Create", environment.properties())["Status"] == "SUCCESS"


def test_a_certificate_for_another_address_is_rejected_at_once(
    environment: Environment, responses: Responses, certificates: Path
) -> None:
    with _serving(environment.server, certificates, "127.9.9.9"):
        answer = call(responses, "Create", environment.properties())

    assert answer["Status"] == "FAILED"
    assert "cannot be verified: IP address mismatch" in answer["Reason"]


def test_an_unknown_authority_is_rejected_at_once(
    environment: Environment, responses: Responses, certificates: Path
) -> None:
    answer = call(responses, "Create", environment.properties())  # self-signed by the server

    assert answer["Status"] == "FAILED"
    assert "cannot be verified: self-signed certificate" in answer["Reason"]


def test_a_region_without_certificates_is_named(
    environment: Environment, responses: Responses, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "xx-north-1")

    answer = call(responses, "Create", environment.properties())

    assert answer["Status"] == "FAILED"
    assert "no RDS certificates for xx-north-1" in answer["Reason"]
    assert "Set DatabaseTls to require" in answer["Reason"]
