"""The server that a process substitutes (the tag of its instance), and its configuration (its association).

An instance tagged Server=App is uWSGI with datelog; the association's ExtraVariables configure it. One
tagged Server=ApacheWeb is a web server; the ProxyPass directives in the configuration that its association
writes determine where requests go. Other instances have no substitute.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from sanso_sandbox.protocols.machines import Step

TAG = "Server"
APP, WEB = "App", "ApacheWeb"
HTTP = 80
UWSGI = 9090
# https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass
_PROXY_PASS = re.compile(
    r"ProxyPass\s+(?P<path>/\S*)\s+(?P<target>!|(?:uwsgi|http)://[A-Za-z0-9.-]+:\d+)(?P<options>[^\n]*)"
)
_TIMEOUT = re.compile(r"\stimeout=(\d+)")
# https://httpd.apache.org/docs/2.4/mod/core.html#timeout
TIMEOUT = 60
_VIRTUAL_HOST = re.compile(r"<VirtualHost\s+\*:(?P<port>\d+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppServer:
    """uWSGI with datelog: its environment, its ports, and the protocol of `port`: http or uwsgi."""

    environment: dict[str, str]
    protocol: str
    port: int
    health_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer:
    """A web server that forwards requests by http or uwsgi, except for some paths that it serves itself."""

    protocol: str
    backend: tuple[str, int]
    port: int
    own_paths: tuple[str, ...]
    timeout: int = TIMEOUT
    """Seconds without a byte from the backend after which a request ends."""


StandIn = AppServer | WebServer


def of(tags: Mapping[str, str], step: Step) -> StandIn | None:
    """Return the server that a shell step of an association configures; None when it configures none."""
    if tags.get(TAG) == APP:
        return _app_server(_variables(step.parameters))
    if tags.get(TAG) == WEB:
        commands = step.inputs.get("runCommand") or []
        return _web_server(commands if isinstance(commands, str) else "\n".join(commands))
    return None


def _variables(parameters: Mapping[str, object]) -> dict[str, str]:
    """Return the NAME=value pairs in the document's ExtraVariables, split as Ansible does."""
    pairs = (word.partition("=") for word in shlex.split(str(parameters.get("ExtraVariables") or "")))
    return {name: value for name, equals, value in pairs if equals}


def _app_server(variables: dict[str, str]) -> AppServer | None:
    if "DB_NAME" not in variables:
        return None  # datelog requires a database
    protocol = variables.get("APP_PROTOCOL") or "uwsgi"  # the playbook's default
    health_port = variables.get("UWSGI_HEALTH_PORT", "") if protocol == "uwsgi" else ""
    return AppServer(
        environment=variables,
        protocol=protocol,
        port=int(variables.get("UWSGI_PORT") or UWSGI),
        health_port=int(health_port) if health_port else None,
    )


def _web_server(configuration: str) -> WebServer | None:
    directives = list(_PROXY_PASS.finditer(configuration))
    passed = {found["path"]: found["target"] for found in directives}
    backends = [target for target in passed.values() if target != "!"]
    if not backends:
        return None
    protocol, _colon, address = backends[-1].partition("://")
    host, _colon, port = address.rpartition(":")
    listening = _VIRTUAL_HOST.search(configuration)
    timeouts = [found for one in directives if (found := _TIMEOUT.search(one["options"]))]
    return WebServer(
        protocol=protocol,
        backend=(host, int(port)),
        port=int(listening["port"]) if listening else HTTP,
        own_paths=tuple(path for path, target in passed.items() if target == "!"),
        timeout=int(timeouts[-1][1]) if timeouts else TIMEOUT,
    )
