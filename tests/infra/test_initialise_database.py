"""The database function makes table and user on a real MariaDB, as often as it is asked."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import initialise_database
import pymysql
import pytest
from initialise_database import statements

from deployments.catalog import yaml_files
from tests.infra.conftest import Answers, Invocation
from tests.infra.resolved import TEMPLATES
from tests.services import LOOPBACK, MariaDB, Sandbox, free_port

# Longer than the answer is kept time for, shorter than another attempt to connect.
SHORT = 25.0


@dataclass(kw_only=True)
class Environment:
    """A database server as Aurora leaves it, and the two secrets and the SQL in an account."""

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
    """Return what aurora.yaml writes into the SSM parameter."""
    resource = yaml_files.read(TEMPLATES / "aurora.yaml")["Resources"]["SqlParameter"]
    sql: str = resource["Properties"]["Value"]["Fn::Sub"]
    return sql.replace("${DatabaseName}", database).replace("${TableName}", "datelog")


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account of this test's own, in which boto3 finds itself as it does in Lambda."""
    for name, value in sandbox.variables(sandbox_account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return sandbox_account


@pytest.fixture
def environment(mariadb_server: MariaDB, account: str) -> Iterator[Environment]:
    """A new database with its administrator, whose password Aurora made."""
    mark = secrets.token_hex(4)
    made = Environment(
        server=mariadb_server,
        database=f"times_{mark}",
        user=f"datelog_{mark}",
        password="r4nd0m!*+,-.=?^_~",  # of the characters that the template's secret may have
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


def call(answers: Answers, kind: str, properties: dict[str, object], physical_id: str = "") -> dict[str, Any]:
    """Let the function carry out a request and return its answer."""
    answers.bodies.clear()
    initialise_database.handler(answers.event(kind, properties, physical_id), Invocation(SHORT))
    return answers.only


def test_the_application_can_write_and_read_afterwards(environment: Environment, answers: Answers) -> None:
    assert call(answers, "Create", environment.properties())["Status"] == "SUCCESS"

    with environment.as_application() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO datelog (dt) VALUES ('2026-11-24 12:00:00')")
        cursor.execute("SELECT id, dt FROM datelog")
        assert [(i, str(dt)) for i, dt in cursor.fetchall()] == [(1, "2026-11-24 12:00:00")]


@pytest.mark.parametrize("statement", ["DELETE FROM datelog", "DROP TABLE datelog", "CREATE TABLE t (i int)"])
def test_the_application_may_do_nothing_else(
    environment: Environment, answers: Answers, statement: str
) -> None:
    call(answers, "Create", environment.properties())

    with (
        environment.as_application() as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError, match="denied"),
    ):
        cursor.execute(statement)


def test_the_application_is_turned_away_without_tls(environment: Environment, answers: Answers) -> None:
    call(answers, "Create", environment.properties())

    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(
            host=LOOPBACK,
            port=environment.server.port,
            user=environment.user,
            password=environment.password,
            ssl_disabled=True,
        )


def test_with_tls_off_the_application_may_connect_either_way(
    environment: Environment, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_TLS", "off")

    assert call(answers, "Create", environment.properties())["Status"] == "SUCCESS"

    pymysql.connect(
        host=LOOPBACK,
        port=environment.server.port,
        user=environment.user,
        password=environment.password,
        ssl_disabled=True,
    ).close()


def test_rows_survive_another_creation_and_an_update(environment: Environment, answers: Answers) -> None:
    created = call(answers, "Create", environment.properties())
    with environment.as_application() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO datelog (dt) VALUES ('2026-11-24 12:00:00')")

    again = call(answers, "Create", environment.properties())
    updated = call(
        answers, "Update", environment.properties(Revision="sets/4567"), created["PhysicalResourceId"]
    )

    assert [a["Status"] for a in (created, again, updated)] == ["SUCCESS"] * 3
    assert len({a["PhysicalResourceId"] for a in (created, again, updated)}) == 1
    assert environment.server.execute(f"SELECT COUNT(*) FROM {environment.database}.datelog") == "1\n"


def test_a_new_password_in_the_secret_is_the_users_after_an_update(
    environment: Environment, answers: Answers
) -> None:
    created = call(answers, "Create", environment.properties())
    environment.password = "changed-since"
    boto3.client("secretsmanager").put_secret_value(
        SecretId=environment.user_arn,
        SecretString=json.dumps({"username": environment.user, "password": environment.password}),
    )

    call(answers, "Update", environment.properties(Revision="sets/4567"), created["PhysicalResourceId"])

    environment.as_application().close()


def test_deleting_needs_neither_secrets_nor_database(answers: Answers) -> None:
    answer = call(answers, "Delete", {"Host": "gone.invalid"}, "Thing-1")

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "Thing-1")


def test_deleting_leaves_the_table_to_the_cluster(environment: Environment, answers: Answers) -> None:
    created = call(answers, "Create", environment.properties())

    call(answers, "Delete", environment.properties(), created["PhysicalResourceId"])

    environment.as_application().close()


def test_a_password_that_is_being_rotated_is_read_again(
    environment: Environment, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = environment.admin_arn
    user = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=admin)["SecretString"])
    environment.server.execute(f"ALTER USER {user['username']} IDENTIFIED BY 'second'")

    def rotation_ends(_: float) -> None:
        boto3.client("secretsmanager").put_secret_value(
            SecretId=admin, SecretString=json.dumps({**user, "password": "second"})
        )

    monkeypatch.setattr(time, "sleep", rotation_ends)
    initialise_database.handler(answers.event("Create", environment.properties()), Invocation())

    assert answers.only["Status"] == "SUCCESS"


