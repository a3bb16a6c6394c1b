"""Whether connections to the database and to Redis on other machines are encrypted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection

from portal.doctor.finding import Finding, ok, problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """The hosts, "" for sockets and files, and whether the connections are encrypted.

    `is_redis_checked`: the certificate of Redis is verified.
    """

    database: str
    is_database_encrypted: bool
    redis: str
    is_redis_encrypted: bool
    is_redis_checked: bool = True


def read() -> ConnectionFacts:
    """Return the facts about the connections of the settings."""
    url = urlsplit(settings.REDIS_URL)
    return ConnectionFacts(
        database=str(connection.settings_dict["HOST"] or ""),
        is_database_encrypted=_is_database_encrypted(),
        redis="" if url.scheme == "unix" else url.hostname or "",
        is_redis_encrypted=url.scheme == "rediss",
        is_redis_checked="ssl_cert_reqs=none" not in url.query.lower(),
    )


def _is_database_encrypted() -> bool:
    if connection.vendor != "mysql":
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            found = cursor.fetchone()
    except DatabaseError:  # another check reports it
        return True
    return bool(found and found[1])


def judge(facts: ConnectionFacts) -> list[Finding]:
    """Return the connections that others on the network can read: passwords and sessions pass there."""
    findings = []
    if not (facts.is_database_encrypted or is_here(facts.database)):
        findings.append(
            problem(
                "database encryption",
                f"The connection to the database at {facts.database} is not encrypted.",
                "Append ?ssl_mode=VERIFY_IDENTITY&ssl_ca=FILE to DATABASE_URL (docs/install.md).",
            )
        )
    if not (facts.is_redis_encrypted or is_here(facts.redis)):
        findings.append(
            problem(
                "redis encryption",
                f"The connection to Redis at {facts.redis} is not encrypted.",
                "Serve Redis with TLS, and begin REDIS_URL with rediss:// (docs/install.md).",
            )
        )
    elif not (facts.is_redis_checked or is_here(facts.redis)):
        findings.append(
            problem(
                "redis encryption",
                f"The certificate of Redis at {facts.redis} is not verified.",
                "Remove ssl_cert_reqs from REDIS_URL; ssl_ca_certs=FILE names certificates of your own.",
            )
        )
    return findings or [ok("encryption", "Connections to other machines are encrypted.")]


def is_here(host: str) -> bool:
    """Return whether a host is this machine: a socket, a file, or a loopback address or name."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
