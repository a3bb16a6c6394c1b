"""What a shell step of an association would make of a machine, read from its commands."""

import re
import shlex
from dataclasses import dataclass

_VARIABLES = re.compile(r"""\s-e\s+(["'])(?P<variables>[A-Za-z_]\w*=.*?)\1""", re.DOTALL)
_BACKEND = re.compile(r"uwsgi://(?P<host>[A-Za-z0-9.-]+):(?P<port>\d+)")
_LISTENING = re.compile(r"<VirtualHost\s+\*:(?P<port>\d+)>")
_OWN_PATH = re.compile(r"^\s*ProxyPass\s+(?P<path>/\S+)\s+!\s*$", re.MULTILINE)
HTTP = 80
UWSGI = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class AppServer:
    """uWSGI with datelog: the environment file, and the ports."""

    environment: dict[str, str]
    port: int
    health_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer:
    """A web server that passes requests on, but for some paths that it answers itself."""

    backend: tuple[str, int]
    port: int
    own_paths: tuple[str, ...]


Recipe = AppServer | WebServer


def read(commands: str) -> Recipe | None:
    """Read what the commands set up: a playbook with datelog's variables, a proxy to uWSGI, or None."""
    variables = _variables(commands)
    if "DB_NAME" in variables:
        health_port = variables.get("UWSGI_HEALTH_PORT", "")
        return AppServer(
            environment=variables,
            port=int(variables.get("UWSGI_PORT") or UWSGI),
            health_port=int(health_port) if health_port else None,
        )
    backend = _BACKEND.search(commands)
    if backend is None:
        return None
    listening = _LISTENING.search(commands)
    return WebServer(
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
