"""The function creates table and user in a real MariaDB, and is idempotent."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import initialize_database
import pymysql
import pytest
from initialize_database import statements

from deployments.template_sets.template_files import yaml_files
from tests.infra.conftest import Invocation, Responses
from tests.infra.resolved_templates import TEMPLATES
from tests.mariadb import MariaDB
from tests.services import LOOPBACK, Sandbox, free_port

# Seconds: more than is reserved for the response, but not enough for another attempt to connect.
SHORT = 25.0


@dataclass(kw_only=True)
class Environment:
    """A new database server, and the two secrets and the SQL in an account."""

    server: MariaDB
    database: str
    user: str
    password: str
    sql: str
    admin_arn: str = ""
    user_arn: str = ""
    parameter: str = ""

    def properties(self, **changes: object) -> dict[str, object]:
        return {
            "ServiceToken": "arn:aws:lambda:ap-northeast-1:111122223333:function:f",
            "Host": LOOPBACK,
            "Port": str(self.server.port),
            "DatabaseName": self.database,
            "TableName": "datelog",
            "AdminSecretArn": self.admin_arn,
            "UserSecretArn": self.user_arn,
            "SqlParameterName": self.parameter,
            "Revision": "sets/0123abcd",
            **changes,
        }

    def as_application(self) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host=LOOPBACK,
            port=self.server.port,
            user=self.user,
            password=self.password,
            database=self.database,
            ssl={"check_hostname": False},
            autocommit=True,
        )


def sql_of_the_template(database: str) -> str:
    """Return the SQL of the SSM parameter in aurora.yaml."""
    resource = yaml_files.read(TEMPLATES / "aurora.yaml")["Resources"]["SqlParameter"]
    sql: str = resource["Properties"]["Value"]["Fn::Sub"]
    return sql.replace("${DatabaseName}", database).replace("${TableName}", "datelog")


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account for this test only, with boto3's environment of Lambda."""
    for name, value in sandbox.variables(sandbox_account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    monkeypatch.setenv("DATABASE_TLS", "require")  # MariaDB signs its certificate itself
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return sandbox_account


@pytest.fixture
def environment(mariadb_server: MariaDB, account: str) -> Iterator[Environment]:
    """A new database with an administrator whose password Aurora generated."""
    mark = secrets.token_hex(4)
    made = Environment(
        server=mariadb_server,
        database=f"times_{mark}",
        user=f"datelog_{mark}",
        password="r4nd0m!*+,-.=?^_~",  # characters of the template's secret
        sql=sql_of_the_template(f"times_{mark}"),
    )
    admin = f"admin_{mark}"
    mariadb_server.execute(
        f"CREATE DATABASE {made.database}; CREATE USER {admin} IDENTIFIED BY 'first'; "
        f"GRANT ALL ON *.* TO {admin} WITH GRANT OPTION;"
    )
    secrets_manager, ssm = boto3.client("secretsmanager"), boto3.client("ssm")
    made.admin_arn = _create(secrets_manager, "admin", admin, "first")
    made.user_arn = _create(secrets_manager, "user", made.user, made.password)
    ssm.put_parameter(Name="sql", Type="String", Value=made.sql)
    made.parameter = "sql"
    yield made
    mariadb_server.execute(
        f"DROP DATABASE {made.database}; DROP USER IF EXISTS {admin}; DROP USER IF EXISTS {made.user};"
    )


def _create(secrets_manager: Any, name: str, user: str, password: str) -> str:
    text = json.dumps({"username": user, "password": password})
    arn: str = secrets_manager.create_secret(Name=name, SecretString=text)["ARN"]
    return arn


def call(
    responses: Responses, kind: str, properties: dict[str, object], physical_id: str = ""
) -> dict[str, Any]:
    """Call the function with a request and return its response."""
    responses.bodies.clear()
    initialize_database.handler(responses.event(kind, properties, physical_id), Invocation(SHORT))
    return responses.only


def test_the_application_can_write_and_read_afterwards(
    environment: Environment, responses: Responses
) -> None:
    assert call(responses, "Create", environment.properties())["Status"] == "SUCCESS"

    with environment.as_application() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO datelog (dt) VALUES ('2026-11-24 12:00:00')")
        cursor.execute("SELECT id, dt FROM datelog")
        assert [(i, str(dt)) for i, dt in cursor.fetchall()] == [(1, "2026-11-24 12:00:00")]


@pytest.mark.parametrize("statement", ["DELETE FROM datelog", "DROP TABLE datelog", "CREATE TABLE t (i int)"])
def test_the_application_has_no_other_privileges(
    environment: Environment, responses: Responses, statement: str
) -> None:
    call(responses, "Create", environment.properties())

    with (
        environment.as_application() as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError, match="denied"),
    ):
        cursor.execute(statement)


