"""datelog behind the web server of the association: responses and saved rows when datelog hangs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import Cluster
from tests.infra.web_server import Protocol, web_server
from tests.services import wait_until

WRITES = 4


@pytest.mark.parametrize("protocol", ["http", "uwsgi"])
def test_a_write_without_a_response_is_saved_once_at_most(
    cluster: Cluster, start_app: StartAppServer, protocol: Protocol
) -> None:
    app = start_app()
    app.wait_for_workers()
    with web_server("debian", protocol) as web:
        web.backend_port = {"http": app.port, "uwsgi": app.uwsgi_port}[protocol]
        assert web.configure().returncode == 0
        wait_until(lambda: web.get("/read")[0] == 200, what="the list through Apache")
        with app.frozen(), ThreadPoolExecutor(WRITES) as clients:
            answers = [status for status, _body in clients.map(web.get, ["/write"] * WRITES)]
        assert answers == [504] * WRITES
        wait_until(lambda: cluster.rows() == WRITES, what="the writes that were sent while uWSGI hung")
        assert web.get("/write")[0] == 200
    assert cluster.rows() == WRITES + 1
