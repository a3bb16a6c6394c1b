"""The process that sends through apprise: it connects to allowed addresses only. `apprise_url` starts it."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import signal
import socket
import sys
from typing import Any

import apprise

from deployments.common.addresses import is_listed
from deployments.common.rules.public_addresses import embedded, is_public

GRACE = 60
"""Seconds after which the process ends by itself: the worker that started it may be gone."""
_STATUS = re.compile(r"\berror=(\d{3})\b")


class AddressRefused(OSError):
    """Raised instead of a connection to an address that is not allowed."""


class ConnectionGuard:
    """Refuses connections to addresses that are neither public nor listed, in all libraries."""

    def __init__(self, networks: list[str]) -> None:
        self.networks = networks
        self.refused = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Check an event of the interpreter: https://docs.python.org/3/library/audit_events.html"""
        if event != "socket.connect":
            return
        connection, place = arguments
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            raise AddressRefused("not an internet address")
        try:
            address = embedded(ipaddress.ip_address(str(place[0]).partition("%")[0]))
        except ValueError:  # a name, which may resolve to any address
            raise AddressRefused("not an address") from None
        if not is_listed(address, self.networks) and not is_public(address):
            self.refused = str(address)
            raise AddressRefused("not allowed")


class Statuses(logging.Handler):
    """The status of the last failed response, which apprise only logs."""

    status: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Read the status from a line of the log; the rest is not kept."""
        if found := _STATUS.search(record.getMessage()):
            self.status = int(found[1])


def main() -> None:
    """Read a request from the standard input, send it, and print the result."""
    signal.alarm(GRACE)
    request = json.load(sys.stdin)
    statuses, guard = Statuses(), ConnectionGuard(request["networks"])
    logging.getLogger("apprise").addHandler(statuses)
    asset = apprise.AppriseAsset(
        async_mode=False,
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        app_id="Sanso",
        app_desc="Sanso",
    )
    service = apprise.Apprise.instantiate(request["url"], asset=asset)
    if not isinstance(service, apprise.NotifyBase):
        json.dump({"invalid": True}, sys.stdout)
        return
    sys.addaudithook(guard)
    sent = service.notify(body=request["body"], title=request["title"], body_format="text")
    json.dump({"sent": bool(sent), "refused": guard.refused, "status": statuses.status}, sys.stdout)


if __name__ == "__main__":
    main()