def test_a_database_that_does_not_answer_is_named(environment: Environment, answers: Answers) -> None:
    port = free_port()

    answer = call(answers, "Create", environment.properties(Port=str(port)))

    assert answer["Status"] == "FAILED"
    assert f"The database at 127.0.0.1:{port} does not answer (error 2003)." in answer["Reason"]


def test_an_administrator_who_is_refused_is_told_apart(environment: Environment, answers: Answers) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId=environment.admin_arn, SecretString='{"username": "nobody", "password": "wrong"}'
    )

    answer = call(answers, "Create", environment.properties())

    assert answer["Status"] == "FAILED"
    assert "refuses the administrator (error 1045)" in answer["Reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TableName": "x`; DROP DATABASE y; --"}, "TableName must be letters, digits and underscores."),
        ({"DatabaseName": ""}, "The property DatabaseName is missing."),
        ({"TableName": "another"}, "GRANT failed with MySQL error 1146."),
    ],
)
def test_wrong_properties_are_named(
    environment: Environment, answers: Answers, changes: dict[str, object], reason: str
) -> None:
    answer = call(answers, "Create", environment.properties(**changes))

    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]


def test_sql_that_fails_is_named_by_its_error_number(environment: Environment, answers: Answers) -> None:
    boto3.client("ssm").put_parameter(Name="sql", Type="String", Value="USE nowhere;", Overwrite=True)

    answer = call(answers, "Create", environment.properties())

    assert "The SQL of the parameter failed with MySQL error 1049." in answer["Reason"]


def test_a_secret_without_a_user_is_refused(environment: Environment, answers: Answers) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=environment.user_arn, SecretString="{}")

    answer = call(answers, "Create", environment.properties())

    assert "The secret holds no user name and password." in answer["Reason"]


def test_no_password_is_ever_logged(
    environment: Environment, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        call(answers, "Create", environment.properties())
        call(answers, "Create", environment.properties(TableName="another"))

    assert environment.password not in caplog.text
    assert "'first'" not in caplog.text


def test_an_original_table_stays_as_it_is(environment: Environment, answers: Answers) -> None:
    environment.server.execute(
        f"USE {environment.database}; CREATE TABLE datelog (dt datetime); "
        "INSERT INTO datelog VALUES ('2022-11-06 03:01:52');"
    )

    assert call(answers, "Create", environment.properties())["Status"] == "SUCCESS"

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
def test_a_script_is_taken_apart_at_its_semicolons_only(sql: str, expected: list[str]) -> None:
    assert list(statements(sql)) == expected
