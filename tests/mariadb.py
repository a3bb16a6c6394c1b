"""A private MariaDB server for tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.services import LOOPBACK, Service, ServiceFailed, find_program, free_port

OPTIONS = (
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",  # 96 MB by default, which each copy of a data folder would have
    "--max-connections=300",
)


@dataclass(kw_only=True)
class MariaDB(Service):
    """A private MariaDB. `url` is the database `sanso`; the user is root without a password."""

    @property
    def url(self) -> str:
        return f"mysql://root@{LOOPBACK}:{self.port}/sanso"

    def execute(self, sql: str) -> str:
        """Run SQL as root through the command line client and return its output."""
        client = [find_program("mariadb"), "--no-defaults", f"--host={LOOPBACK}", f"--port={self.port}"]
        arguments = ["--user=root", "--skip-column-names"]
        done = subprocess.run([*client, *arguments], input=sql, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceFailed(done.stderr)
        return done.stdout


def start_mariadb(
    folder: Path, *, port: int | None = None, options: Sequence[str] = (), data: Path | None = None
) -> MariaDB:
    """Install and start a MariaDB in `folder`: utf8mb4, time zone tables filled, database `sanso` created.

    `options` are added to the server's and override them. With `data`, that data folder of a server which was
    stopped is copied.

    Commits reach the operating system at once, but not the disk: they survive `kill()`, and tests are fast.
    """
    own, port = folder / "data", port or free_port()
    if data is not None and not own.exists():
        shutil.copytree(data, own)
    if not own.exists():
        install_mariadb(folder, own)
    server = MariaDB(
        command=[
            find_program("mariadbd"),
            "--no-defaults",
            *_user(),
            f"--datadir={own}",
            f"--tmpdir={folder}",  # at its start a server deletes others' temporary files, even in use
            f"--port={port}",
            f"--bind-address={LOOPBACK}",
            "--skip-name-resolve",
            "--socket=server.sock",  # in the data folder; relative, so it is below the kernel's 107 bytes
            f"--pid-file={folder / 'server.pid'}",
            *OPTIONS,
            *options,
        ],
        folder=folder,
        port=port,
        answers=lambda: mariadb_answers(port),
    )
    server.start()
    server.execute("CREATE DATABASE IF NOT EXISTS sanso CHARACTER SET utf8mb4")
    return server


def _user() -> list[str]:
    """Return the option that mariadbd requires when it runs as root."""
    return ["--user=root"] if os.geteuid() == 0 else []


def install_mariadb(folder: Path, data: Path) -> None:
    """Create the data folder, with the time zone tables that TruncDate and similar functions need."""
    folder.mkdir(parents=True, exist_ok=True)
    own = [f"--datadir={data}", f"--tmpdir={folder}", *_user(), *OPTIONS]
    install = [find_program("mariadb-install-db"), "--no-defaults", *own]
    options = ["--skip-test-db", "--auth-root-authentication-method=normal"]
    done = subprocess.run([*install, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise ServiceFailed(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
    export = [find_program("mariadb-tzinfo-to-sql"), "--skip-write-binlog", "/usr/share/zoneinfo"]
    zones = subprocess.run(export, capture_output=True, check=True).stdout
    load = [find_program("mariadbd"), "--no-defaults", *own, "--bootstrap"]
    subprocess.run(load, input=b"USE mysql;\n" + zones, capture_output=True, check=True)


def mariadb_answers(port: int) -> bool:
    """Return whether a MySQL server responds on this port (its first packet has protocol version 10)."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            greeting = connection.recv(5)
    except OSError:
        return False
    return len(greeting) == 5 and greeting[4] == 10