def test_rows_survive_a_second_create_and_an_update(environment: Environment, responses: Responses) -> None:
    created = call(responses, "Create", environment.properties())
    with environment.as_application() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO datelog (dt) VALUES ('2026-11-24 12:00:00')")

    again = call(responses, "Create", environment.properties())
    updated = call(
        responses, "Update", environment.properties(Revision="sets/4567"), created["PhysicalResourceId"]
    )

    assert [a["Status"] for a in (created, again, updated)] == ["SUCCESS"] * 3
    assert len({a["PhysicalResourceId"] for a in (created, again, updated)}) == 1
    assert environment.server.execute(f"SELECT COUNT(*) FROM {environment.database}.datelog") == "1\n"


def test_an_update_sets_the_new_password_of_the_secret(
    environment: Environment, responses: Responses
) -> None:
    created = call(responses, "Create", environment.properties())
    environment.password = "changed-since"
    boto3.client("secretsmanager").put_secret_value(
        SecretId=environment.user_arn,
        SecretString=json.dumps({"username": environment.user, "password": environment.password}),
    )

    call(responses, "Update", environment.properties(Revision="sets/4567"), created["PhysicalResourceId"])

    environment.as_application().close()


def test_a_delete_needs_neither_secrets_nor_database(responses: Responses) -> None:
    response = call(responses, "Delete", {"Host": "gone.invalid"}, "Thing-1")

    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", "Thing-1")


def test_a_delete_changes_nothing_in_the_database(environment: Environment, responses: Responses) -> None:
    created = call(responses, "Create", environment.properties())

    call(responses, "Delete", environment.properties(), created["PhysicalResourceId"])

    environment.as_application().close()


def test_a_password_that_is_being_rotated_is_read_again(
    environment: Environment, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = environment.admin_arn
    user = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=admin)["SecretString"])
    environment.server.execute(f"ALTER USER {user['username']} IDENTIFIED BY 'second'")

    def rotation_ends(_: float) -> None:
        boto3.client("secretsmanager").put_secret_value(
            SecretId=admin, SecretString=json.dumps({**user, "password": "second"})
        )

    monkeypatch.setattr(time, "sleep", rotation_ends)
    initialize_database.handler(responses.event("Create", environment.properties()), Invocation())

    assert responses.only["Status"] == "SUCCESS"


def deny(sandbox: Sandbox, account: str, count: int) -> None:
    """Deny the next calls that read the parameter or a secret, as while a new policy is not seen yet."""
    calls = [("ssm", "GetParameter"), ("secretsmanager", "GetSecretValue")]
    faults = [
        {"service": service, "action": action, "mode": "denied", "count": count} for service, action in calls
    ]
    sandbox.control("POST", "faults", {"api": faults}, account=account)


