"""The database login from Secrets Manager: read once, and again when the database rejects it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.fake_secrets_manager import FakeSecretsManager, fake_aws
from tests.datelog.servers import PASSWORD, USER, Cluster
from tests.services import wait_until

KILL_ALL = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user LIKE 'datelog%'"


@pytest.fixture
def aws(cluster: Cluster) -> Iterator[FakeSecretsManager]:
    """A secret with the right login. Restores the user's password after the test."""
    with fake_aws() as aws:
        aws.set_secret(USER, PASSWORD)
        yield aws
    cluster.writer.execute(f"ALTER USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
    cluster.wait_for_reader()


def rotate(cluster: Cluster, password: str) -> None:
    """Change the password at the database and close all connections."""
    cluster.writer.execute(f"ALTER USER {USER}@'%' IDENTIFIED BY '{password}'")
    cluster.wait_for_reader()
    for server in (cluster.writer, cluster.reader):
        server.execute(server.execute(KILL_ALL) or "SELECT 1")


def test_the_secret_is_read_once_for_all_connections(
    aws: FakeSecretsManager, start_app: StartAppServer
) -> None:
    app = start_app(aws.environment() | {"DB_PASSWORD": "", "DB_USER": ""}, "--processes", "1")
    assert [app.get(path).status for path in ("/read", "/write", "/readyz", "/read", "/write")] == [200] * 5
    assert aws.reads() == 1
    _, headers, body = aws.requests[0]
    assert json.loads(body) == {"SecretId": "trial/datelog"}
    assert headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert "/ap-northeast-1/secretsmanager/aws4_request" in headers["Authorization"]


def test_a_rotated_secret_is_read_without_a_failed_request(
    aws: FakeSecretsManager, cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app(aws.environment(), "--processes", "1")
    assert app.get("/read").status == 200
    assert app.get("/write").status == 200
    aws.set_secret(USER, "second-Password")
    rotate(cluster, "second-Password")
    assert [app.get("/read").status for _ in range(8)] == [200] * 8
    wait_until(lambda: app.get("/write").status == 200, what="writing")
    assert aws.reads() == 2


def test_the_user_may_change_with_the_rotation(
    aws: FakeSecretsManager, cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app(aws.environment(), "--processes", "1")
    assert app.get("/read").status == 200
    cluster.writer.execute(
        "CREATE OR REPLACE USER datelog_clone@'%' IDENTIFIED BY 'clone-Password';"
        "GRANT SELECT, INSERT ON datelog.* TO datelog_clone@'%'"
    )
    aws.set_secret("datelog_clone", "clone-Password")
    rotate(cluster, "not-in-the-secret")
    assert app.get("/read").status == 200
    assert app.get("/readyz").status == 200


def test_a_wrong_secret_is_not_read_for_every_request(
    aws: FakeSecretsManager, start_app: StartAppServer
) -> None:
    aws.set_secret(USER, "never-right")
    app = start_app(aws.environment(), "--processes", "1")
    assert [app.get("/read").status for _ in range(20)] == [503] * 20
    assert aws.reads() <= 4
    aws.set_secret(USER, PASSWORD)
    wait_until(lambda: app.get("/read").status == 200, what="reading with the corrected secret")
    assert "never-right" not in app.log.read_text()


def test_transient_errors_of_secrets_manager_are_retried(
    aws: FakeSecretsManager, start_app: StartAppServer
) -> None:
    aws.failures = [(500, "InternalServiceError"), (400, "ThrottlingException")]
    assert start_app(aws.environment()).get("/read").status == 200


def test_the_log_names_a_secret_that_may_not_be_read(
    aws: FakeSecretsManager, start_app: StartAppServer
) -> None:
    aws.failures = [(400, "AccessDeniedException")] * 50
    app = start_app(aws.environment(), "--processes", "1")
    assert app.get("/read").status == 503
    assert app.get("/healthz").status == 200
    assert "Secrets Manager did not return 'trial/datelog': 400 AccessDeniedException." in app.log.read_text()
    aws.failures.clear()
    wait_until(lambda: app.get("/read").status == 200, what="reading with the permission")


@pytest.mark.parametrize("secret", ["", "no JSON: s3cret", '{"user": "s3cret"}', '["s3cret"]'])
def test_a_secret_of_another_form_is_reported_without_its_value(
    aws: FakeSecretsManager, start_app: StartAppServer, secret: str
) -> None:
    aws.secret = secret
    app = start_app(aws.environment())
    assert app.get("/read").status == 503
    log = app.log.read_text()
    assert "Secret 'trial/datelog' is not JSON with username and password." in log
    assert "s3cret" not in log
