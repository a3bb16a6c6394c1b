"""The services of the test run: real servers, and no connections beyond loopback."""

from __future__ import annotations

import socket

import pytest
import redis
from django.conf import settings
from django.db import connection

from sandbox_tests.loopback_only import LeavesThisMachine
from tests.services import Redis


@pytest.mark.core
@pytest.mark.django_db
def test_the_database_is_the_chosen_one(pytestconfig: pytest.Config) -> None:
    expected = {"mariadb": "mysql", "sqlite": "sqlite"}[pytestconfig.getoption("database")]

    assert connection.vendor == expected
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_mariadb_has_time_zones() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONVERT_TZ('2026-01-01 00:00:00', 'UTC', 'Asia/Tokyo')")
        assert str(cursor.fetchone()[0]) == "2026-01-01 09:00:00"


@pytest.mark.parametrize("attempt", [1, 2])
def test_redis_is_empty_in_every_test(redis_server: Redis, attempt: int) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.dbsize() == 0
        client.set("left", attempt)


def test_a_killed_redis_keeps_its_data(redis_server: Redis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 2000)

    redis_server.kill()
    redis_server.restart()

    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("kept") == b"yes"


@pytest.mark.parametrize("address", ["192.0.2.1", "169.254.169.254", "2001:db8::1"])
def test_connections_to_other_machines_are_refused(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as attempt, pytest.raises(LeavesThisMachine):
        attempt.connect((address, 80))


def test_names_of_other_machines_are_not_resolved() -> None:
    with pytest.raises(LeavesThisMachine):
        socket.getaddrinfo("sts.ap-northeast-1.amazonaws.com", 443)
