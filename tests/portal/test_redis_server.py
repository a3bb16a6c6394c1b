"""The Redis stand-in: what Celery and the event streams need of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.services import LOOPBACK, REPOSITORY, Service, free_port, redis_answers

TASKS = """
from pathlib import Path
from celery import Celery

app = Celery(broker="{url}")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, broker_transport_options={options})

@app.task(name="note", ignore_result=True)
def note(path):
    Path(path).touch()
"""
OPTIONS = {"global_keyprefix": "sanso:", "unacked_restore_interval": 5, "unacked_restore_throttle": 1}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Service]:
    port = free_port()
    server = Service(
        command=[sys.executable, "-m", "portal.redis_server", str(port)],
        folder=tmp_path / "redis",
        port=port,
        answers=lambda: redis_answers(port),
    )
    server.start()
    yield server
    server.stop()


def test_it_carries_celery_tasks_quickly(stand_in: Service, tmp_path: Path) -> None:
    url = f"redis://{LOOPBACK}:{stand_in.port}/0"
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

    began = time.monotonic()
    names = [str(tmp_path / f"done-{number}") for number in range(1, 101)]
    subprocess.run([*sending, *names], cwd=tmp_path, check=True)
    while not all(Path(name).exists() for name in names):
        assert time.monotonic() - began < 8, (
            "100 tasks take 9 s and more where Nagle's algorithm delays replies"
        )
        time.sleep(0.05)

    worker.stop()


def test_a_blocked_stream_reader_hears_of_an_event(stand_in: Service) -> None:
    read = "import redis, sys; print(redis.Redis(port=int(sys.argv[1])).xread({'events': '0'}, block=20000))"
    reader = subprocess.Popen(
        [sys.executable, "-c", read, str(stand_in.port)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )

    with redis.Redis(port=stand_in.port) as client:
        client.xadd("events", {"sequence": 7}, maxlen=1000)

    assert "'7'" in reader.communicate(timeout=30)[0]


def test_it_ends_at_once_when_asked_with_clients_connected(stand_in: Service) -> None:
    with redis.Redis(port=stand_in.port) as client:
        client.ping()
        assert stand_in.process is not None

        stand_in.process.terminate()

        assert stand_in.process.wait(timeout=5) == 0
