"""Custom resources: the application's table and least-privilege user, and which of two databases admits it.

Runs the SQL of an SSM parameter as the administrator, then creates or updates the user of a Secrets
Manager secret. Idempotent. A delete does nothing: table and user are deleted with the cluster.
"""

from __future__ import annotations

import json
import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import pymysql
from botocore.exceptions import ClientError
from custom_resource import Context, Rejected, Request, respond
from pymysql.constants import ER
from pymysql.cursors import Cursor

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

_RETRY_SECONDS: Final = 5.0
_PERMISSION_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10
_STATEMENT_SECONDS: Final = 60
_READERS_SECONDS: Final = 3.0  # Aurora's readers lag by less than 100 ms, usually
_NOTHING_GRANTED: Final = frozenset({ER.NONEXISTING_GRANT, ER.NONEXISTING_TABLE_GRANT})
_CERTIFICATES: Final = Path(__file__).parent / "certificates"  # of RDS, a file for each region
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
# A quoted string, a comment, the end of a statement, or any other character.
_SQL_TOKEN: Final = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
      | (?P<comment>--[ \t][^\n]*|\#[^\n]*|/\*.*?\*/) | (?P<end>;) | .""",
    re.VERBOSE | re.DOTALL,
)


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Handle CloudFormation's request for a Custom::DatabaseInitialisation or Custom::DatabaseInUse."""
    is_choice = event.get("ResourceType") == "Custom::DatabaseInUse"
    respond(event, context, use if is_choice else initialize)


def initialize(request: Request) -> str:
    """Create table and user; do nothing for a delete. Returns the physical id.

    Raises Rejected with a message for the operator.
    """
    physical_id = _physical_id(request)
    if request.kind == "Delete":
        return physical_id
    table, sql, user = _table(request), _parameter(request), _user(request)
    with _connect(request) as connection, connection.cursor() as cursor:
        for statement in statements(sql):
            _run(cursor, "The SQL of the parameter", statement)
        account = (user["username"], "%", user["password"])
        # The same as for this connection: whether the server rejects the user without TLS.
        tls = "REQUIRE NONE" if _tls() == "off" else "REQUIRE SSL"
        _run(cursor, "CREATE USER", f"CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s {tls}", account)
        _run(cursor, "ALTER USER", f"ALTER USER %s@%s IDENTIFIED BY %s {tls}", account)
        _run(cursor, "GRANT", f"GRANT SELECT, INSERT ON {table} TO %s@%s", account[:2])
        connection.commit()
    log.info("Table %s and user %s exist.", table, user["username"])
    return physical_id


def use(request: Request) -> str:
    """Let one of two databases admit the application, and the other one refuse it; returns the physical id.

    No write is acknowledged by the other one after the first statement, and each read finds a database that
    admits it. These privileges are of the table, so they apply to the next statement of every connection.
    Raises Rejected with a message for the operator, before a change if one of them cannot be reached.
    """
    physical_id = _physical_id(request)
    if request.kind == "Delete":
        return physical_id
    table, user = _table(request), _user(request)["username"]
    with (
        _connect(request, "Other") as other,
        _connect(request) as used,
        other.cursor() as refusing,
        used.cursor() as admitting,
    ):
        _revoke(refusing, "INSERT", table, user)
        _run(admitting, "GRANT", f"GRANT SELECT, INSERT ON {table} TO %s@%s", (user, "%"))
        time.sleep(_READERS_SECONDS)
        _revoke(refusing, "SELECT", table, user)
    log.info("The database at %s admits %s.", request.required("Host"), user)
    return physical_id


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, without comments and semicolons."""
    statement = ""
    for token in _SQL_TOKEN.finditer(sql):
        if token["end"]:
            if statement.strip():
                yield statement.strip()
            statement = ""
        else:
            statement += " " if token["comment"] else token[0]
    if statement.strip():
        yield statement.strip()


def _physical_id(request: Request) -> str:
    return request.physical_id or f"{request.logical_id}-{request.stack_id.rpartition('/')[2]}"


def _table(request: Request) -> str:
    """Return the quoted name of the application's table."""
    return f"`{_name(request, 'DatabaseName')}`.`{_name(request, 'TableName')}`"


def _user(request: Request) -> dict[str, str]:
    """Return the application's login. Raises Rejected for a name that SQL cannot contain."""
    user = _secret(request, "UserSecretArn")
    if not _NAME.fullmatch(user["username"]):
        raise Rejected("The user name in the secret must be letters, digits and underscores.")
    return user


def _name(request: Request, name: str) -> str:
    value = request.required(name)
    if not _NAME.fullmatch(value):
        raise Rejected(f"{name} must be letters, digits and underscores.")
    return value