def test_the_policy_of_the_functions_role_may_take_a_while_until_it_is_seen(
    sandbox: Sandbox,
    account: str,
    environment: Environment,
    responses: Responses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    deny(sandbox, account, 2)

    initialize_database.handler(responses.event("Create", environment.properties()), Invocation())

    assert responses.only["Status"] == "SUCCESS", responses.only
    assert len(waits) == 4  # two for the parameter, two for the first secret


def test_a_permission_that_stays_missing_is_named(
    sandbox: Sandbox, account: str, environment: Environment, responses: Responses
) -> None:
    deny(sandbox, account, 1000)

    response = call(responses, "Create", environment.properties())

    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("GetParameter failed (AccessDeniedException): User: ")
    assert "is not authorized to perform: ssm:GetParameter" in response["Reason"]


def test_an_unreachable_database_is_named(environment: Environment, responses: Responses) -> None:
    port = free_port()

    response = call(responses, "Create", environment.properties(Port=str(port)))

    assert response["Status"] == "FAILED"
    assert f"The database at 127.0.0.1:{port} does not answer (error 2003)." in response["Reason"]


def test_a_rejected_administrator_has_a_message_of_its_own(
    environment: Environment, responses: Responses
) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId=environment.admin_arn, SecretString='{"username": "nobody", "password": "wrong"}'
    )

    response = call(responses, "Create", environment.properties())

    assert response["Status"] == "FAILED"
    assert "rejects the administrator (error 1045)" in response["Reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TableName": "x`; DROP DATABASE y; --"}, "TableName must be letters, digits and underscores."),
        ({"DatabaseName": ""}, "The property DatabaseName is missing."),
        ({"TableName": "another"}, "GRANT failed with MySQL error 1146."),
    ],
)
def test_wrong_properties_are_named(
    environment: Environment, responses: Responses, changes: dict[str, object], reason: str
) -> None:
    response = call(responses, "Create", environment.properties(**changes))

    assert response["Status"] == "FAILED"
    assert reason in response["Reason"]


def test_failing_sql_is_reported_with_its_error_number(
    environment: Environment, responses: Responses
) -> None:
    boto3.client("ssm").put_parameter(Name="sql", Type="String", Value="USE nowhere;", Overwrite=True)

    response = call(responses, "Create", environment.properties())

    assert "The SQL of the parameter failed with MySQL error 1049." in response["Reason"]


def test_a_secret_without_a_user_is_rejected(environment: Environment, responses: Responses) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=environment.user_arn, SecretString="{}")

    response = call(responses, "Create", environment.properties())

    assert "The secret has no user name and password." in response["Reason"]


def test_no_password_is_ever_logged(
    environment: Environment, responses: Responses, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        call(responses, "Create", environment.properties())
        call(responses, "Create", environment.properties(TableName="another"))

    assert environment.password not in caplog.text
    assert "'first'" not in caplog.text


def test_an_original_table_is_not_changed(environment: Environment, responses: Responses) -> None:
    environment.server.execute(
        f"USE {environment.database}; CREATE TABLE datelog (dt datetime); "
        "INSERT INTO datelog VALUES ('2022-11-06 03:01:52');"
    )

    assert call(responses, "Create", environment.properties())["Status"] == "SUCCESS"

    with environment.as_application() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT dt FROM datelog")
        assert [str(dt) for (dt,) in cursor.fetchall()] == ["2022-11-06 03:01:52"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("USE a; CREATE TABLE b (c int);\n", ["USE a", "CREATE TABLE b (c int)"]),
        ("SELECT ';' ; SELECT \"a;b\"; SELECT `c;d`", ["SELECT ';'", 'SELECT "a;b"', "SELECT `c;d`"]),
        (r"SELECT 'it\'s; one'; SELECT 'it''s; one'", [r"SELECT 'it\'s; one'", "SELECT 'it''s; one'"]),
        ("-- first; second\nSELECT 1; # ;\n/* ; */ SELECT 2", ["SELECT 1", "SELECT 2"]),
        (" ;; \n", []),
        ("SELECT 3-- 1\n", ["SELECT 3"]),
        ("SELECT 3--1", ["SELECT 3--1"]),
    ],
)
def test_a_script_is_split_at_its_semicolons_only(sql: str, expected: list[str]) -> None:
    assert list(statements(sql)) == expected
