"""Who datelog is to the database: fixed by the environment file, or a secret that is rotated at any time."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from datelog.aws.http import AwsUnreachable
from datelog.aws.secrets_manager import read_secret
from datelog.configuration import configured

log = logging.getLogger(__name__)

# Seconds without a new read after one that failed or brought nothing new: a login that stays wrong must
# not turn every request into a call of Secrets Manager, nor hold the threads behind one that times out.
_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A database user and its password."""

    user: str
    password: str = field(repr=False)


class Logins(Protocol):
    """Where a login comes from."""

    def current(self) -> Login:
        """Return the login to try. Raises AwsUnreachable when it can't be had."""

    def after_refusal(self, refused: Login) -> Login | None:
        """Return another login once the database refused this one, or None when there is no other.

        Raises AwsUnreachable when that can't be found out.
        """


class FixedLogin:
    """The user and password of the environment file."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def current(self) -> Login:
        return self._login

    def after_refusal(self, refused: Login) -> Login | None:
        return None


class SecretLogin:
    """A secret of the form {"username": …, "password": …}; read at the first need and after a refusal.

    Shared by all threads of the process: of those that are refused together, one reads.
    """

    def __init__(
        self,
        name: str,
        fallback_user: str,
        *,
        read: Callable[[str], str] = read_secret,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._fallback_user = fallback_user
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Login | None = None
        self._not_before = clock()
        self._failure = ""

    def current(self) -> Login:
        with self._lock:
            return self._known or self._read_now()

    def after_refusal(self, refused: Login) -> Login | None:
        with self._lock:
            if self._known is not None and self._known != refused:
                return self._known  # another thread has read it meanwhile
            if self._clock() < self._not_before:
                return None
            log.info("The database refused the login: reading secret %s again.", self._name)
            found = self._read_now()
            if found == refused:
                self._not_before = self._clock() + _PAUSE
                return None
            return found

    def _read_now(self) -> Login:
        if self._failure and self._clock() < self._not_before:
            raise AwsUnreachable(self._failure)
        try:
            self._known = _parse(self._name, self._read(self._name), self._fallback_user)
        except AwsUnreachable as error:
            self._failure = str(error)
            self._not_before = self._clock() + _PAUSE
            raise
        self._failure = ""
        return self._known


def _parse(name: str, text: str, fallback_user: str) -> Login:
    try:
        fields = json.loads(text)
        return Login(user=str(fields.get("username") or fallback_user), password=str(fields["password"]))
    except (ValueError, KeyError, AttributeError):
        # The text must not reach a log, so neither may the parser's message.
        raise AwsUnreachable(f"Secret {name!r} is not JSON with username and password.") from None


@cache
def logins() -> Logins:
    """Return this process's source of logins."""
    settings = configured()
    if settings.secret_name:
        return SecretLogin(settings.secret_name, settings.user)
    return FixedLogin(Login(user=settings.user, password=settings.password))
