"""Where the two drivers differ, and which of their error numbers mean what. Nothing else knows a driver."""

import ssl
from contextlib import closing
from typing import Any

import MySQLdb.cursors

from datelog.configuration import Tls

# Fetches rows as they come instead of all at once.
UnbufferedCursor = MySQLdb.cursors.SSCursor

# https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and client-error-reference.html
ACCESS_DENIED = 1045
UNKNOWN_COLUMN = 1054
UNKNOWN_VARIABLE = 1193
NO_TLS = 2026
_READ_ONLY = frozenset({1290, 1792, 1836})  # --read-only · transaction is read only · read-only mode
# NO_TLS too: so MariaDB's C library calls it when a server that shuts down ends an encrypted connection.
_CONNECTION_GONE = frozenset({0, 1053, 1317, 1927, 2006, 2013, 2014, NO_TLS, 2055, 4031})

_IS_PYMYSQL = MySQLdb.__name__ == "pymysql"


def tls_arguments(tls: Tls, ca: str) -> dict[str, Any]:
    """Return the driver's connect arguments for this kind of protection."""
    if _IS_PYMYSQL:
        return _pymysql_tls(tls, ca)
    # mysqlclient switches the check of the certificate by the mode, over either C library.
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
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    return {"ssl": unchecked}


def is_encrypted(connection: Any) -> bool:
    """Ask the server. MariaDB's C library takes a server without TLS even where TLS is required of it."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    return bool(row and row[1])


def ping(connection: Any) -> None:
    """Ask the server for a sign of life, without connecting anew. Raises the driver's error without one."""
    if _IS_PYMYSQL:
        connection.ping(reconnect=False)
    else:
        connection.ping()


def error_number(error: Exception | None) -> int:
    """Return MySQL's number of an error of the driver or of Django's wrapper around it, 0 without one."""
    number = error.args[0] if error is not None and error.args else 0
    return number if isinstance(number, int) else 0


def says_connection_gone(error: Exception) -> bool:
    """Tell whether the connection ended, so that another one may get an answer."""
    return error_number(error) in _CONNECTION_GONE


def says_read_only(error: Exception) -> bool:
    """Tell whether the server refused to write, as one does that was the writer until a failover."""
    return error_number(error) in _READ_ONLY
