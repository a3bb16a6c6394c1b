"""Redis, sessions and caches contain JSON only, and workers ignore remote control commands."""

from __future__ import annotations

import ast
import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.test import Client

from deployments import dispatcher, tasks
from portal.celery_app import app
from tests.builders import make_deployment, make_user
from tests.running import Portal
from tests.services import REPOSITORY, Redis, wait_until
from tests.test_project import tracked

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "sanso:celery"
UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "jsonpickle", "joblib"}
SHIPPED = [file for file in tracked("*.py") if file.relative_to(REPOSITORY).parts[0] != "tests"]


@pytest.fixture
def broker(redis_server: Redis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture
def worker(process_environment: dict[str, str], redis_server: Redis, tmp_path: Path) -> Iterator[Any]:
    """A worker of the portal, without a dispatcher and without a sandbox."""
    portal = Portal(process_environment, tmp_path, None)  # type: ignore[arg-type]  # nothing is deployed
    portal.worker = portal._start(
        "worker", "-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "2", "-l", "WARNING"
    )
    yield portal.worker
    portal.stop()


def executes_a_task(broker: redis.Redis) -> None:
    """Send a task, and wait until it has been executed."""
    tasks.tidy.apply_async()
    wait_until(
        lambda: not broker.llen(QUEUE) and not broker.hlen("sanso:unacked"),
        what="a worker that takes tasks",
    )


class Payload:
    """An object that runs code when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_message_of_the_dispatcher_is_json(broker: redis.Redis) -> None:
    deployment = make_deployment()
    assert dispatcher.one_pass() == 1

    (raw,) = broker.lrange(QUEUE, 0, -1)
    message = json.loads(raw)
    assert (message["content-type"], message["content-encoding"]) == ("application/json", "utf-8")
    arguments, _options, _chain = json.loads(base64.b64decode(message["body"]))
    assert arguments == [deployment.pk, 0]


def test_a_pickle_in_the_queue_is_rejected_and_the_worker_continues(
    worker: Any, broker: redis.Redis, tmp_path: Path
) -> None:
    app.send_task("deployments.tidy", args=[Payload(tmp_path / "made")], serializer="pickle")
    executes_a_task(broker)

    assert not (tmp_path / "made").exists()
    assert worker.is_running()
    assert "Refusing to deserialize" in worker.log.read_text()


def test_a_worker_ignores_remote_control_commands(worker: Any, broker: redis.Redis) -> None:
    executes_a_task(broker)

    assert app.control.ping(timeout=2) == []
    app.control.broadcast("shutdown")
    executes_a_task(broker)

    assert worker.is_running()
    assert not broker.pubsub_channels("*pidbox*")


def test_only_json_is_configured_for_messages() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == app.conf.event_serializer == "json"
    assert app.conf.result_accept_content in (None, ["json"])
    assert app.conf.worker_enable_remote_control is False


def test_a_session_is_json(client: Client) -> None:
    client.force_login(make_user())

    session = Session.objects.get()
    found = signing.loads(
        session.session_data, salt="django.contrib.sessions.SessionStore", serializer=JSONSerializer
    )
    assert found["_auth_user_id"]
    assert settings.SESSION_SERIALIZER.endswith("JSONSerializer")


def test_nothing_is_cached_where_django_would_pickle() -> None:
    assert {cache["BACKEND"].rpartition(".")[2] for cache in settings.CACHES.values()} == {"DummyCache"}


def test_no_code_uses_unsafe_deserialization() -> None:
    found = {file.relative_to(REPOSITORY): unsafe_names(ast.parse(file.read_text())) for file in SHIPPED}

    assert len(found) > 200
    assert not {str(file): names for file, names in found.items() if names}


def unsafe_names(tree: ast.AST) -> set[str]:
    """Return the unsafe modules that a file imports, and the unsafe functions that it calls."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names} & UNSAFE
        elif isinstance(node, ast.ImportFrom):
            names |= {(node.module or "").split(".")[0]} & UNSAFE
        elif isinstance(node, ast.Call):
            names |= {ast.unparse(node.func)} & {"yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all"}
    return names
