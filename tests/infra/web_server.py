"""A web server for tests: the association's script, executed in its own folder.

Paths and port are replaced, and the distribution's tools are fakes that record their calls; `systemctl` and
`apachectl` control a real Apache.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from tests.infra.template_files import properties
from tests.services import LIMIT, LOOPBACK, find_program, free_port, wait_until

MODULES = (
    *("mpm_event", "authz_core", "log_config", "alias", "mime", "headers", "rewrite", "setenvif", "asis"),
    *("proxy", "proxy_http", "proxy_uwsgi", "remoteip"),
)
TOOLS = ("sh", "cat", "cmp", "cp", "curl", "flock", "mkdir", "mktemp", "rm", "touch")
Family = Literal["debian", "redhat"]
Protocol = Literal["http", "uwsgi"]


def script(values: Mapping[str, str]) -> str:
    """Return the association's script with these values of its variables."""
    text: str = properties("configuration", "WebServerAssociation")["Parameters"]["commands"][0]["Fn::Sub"]
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def apache_configuration(values: Mapping[str, str], logs: Path) -> str:
    """Return the Apache configuration of the script, with its logs in a folder."""
    text = script(values).partition("<<CONF\n")[2].partition("\nCONF\n")[0]
    return text.replace("$logs", str(logs)).replace("\\$", "$")


class WebServer:
    """A host that runs the script."""

    def __init__(self, folder: Path, family: Family, protocol: Protocol) -> None:
        self.folder = folder
        self.family = family
        self.protocol = protocol
        self.port = free_port()
        self.backend_port = free_port()
        self.environment_name = "times"
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in (
            "etc/apache2/conf-available",
            "etc/httpd/conf.d",
            "run",
            "var/log/apache2",
            "var/log/httpd",
        ):
            (folder / name).mkdir(parents=True)
        for tool in TOOLS:
            (self._bin / tool).symlink_to(find_program(tool))
        self._create_fakes()

    @property
    def conf(self) -> Path:
        names = {"debian": "etc/apache2/conf-available", "redhat": "etc/httpd/conf.d"}
        return self.folder / names[self.family] / "datelog.conf"

    @property
    def access_log(self) -> list[str]:
        service = {"debian": "apache2", "redhat": "httpd"}[self.family]
        return (self.folder / "var/log" / service / "datelog_access_log").read_text().splitlines()

    def calls(self) -> list[str]:
        """Return the calls of the fakes since this method was last called."""
        log = self.folder / "calls"
        found = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return found

    def configure(self) -> subprocess.CompletedProcess[str]:
        """Run the association's script like State Manager."""
        commands = script(
            {
                "AppProtocol": self.protocol,
                "EnvironmentName": self.environment_name,
                "NlbDnsName": LOOPBACK,
                "UwsgiPort": str(self.backend_port),
                "VpcCidr": "127.0.0.0/16",
            }
        )
        for top in ("etc", "run", "var"):
            commands = commands.replace(f" /{top}/", f" {self.folder}/{top}/")
            commands = commands.replace(f">/{top}/", f">{self.folder}/{top}/")
            commands = commands.replace(f"=/{top}/", f"={self.folder}/{top}/")
        commands = commands.replace("*:80>", f"*:{self.port}>").replace("1/healthz", f"1:{self.port}/healthz")
        return subprocess.run(
            [find_program("dash", "sh")],
            input=commands,
            env={"PATH": str(self._bin), "TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Send a GET request like the public load balancer; header names are written with underscores."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer

    def send(self, request: bytes) -> bytes:
        """Send bytes over a connection and return everything until Apache closes it."""
        with socket.create_connection((LOOPBACK, self.port), timeout=30) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def stop(self) -> None:
        """Stop Apache if it runs."""
        with contextlib.suppress(FileNotFoundError):
            pid = int((self.folder / "run/apache.pid").read_text())
            subprocess.run([*self._apache(), "-k", "stop"], check=True, capture_output=True)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the end of Apache")

    def _apache(self) -> list[str]:
        return [find_program("apache2", "httpd"), "-f", str(self.folder / "main.conf")]

    def _create_fakes(self) -> None:
        apache = " ".join(self._apache())
        running = self.folder / "run/apache.pid"
        main = [f"ServerRoot {self.folder}", f"PidFile {running}", "ServerName test"]
        main += ["User nobody", f"Group #{pwd.getpwnam('nobody').pw_gid}"]
        main += [f"DefaultRuntimeDir {self.folder}/run", f"ErrorLog {self.folder}/error_log"]
        main += load_modules()
        main += [f"Listen {LOOPBACK}:{self.port}", r'LogFormat "%h %l %u %t \"%r\" %>s %b" common']
        main += ["StartServers 1", "ServerLimit 2", "ThreadsPerChild 8", "MaxRequestWorkers 16"]
        main += [f"TypesConfig {os.devnull}", f"IncludeOptional {self.conf}*"]
        (self.folder / "main.conf").write_text("\n".join(main) + "\n")
        self._create_fake("sleep")
        self._create_fake("apachectl", f"exec {apache} -t")
        self._create_fake(
            "systemctl",
            'case "$1" in\n'
            f"  is-active) [ -e {running} ] ;;\n"
            f"  start) {apache} -k start ;;\n"
            f"  reload) {apache} -k graceful ;;\n"
            "esac",
        )
        if self.family == "debian":
            for tool in ("a2enmod", "a2dissite", "a2enconf"):
                self._create_fake(tool)
            self._create_fake(
                "apt-get",
                f'[ "$2" = update ] || touch {self._bin}/apache2; '
                f"/bin/chmod +x {self._bin}/apache2 2>/dev/null || true",
            )
        else:
            self._create_fake("dnf", f"touch {self._bin}/httpd; /bin/chmod +x {self._bin}/httpd")

    def fail_downloads(self, count: int) -> None:
        """Make the first downloads of packages fail."""
        name = "apt-get" if self.family == "debian" else "dnf"
        path, failed = self._bin / name, self.folder / "failed"
        check = f'if [ "$(wc -l <{failed})" -lt {count} ]; then echo . >>{failed}; exit 100; fi'
        failed.touch()
        (self._bin / "wc").symlink_to(find_program("wc"))
        first, calls, *rest = path.read_text().splitlines()
        path.write_text("\n".join([first, calls, check, *rest]) + "\n")

    def _create_fake(self, name: str, action: str = "") -> None:
        path = self._bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.folder}/calls\n{action}\n')
        path.chmod(0o755)


def load_modules() -> list[str]:
    """Return the configuration lines that load the modules of the distributions' packages."""
    places = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")
    folder = next(place for place in places if Path(place).is_dir())
    return [
        f"<IfModule !{name}_module>\nLoadModule {name}_module {folder}/mod_{name}.so\n</IfModule>"
        for name in MODULES
    ]


@contextlib.contextmanager
def web_server(family: Family, protocol: Protocol) -> Iterator[WebServer]:
    """A host without a web server, in a folder that Apache's unprivileged processes can read."""
    folder = Path(tempfile.mkdtemp(prefix="sanso-web-"))
    folder.chmod(0o755)
    server = WebServer(folder, family, protocol)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
