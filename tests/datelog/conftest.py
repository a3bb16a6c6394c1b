"""Fixtures: one writer and reader for all tests, an app server for most, an empty table for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.datelog.servers import TABLE, AppServer, Cluster, start_app_server, start_cluster
from tests.services import REPOSITORY


@pytest.fixture(scope="session")
def datelog_folder() -> Iterator[Path]:
    """A folder with a short path, since the path of a Unix socket has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="datelog-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def datelog_cluster(datelog_folder: Path) -> Iterator[Cluster]:
    cluster = start_cluster(datelog_folder)
    yield cluster
    cluster.writer.stop()
    cluster.reader.stop()


@pytest.fixture
def cluster(datelog_cluster: Cluster) -> Cluster:
    """Writer and reader, running, with an empty table."""
    for server in (datelog_cluster.writer, datelog_cluster.reader):
        if not server.is_running():
            server.start()
    datelog_cluster.run(f"DROP TABLE IF EXISTS datelog; {TABLE}")
    datelog_cluster.wait_for_reader()
    return datelog_cluster


@pytest.fixture(scope="session")
def shared_app_server(datelog_folder: Path, datelog_cluster: Cluster) -> Iterator[AppServer]:
    datelog_cluster.run(f"DROP TABLE IF EXISTS datelog; {TABLE}")
    server = start_app_server(datelog_folder / "app", datelog_cluster.environment())
    yield server
    server.stop()


@pytest.fixture
def app(cluster: Cluster, shared_app_server: AppServer) -> AppServer:
    """The app server that most tests share."""
    return shared_app_server


StartAppServer = Callable[..., AppServer]


@pytest.fixture
def start_app(cluster: Cluster) -> Iterator[StartAppServer]:
    """Return a function that starts an app server: start_app({"DB_TLS": "verify"}, "--threads", "1")."""
    started: list[AppServer] = []
    folders: list[Path] = []

    def start(environment: dict[str, str] | None = None, *options: str, code: Path = REPOSITORY) -> AppServer:
        folders.append(Path(tempfile.mkdtemp(prefix="datelog-app-")))
        variables = cluster.environment() | (environment or {})
        started.append(start_app_server(folders[-1], variables, *options, code=code))
        return started[-1]

    yield start
    for server in started:
        server.kill()  # a worker that is starting ignores SIGTERM
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
