"""The login in a secret, used by many threads."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datelog.aws.http import AwsUnreachable
from datelog.login import FixedLoginSource, Login, SecretLoginSource


class Secret:
    """A secret and a clock, both controlled by the test."""

    def __init__(self) -> None:
        self.login = Login(user="app", password="first")
        self.reads = 0
        self.now = 100.0
        self.fails = False

    def read(self, name: str) -> str:
        self.reads += 1
        if self.fails:
            raise AwsUnreachable(f"no {name}")
        return json.dumps({"username": self.login.user, "password": self.login.password})

    def source(self) -> SecretLoginSource:
        return SecretLoginSource("trial", "", read=self.read, clock=lambda: self.now)


def test_a_fixed_login_has_no_alternative() -> None:
    login = Login(user="app", password="only")
    assert FixedLoginSource(login).current() == login
    assert FixedLoginSource(login).after_rejection(login) is None


def test_the_repr_of_a_login_has_no_password() -> None:
    assert "first" not in repr(Login(user="app", password="first"))


def test_the_secret_is_read_at_its_first_use_only() -> None:
    secret = Secret()
    source = secret.source()
    assert secret.reads == 0
    assert [source.current() for _ in range(3)] == [secret.login] * 3
    assert secret.reads == 1


def test_of_threads_rejected_at_the_same_time_one_reads() -> None:
    secret = Secret()
    source = secret.source()
    rejected = source.current()
    secret.login = Login(user="app", password="second")
    barrier = threading.Barrier(8)

    def replace(_: int) -> Login | None:
        barrier.wait()
        return source.after_rejection(rejected)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(replace, range(8))) == {secret.login}
    assert secret.reads == 2


def test_an_unchanged_secret_is_not_read_again_at_once() -> None:
    secret = Secret()
    source = secret.source()
    rejected = source.current()
    assert [source.after_rejection(rejected) for _ in range(5)] == [None] * 5
    assert secret.reads == 2
    secret.now += 2
    secret.login = Login(user="app", password="second")
    assert source.after_rejection(rejected) == secret.login


def test_a_failed_read_fails_all_callers_without_another_read() -> None:
    secret = Secret()
    secret.fails = True
    source = secret.source()
    for _ in range(5):
        with pytest.raises(AwsUnreachable, match="no trial"):
            source.current()
    assert secret.reads == 1
    secret.now += 2
    secret.fails = False
    assert source.current() == secret.login


def test_a_failed_read_after_a_rejection_keeps_the_known_login() -> None:
    secret = Secret()
    source = secret.source()
    rejected = source.current()
    secret.fails = True
    with pytest.raises(AwsUnreachable):
        source.after_rejection(rejected)
    assert source.current() == rejected
