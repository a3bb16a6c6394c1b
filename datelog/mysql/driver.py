"""The differences between the two drivers, and their error numbers. Nothing else depends on a driver."""

import ssl
from contextlib import closing
from typing import Any

import MySQLdb.cursors

from datelog.configuration import Tls

# Fetches rows as they are consumed and not all at once.
UnbufferedCursor = MySQLdb.cursors.SSCursor

# https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and client-error-reference.html
ACCESS_DENIED = 1045
UNKNOWN_COLUMN = 1054
UNKNOWN_VARIABLE = 1193
NO_TLS = 2026
_READ_ONLY = frozenset({1290, 1792, 1836})  # --read-only · transaction is read only · read-only mode
_REFUSED = frozenset({1044, 1142})  # the user has no privilege in the database · for this statement
# With NO_TLS: MariaDB's C library returns it when a server that shuts down closes an encrypted connection.
_CONNECTION_GONE = frozenset({0, 1053, 1317, 1927, 2006, 2013, 2014, NO_TLS, 2055, 4031})

_IS_PYMYSQL = MySQLdb.__name__ == "pymysql"


def tls_arguments(tls: Tls, ca: str) -> dict[str, Any]:
    """Return the driver's connection arguments for a TLS mode."""
    if _IS_PYMYSQL:
        return _pymysql_tls(tls, ca)
    # mysqlclient verifies the certificate depending on the mode, with either C library.
    match tls:
        case Tls.OFF:
            return {"ssl_mode": "DISABLED"}
        case Tls.REQUIRE:
            return {"ssl_mode": "REQUIRED"}
        case Tls.VERIFY:
            return {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": ca}}


def _pymysql_tls(tls: Tls, ca: str) -> dict[str, Any]:
    if tls is Tls.OFF:
        return {"ssl_disabled": True}
    if tls is Tls.VERIFY:
        return {"ssl": ssl.create_default_context(cafile=ca)}
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return {"ssl": unverified}


def is_encrypted(connection: Any) -> bool:
    """Return whether the session uses TLS: MariaDB's C library also accepts servers without it."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    return bool(row and row[1])


def ping(connection: Any) -> None:
    """Ping the server without reconnecting. Raises the driver's error when it does not answer."""
    if _IS_PYMYSQL:
        connection.ping(reconnect=False)
    else:
        connection.ping()


def error_number(error: Exception | None) -> int:
    """Return MySQL's number of an error of the driver or of Django's wrapper for it, 0 if it has none."""
    number = error.args[0] if error is not None and error.args else 0
    return number if isinstance(number, int) else 0


def is_connection_lost(error: Exception) -> bool:
    """Return whether the connection was lost, so that a new one may succeed."""
    return error_number(error) in _CONNECTION_GONE


def is_read_only_error(error: Exception) -> bool:
    """Return whether the server is read-only, as a former writer is after a failover."""
    return error_number(error) in _READ_ONLY


def is_refusal(error: Exception) -> bool:
    """Return whether the user may not use the database or the table, as one that is not in use any more."""
    return error_number(error) in _REFUSED
