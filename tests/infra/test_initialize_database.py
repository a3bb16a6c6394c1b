"""The function creates table and user in a real MariaDB, and is idempotent."""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import initialize_database
import pymysql
import pytest
from initialize_database import statements
from pymysql.constants import ER

from deployments.template_sets.template_files import yaml_files
from tests.infra.conftest import Invocation, Responses
from tests.infra.resolved_templates import TEMPLATES
from tests.mariadb import MariaDB
from tests.prepared import start_installed
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
    wait, own = time.sleep, threading.get_ident()

    def count(seconds: float) -> None:
        """Count the waits of the function; other threads of this process sleep as ever."""
        waits.append(seconds) if threading.get_ident() == own else wait(seconds)

    monkeypatch.setattr(time, "sleep", count)
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


@pytest.fixture(scope="module")
def second_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """The server of a second database."""
    server = start_installed(tmp_path_factory.mktemp("second"))
    yield server
    server.stop()


@pytest.fixture
def second(second_server: MariaDB, environment: Environment, responses: Responses) -> Environment:
    """A second database with the same names and logins. Both are initialized."""
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=environment.admin_arn)["SecretString"]
    admin = json.loads(secret)["username"]
    found = replace(environment, server=second_server)
    second_server.execute(
        f"CREATE DATABASE {found.database}; CREATE USER {admin} IDENTIFIED BY 'first'; "
        f"GRANT ALL ON *.* TO {admin} WITH GRANT OPTION;"
    )
    for one in (environment, found):
        assert call(responses, "Create", one.properties())["Status"] == "SUCCESS"
    return found


def use(responses: Responses, used: Environment, other: Environment, **changes: object) -> dict[str, Any]:
    """Let one of two databases admit the application, and return the response."""
    others = {
        "OtherHost": LOOPBACK,
        "OtherPort": str(other.server.port),
        "OtherAdminSecretArn": other.admin_arn,
    }
    event = responses.event("Update", used.properties(**{**others, **changes}), "DatabaseInUse-1")
    responses.bodies.clear()
    initialize_database.handler(event | {"ResourceType": "Custom::DatabaseInUse"}, Invocation(SHORT))
    return responses.only


def admits(environment: Environment, connection: pymysql.Connection[Any] | None = None) -> tuple[bool, bool]:
    """Return whether the application can read, and write."""
    found = []
    for statement in ("SELECT * FROM datelog", "INSERT INTO datelog (dt) VALUES ('2026-12-03 12:00:00')"):
        try:
            with (connection or environment.as_application()).cursor() as cursor:
                cursor.execute(statement)
            found.append(True)
        except pymysql.err.OperationalError as error:
            if error.args[0] not in (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR):
                raise
            found.append(False)
    return found[0], found[1]


def test_one_of_two_databases_admits_the_application(
    environment: Environment, second: Environment, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_since_before = environment.as_application()
    while_readers_follow: list[tuple[bool, bool]] = []
    monkeypatch.setattr(
        time, "sleep", lambda _: while_readers_follow.append(admits(environment, open_since_before))
    )

    for _ in range(2):  # idempotent
        assert use(responses, second, environment)["Status"] == "SUCCESS"
        assert (admits(environment), admits(second)) == ((False, False), (True, True))
        assert admits(environment, open_since_before) == (False, False)
    assert while_readers_follow == [(True, False), (False, False)]

    assert use(responses, environment, second)["Status"] == "SUCCESS"
    assert (admits(environment), admits(second)) == ((True, True), (False, False))
    assert admits(environment, open_since_before) == (True, True)


def test_nothing_changes_if_the_other_database_does_not_answer(
    environment: Environment, second: Environment, responses: Responses
) -> None:
    for name in ("Port", "OtherPort"):
        port = str(free_port())

        response = use(responses, second, environment, **{name: port})

        assert response["Status"] == "FAILED"
        assert f"The database at 127.0.0.1:{port} does not answer" in response["Reason"]
        assert admits(environment) == (True, True)


def test_a_user_that_the_other_database_does_not_know_is_refused_already(
    environment: Environment, second: Environment, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    environment.server.execute(f"DROP USER {environment.user}")

    assert use(responses, second, environment)["Status"] == "SUCCESS"
    assert admits(second) == (True, True)


def test_a_deleted_choice_changes_nothing(responses: Responses) -> None:
    event = responses.event("Delete", {"Host": "gone.invalid"}, "DatabaseInUse-1")
    initialize_database.handler(event | {"ResourceType": "Custom::DatabaseInUse"}, Invocation())

    assert (responses.only["Status"], responses.only["PhysicalResourceId"]) == ("SUCCESS", "DatabaseInUse-1")
