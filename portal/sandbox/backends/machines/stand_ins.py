"""What a shell step of an association would make of a machine, read from its commands."""

import re
import shlex
from dataclasses import dataclass

_VARIABLES = re.compile(r"""\s-e\s+(["'])(?P<variables>[A-Za-z_]\w*=.*?)\1""", re.DOTALL)
_BACKEND = re.compile(r"(?P<protocol>uwsgi|http)://(?P<host>[A-Za-z0-9.-]+):(?P<port>\d+)")
_PROXY_PASS = re.compile(r"^.*ProxyPass\s.*$", re.MULTILINE)
_LISTENING = re.compile(r"<VirtualHost\s+\*:(?P<port>\d+)>")
_OWN_PATH = re.compile(r"^\s*ProxyPass\s+(?P<path>/\S+)\s+!\s*$", re.MULTILINE)
HTTP = 80
UWSGI = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class AppServer:
    """uWSGI with datelog: the environment file, the ports, and what `port` speaks: http or uwsgi."""

    environment: dict[str, str]
    protocol: str
    port: int
    health_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer:
    """A web server that passes requests on by http or uwsgi, but for some paths that it answers itself."""

    protocol: str
    backend: tuple[str, int]
    port: int
    own_paths: tuple[str, ...]


Recipe = AppServer | WebServer


def read(commands: str) -> Recipe | None:
    """Read what the commands set up: a playbook with datelog's variables, a proxy to uWSGI, or None."""
    variables = _variables(commands)
    if "DB_NAME" in variables:
        protocol = variables.get("APP_PROTOCOL") or "uwsgi"  # the playbook's default
        health_port = variables.get("UWSGI_HEALTH_PORT", "") if protocol == "uwsgi" else ""
        return AppServer(
            environment=variables,
            protocol=protocol,
            port=int(variables.get("UWSGI_PORT") or UWSGI),
            health_port=int(health_port) if health_port else None,
        )
    backend = _BACKEND.search("\n".join(_PROXY_PASS.findall(commands)))
    if backend is None:
        return None
    listening = _LISTENING.search(commands)
    return WebServer(
        protocol=backend["protocol"],
        backend=(backend["host"], int(backend["port"])),
        port=int(listening["port"]) if listening else HTTP,
        own_paths=tuple(_OWN_PATH.findall(commands)),
    )


def _variables(commands: str) -> dict[str, str]:
    """Collect NAME=value pairs of ansible-playbook's -e, split as Ansible splits them."""
    found = _VARIABLES.search(commands)
    if found is None:
        return {}
    pairs = (word.partition("=") for word in shlex.split(found["variables"]))
    return {name: value for name, equals, value in pairs if equals}
