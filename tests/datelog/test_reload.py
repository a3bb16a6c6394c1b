"""Reload and shutdown of uWSGI without a failed request; its access log."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster
from tests.services import LIMIT, REPOSITORY, ServiceFailed, wait_until


@dataclass
class Load:
    """Continuous requests of several clients, and their results."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, app: AppServer) -> None:
        while not self.stop.is_set():
            try:
                answer = app.get("/read")
            except OSError as error:
                self.failed.append(repr(error))
            else:
                self.answered += answer.status == 200
                self.failed += [str(answer.status)] if answer.status != 200 else []


@contextmanager
def under_load(app: AppServer) -> Iterator[Load]:
    load = Load()
    clients = [threading.Thread(target=load.run, args=(app,)) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield load
    finally:
        load.stop.set()
        for client in clients:
            client.join()


def test_new_code_is_loaded_under_load_and_no_request_fails(
    cluster: Cluster, start_app: StartAppServer, tmp_path: Path
) -> None:
    for release in ("before", "after"):
        shutil.copytree(REPOSITORY / "datelog", tmp_path / release / "datelog")
    page = tmp_path / "after/datelog/views.py"
    page.write_text(page.read_text().replace('"ok\\n"', '"ok, and new\\n"'))
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "before")
    app = start_app({}, "--chdir", "/", code=current)
    cluster.fill("2024-01-01 00:00:00")
    app.wait_for_workers()
    before = app.workers()
    with under_load(app) as load:
        wait_until(lambda: load.answered > 50, what="answers before the reload")
        other = tmp_path / "other"
        other.symlink_to(tmp_path / "after")
        other.replace(current)
        (app.runtime / "fifo").write_text("c")  # what `systemctl reload uwsgi` does
        wait_until(lambda: not set(app.workers()) & set(before), what="new workers")
        wait_until(lambda: app.get("/healthz").text == "ok, and new\n", what="the new code")
        seen = load.answered
        wait_until(lambda: load.answered > seen + 50, what="answers after the reload")
    assert load.failed == []


def test_a_request_in_progress_completes_during_shutdown(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.run("CREATE TRIGGER slow BEFORE INSERT ON datelog FOR EACH ROW SET @x = SLEEP(1)")
    app = start_app()
    app.wait_for_workers()
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(app.get("/write").status))
    client.start()
    inserting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'"
    wait_until(lambda: cluster.writer.execute(inserting).strip() == "1", what="the write")
    assert app.process
    app.process.terminate()
    client.join()
    assert answers == [200]
    assert app.process.wait(LIMIT) == 0


def test_a_long_request_completes_during_a_chain_reload(cluster: Cluster, start_app: StartAppServer) -> None:
    """The worker ends after the request (worker-reload-mercy); another one serves requests meanwhile."""
    cluster.run("CREATE TRIGGER slow BEFORE INSERT ON datelog FOR EACH ROW SET @x = SLEEP(8)")
    app = start_app()
    app.wait_for_workers()
    before = set(app.workers())
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(app.get("/write").status))
    client.start()
    inserting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'"
    wait_until(lambda: cluster.writer.execute(inserting).strip() == "1", what="the write")
    (app.runtime / "fifo").write_text("c")
    assert app.get("/healthz").status == 200
    assert answers == [], "the request is still in progress"
    client.join()
    assert answers == [200]
    wait_until(lambda: not set(app.workers()) & before, what="the end of the old workers")
    assert cluster.rows() == 1


def test_a_service_without_a_loadable_app_exits(
    cluster: Cluster, start_app: StartAppServer, tmp_path: Path
) -> None:
    shutil.copytree(REPOSITORY / "datelog", tmp_path / "datelog")
    (tmp_path / "datelog/settings.py").write_text("raise RuntimeError('broken')")
    with pytest.raises(ServiceFailed, match="no app loaded"):
        start_app({}, code=tmp_path)


def test_the_access_log_names_process_client_path_and_time(app: AppServer) -> None:
    app.get("/read?from=test_reload", X_Forwarded_For="203.0.113.9")
    wait_until(lambda: "test_reload" in app.log.read_text(), what="the line")
    (line,) = [line for line in app.log.read_text().splitlines() if "GET /read?from=test_reload" in line]
    assert line.startswith("[pid: ")
    assert "] 203.0.113.9 () {" in line
    assert " msecs (HTTP/1.1 200) " in line
