"""The settings of the environment file. An invalid value prevents the start, with a message."""

import os
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cache
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

_Choice = TypeVar("_Choice", bound=StrEnum)

# An unquoted MySQL identifier: https://dev.mysql.com/doc/refman/8.0/en/identifiers.html
_TABLE_NAME = re.compile(r"[0-9A-Za-z$_]{1,64}")
_PORTS = range(1, 65_536)


class Tls(StrEnum):
    """How connections to the database are encrypted."""

    REQUIRE = "require"  # encrypted; the server's certificate is not verified
    VERIFY = "verify"  # encrypted; certificate and host name are verified against DB_TLS_CA
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of the database cluster."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that differs between environments. Durations are in seconds."""

    database: str
    table: str
    writer: Endpoint
    reader: Endpoint
    other_writer: Endpoint  # of a second database, which is used while the first refuses; else the same ones
    other_reader: Endpoint
    user: str
    password: str = field(repr=False)
    secret_name: str
    tls: Tls
    tls_ca: str
    connect_timeout: int
    query_timeout: int
    stream_seconds: int
    zone: tzinfo


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """Return the configuration: the original's environment variables, and a few more with defaults.

    Raises ImproperlyConfigured for a variable that is missing or invalid.
    """
    port = _number(environment, "MYSQL_PORT", 3306, _PORTS)
    secret_name = environment.get("DB_SECRET_NAME", "")
    password = environment.get("DB_PASSWORD", "")
    if not secret_name and "DB_PASSWORD" not in environment:
        raise ImproperlyConfigured("Neither DB_SECRET_NAME nor DB_PASSWORD is set. Set one of them.")
    tls = _choice(environment, "DB_TLS", Tls, Tls.REQUIRE)
    tls_ca = environment.get("DB_TLS_CA", "")
    writer = _required(environment, "DB_WRITE_ENDPOINT_ADDRESS")
    reader = _required(environment, "DB_READ_ENDPOINT_ADDRESS")
    if tls is Tls.VERIFY and not tls_ca:
        raise ImproperlyConfigured("DB_TLS is verify, so DB_TLS_CA must be the path of the CA certificates.")
    return Configuration(
        database=_required(environment, "DB_NAME"),
        table=_table(environment.get("DB_TABLENAME") or "datelog"),
        writer=_endpoint(writer, port),
        reader=_endpoint(reader, port),
        other_writer=_endpoint(environment.get("DB_OTHER_WRITE_ENDPOINT_ADDRESS") or writer, port),
        other_reader=_endpoint(environment.get("DB_OTHER_READ_ENDPOINT_ADDRESS") or reader, port),
        # The secret contains the user name, which a rotation with alternating users changes.
        user=environment.get("DB_USER", "") if secret_name else _required(environment, "DB_USER"),
        password=password,
        secret_name=secret_name,
        tls=tls,
        tls_ca=tls_ca,
        connect_timeout=_number(environment, "DB_CONNECT_TIMEOUT", 2, range(1, 61)),
        query_timeout=_number(environment, "DB_QUERY_TIMEOUT", 5, range(1, 61)),
        stream_seconds=_number(environment, "DATELOG_STREAM_SECONDS", 60, range(1, 3601)),
        zone=_zone(environment.get("DATELOG_TIME_ZONE") or "UTC"),
    )


@cache
def current_configuration() -> Configuration:
    """Return the configuration that this process was started with."""
    return read_configuration(os.environ)


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set.")
    return value


def _number(environment: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and int(text) in allowed):
        raise ImproperlyConfigured(
            f"{name} is {text!r}: it must be a whole number from {allowed[0]} to {allowed[-1]}."
        )
    return int(text)


def _choice(environment: Mapping[str, str], name: str, choices: type[_Choice], default: _Choice) -> _Choice:
    text = environment.get(name) or default
    try:
        return choices(text)
    except ValueError:
        allowed = ", ".join(choices)
        raise ImproperlyConfigured(f"{name} is {text!r}: it must be one of {allowed}.") from None


def _table(name: str) -> str:
    if not _TABLE_NAME.fullmatch(name):
        raise ImproperlyConfigured(f"DB_TABLENAME is {name!r}: only letters, digits, $ and _ are allowed.")
    return name


def _endpoint(address: str, port: int) -> Endpoint:
    """Return the endpoint of an address, which may include a port: two servers on one host need that."""
    host, colon, own_port = address.rpartition(":")
    if colon and ":" not in host and own_port.isascii() and own_port.isdecimal():
        address, port = host, int(own_port)
    # For the C libraries "localhost" means a Unix socket, whatever the port.
    return Endpoint(host="127.0.0.1" if address == "localhost" else address, port=port)


def _zone(name: str) -> tzinfo:
    load: Callable[[str], tzinfo] = zoneinfo.ZoneInfo
    if name == "UTC":
        return UTC
    try:
        return load(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ImproperlyConfigured(
            f"DATELOG_TIME_ZONE is {name!r}: unknown time zone. Use Area/City."
        ) from None