def _parameter(request: Request) -> str:
    name, ssm = request.required("SqlParameterName"), boto3.client("ssm")
    read = _permitted(request, f"the parameter {name}", lambda: ssm.get_parameter(Name=name))
    return str(read["Parameter"]["Value"])


def _secret(request: Request, property_name: str) -> dict[str, str]:
    """Return user name and password of the secret of a property. Raises Rejected if it has none."""
    arn, client = request.required(property_name), boto3.client("secretsmanager")
    read = _permitted(request, f"the secret {arn}", lambda: client.get_secret_value(SecretId=arn))
    content = json.loads(read["SecretString"])
    if not (content.get("username") and content.get("password")):
        raise Rejected("The secret has no user name and password.")
    return {"username": str(content["username"]), "password": str(content["password"])}


def _permitted(request: Request, what: str, read: Callable[[], Any]) -> Any:
    """Return the response of a call, which is repeated for a minute while the access is denied.

    The role's policy may have just been attached, and takes seconds or more until other services see it:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    Raises ClientError after that, or at the deadline.
    """
    until = min(request.deadline, time.monotonic() + _PERMISSION_SECONDS)
    while True:
        try:
            return read()
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            log.warning("Reading %s is denied", what)
            if time.monotonic() + _RETRY_SECONDS > until:
                raise
        time.sleep(_RETRY_SECONDS)


def _tls() -> str:
    return os.environ.get("DATABASE_TLS", "verify")


def _encryption() -> ssl.SSLContext | None:
    """Return TLS as DATABASE_TLS demands it; None when it is off.

    verify trusts what this system trusts, and the authorities of RDS in this region. Raises Rejected when
    those are not known.
    """
    if _tls() == "off":
        return None
    context = ssl.create_default_context()
    if _tls() == "verify":
        region = os.environ["AWS_REGION"]
        certificates = _CERTIFICATES / f"{region}.pem"
        if not certificates.is_file():
            raise Rejected(
                f"The template set has no RDS certificates for {region}, so the database cannot be verified. "
                "Set DatabaseTls to require, or add the region's bundle to the set."
            )
        context.load_verify_locations(certificates)
    else:  # in the VPC the security groups determine the server
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _connect(request: Request, which: str = "") -> pymysql.Connection[Cursor]:
    """Connect as the administrator to the database of the properties that begin with `which`.

    Retries until the deadline.

    The name of a new cluster may not resolve yet, and the password may be rotated after the secret is read,
    so the secret is read before each attempt. Raises Rejected at the deadline, or when the certificate of the
    database cannot be verified.
    """
    host, port = request.required(f"{which}Host"), int(request.required(f"{which}Port"))
    encryption = _encryption()
    while True:
        admin = _secret(request, f"{which}AdminSecretArn")
        try:
            return pymysql.connect(
                host=host,
                port=port,
                user=admin["username"],
                password=admin["password"],
                ssl=encryption,
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_STATEMENT_SECONDS,
                write_timeout=_STATEMENT_SECONDS,
                charset="utf8mb4",
            )
        except pymysql.err.OperationalError as error:
            code = error.args[0]
            if isinstance(unverified := error.__context__, ssl.SSLCertVerificationError):
                raise Rejected(
                    f"The certificate of the database at {host}:{port} cannot be verified: "
                    f"{unverified.verify_message}."
                ) from None
            log.warning("Connection to %s:%d failed with error %s", host, port, code)
            if time.monotonic() + _RETRY_SECONDS + _CONNECT_SECONDS > request.deadline:
                why = "rejects the administrator" if code == ER.ACCESS_DENIED_ERROR else "does not answer"
                raise Rejected(f"The database at {host}:{port} {why} (error {code}).") from None
        time.sleep(_RETRY_SECONDS)


def _revoke(cursor: Cursor, privilege: str, table: str, user: str) -> None:
    """Take a privilege away. Raises Rejected, except if the user does not have it, or does not exist."""
    try:
        cursor.execute(f"REVOKE {privilege} ON {table} FROM %s@%s", (user, "%"))
    except pymysql.err.MySQLError as error:
        if error.args[0] not in _NOTHING_GRANTED:
            raise Rejected(f"REVOKE failed with MySQL error {error.args[0]}.") from None


def _run(cursor: Cursor, what: str, statement: str, values: tuple[str, ...] | None = None) -> None:
    """Run a statement. Raises Rejected with the number of the error: its message may contain a password."""
    try:
        cursor.execute(statement, values)
    except pymysql.err.MySQLError as error:
        raise Rejected(f"{what} failed with MySQL error {error.args[0]}.") from None
