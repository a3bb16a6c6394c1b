"""The login of the secret among threads that are refused together."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datelog.aws.http import AwsUnreachable
from datelog.login import FixedLogin, Login, SecretLogin


class Secret:
    """A secret and a clock, both in the test's hand."""

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

    def source(self) -> SecretLogin:
        return SecretLogin("trial", "", read=self.read, clock=lambda: self.now)


def test_a_fixed_login_has_no_other() -> None:
    login = Login(user="app", password="only")
    assert FixedLogin(login).current() == login
    assert FixedLogin(login).after_refusal(login) is None


def test_a_password_is_never_shown() -> None:
    assert "first" not in repr(Login(user="app", password="first"))


def test_the_secret_is_read_at_the_first_need_only() -> None:
    secret = Secret()
    source = secret.source()
    assert secret.reads == 0
    assert [source.current() for _ in range(3)] == [secret.login] * 3
    assert secret.reads == 1


def test_of_threads_refused_together_one_reads() -> None:
    secret = Secret()
    source = secret.source()
    refused = source.current()
    secret.login = Login(user="app", password="second")
    together = threading.Barrier(8)

    def ask(_: int) -> Login | None:
        together.wait()
        return source.after_refusal(refused)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {secret.login}
    assert secret.reads == 2


def test_a_secret_that_did_not_change_is_left_alone_for_a_while() -> None:
    secret = Secret()
    source = secret.source()
    refused = source.current()
    assert [source.after_refusal(refused) for _ in range(5)] == [None] * 5
    assert secret.reads == 2
    secret.now += 2
    secret.login = Login(user="app", password="second")
    assert source.after_refusal(refused) == secret.login


def test_a_failed_read_is_told_to_all_without_another_read() -> None:
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


def test_a_service_that_fails_after_a_refusal_leaves_the_known_login() -> None:
    secret = Secret()
    source = secret.source()
    refused = source.current()
    secret.fails = True
    with pytest.raises(AwsUnreachable):
        source.after_refusal(refused)
    assert source.current() == refused
