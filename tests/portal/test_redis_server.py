"""The embedded Redis: the behavior that Celery and the event streams need."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from portal.settings import broker_url, default_redis_url
from portal.supervisor.answers import pong
from tests.services import LIMIT, REPOSITORY, Redis, Service, small_redis, wait_until

TASKS = """
from pathlib import Path
from celery import Celery

app = Celery(broker={url!r})
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, broker_transport_options={options})

@app.task(name="note", ignore_result=True)
def note(path):
    Path(path).touch()
"""
OPTIONS = {"global_keyprefix": "sanso:", "unacked_restore_interval": 5, "unacked_restore_throttle": 1}


@pytest.fixture
def stand_in() -> Iterator[Redis]:
    with small_redis() as server:
        yield server


def test_commands_find_the_redis_of_a_run_with_the_same_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redis").mkdir()
    assert default_redis_url(tmp_path) == "redis://127.0.0.1:6379/0"
    monkeypatch.chdir(tmp_path / "redis")  # socket paths have a limited length

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("redis.sock")

        assert default_redis_url(tmp_path) == f"unix://{tmp_path}/redis/redis.sock?db=0"


def test_celery_verifies_the_certificate_of_a_redis_with_tls_unless_it_must_not() -> None:
    kept = "rediss://redis.example.com:6380/0?ssl_ca_certs=/etc/ca.pem"

    assert broker_url("rediss://r/0") == "rediss://r/0?ssl_cert_reqs=required"
    assert broker_url(kept) == f"{kept}&ssl_cert_reqs=required"
    assert broker_url("rediss://r/0?ssl_cert_reqs=none") == "rediss://r/0?ssl_cert_reqs=none"
    assert broker_url("redis://r/0") == "redis://r/0"


def test_celery_tasks_are_delivered(stand_in: Redis, tmp_path: Path) -> None:
    url = broker_url(stand_in.url)
    (tmp_path / "standin_tasks.py").write_text(TASKS.format(url=url, options=OPTIONS))
    worker = Service(
        command=[
            *(sys.executable, "-m", "celery", "--workdir", str(tmp_path), "--app", "standin_tasks", "worker"),
            *("--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle"),
        ],
        folder=tmp_path / "worker",
        port=0,
        answers=(tmp_path / "done-0").exists,
    )
    send = "import sys, standin_tasks as t; [t.note.delay(name) for name in sys.argv[1:]]"
    sending = [sys.executable, "-c", send]
    subprocess.run([*sending, str(tmp_path / "done-0")], cwd=tmp_path, check=True)
    worker.start()

    names = [str(tmp_path / f"done-{number}") for number in range(1, 101)]
    subprocess.run([*sending, *names], cwd=tmp_path, check=True)
    wait_until(lambda: all(Path(name).exists() for name in names), what="the end of 100 tasks")

    worker.stop()


def test_a_blocking_read_returns_a_new_event(stand_in: Redis) -> None:
    connect = "import redis, sys; client = redis.Redis.from_url(sys.argv[1])"
    read = f"{connect}; print(client.xread({{'events': '0'}}, block=0))"
    reader = subprocess.Popen(
        [sys.executable, "-c", read, stand_in.url], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )

    with redis.Redis.from_url(stand_in.url) as client:
        client.xadd("events", {"sequence": 7}, maxlen=1000)

    assert "'7'" in reader.communicate(timeout=LIMIT)[0]


def test_concurrent_clients_are_independent(stand_in: Redis) -> None:
    with redis.Redis.from_url(stand_in.url) as first, redis.Redis.from_url(stand_in.url) as second:
        with first.pipeline() as bundle:
            bundle.watch("counted")
            second.incr("counted")
            bundle.multi()
            bundle.set("counted", 0)
            with pytest.raises(redis.WatchError):
                bundle.execute()

        assert second.get("counted") == b"1"


def test_the_socket_of_a_killed_server_is_replaced(stand_in: Redis) -> None:
    stand_in.kill()
    assert (stand_in.folder / "redis.sock").is_socket()

    stand_in.start()

    assert pong(stand_in.url)


def test_it_stops_at_once_with_connected_clients(stand_in: Redis) -> None:
    with redis.Redis.from_url(stand_in.url) as client:
        client.ping()
        assert stand_in.process is not None

        stand_in.process.terminate()

        assert stand_in.process.wait(timeout=LIMIT) == 0
    assert not (stand_in.folder / "redis.sock").exists()
