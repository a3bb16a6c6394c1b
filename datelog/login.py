"""The database login: from the environment file, or from a secret that may be rotated at any time."""

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
from datelog.configuration import current_configuration

log = logging.getLogger(__name__)

# Seconds until the next read after one that failed or returned the same login: a wrong login must not cause a
# call of Secrets Manager for each request, nor block all threads behind one that times out.
_RETRY_INTERVAL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A database user and its password."""

    user: str
    password: str = field(repr=False)


class LoginSource(Protocol):
    """A source of logins."""

    def current(self) -> Login:
        """Return the login to try. Raises AwsUnreachable when it cannot be read."""

    def after_rejection(self, rejected: Login) -> Login | None:
        """Return another login after the database rejected this one, None if there is no other.

        Raises AwsUnreachable when the secret cannot be read.
        """


class FixedLoginSource:
    """User and password of the environment file."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def current(self) -> Login:
        return self._login

    def after_rejection(self, rejected: Login) -> Login | None:
        return None


class SecretLoginSource:
    """A secret of the form {"username": …, "password": …}, read at the first use and after a rejection.

    All threads of the process share it: of those that are rejected at the same time, one reads.
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

    def after_rejection(self, rejected: Login) -> Login | None:
        with self._lock:
            if self._known is not None and self._known != rejected:
                return self._known  # another thread has read it already
            if self._clock() < self._not_before:
                return None
            log.info("The database rejected the login. Reading secret %s again.", self._name)
            found = self._read_now()
            if found == rejected:
                self._not_before = self._clock() + _RETRY_INTERVAL
                return None
            return found

    def _read_now(self) -> Login:
        if self._failure and self._clock() < self._not_before:
            raise AwsUnreachable(self._failure)
        try:
            self._known = _parse(self._name, self._read(self._name), self._fallback_user)
        except AwsUnreachable as error:
            self._failure = str(error)
            self._not_before = self._clock() + _RETRY_INTERVAL
            raise
        self._failure = ""
        return self._known


def _parse(name: str, text: str, fallback_user: str) -> Login:
    try:
        fields = json.loads(text)
        return Login(user=str(fields.get("username") or fallback_user), password=str(fields["password"]))
    except (ValueError, KeyError, AttributeError):
        # The value must not be logged, and the parser's message contains it.
        raise AwsUnreachable(f"Secret {name!r} is not JSON with username and password.") from None


@cache
def login_source() -> LoginSource:
    """Return the source of logins of this process."""
    settings = current_configuration()
    if settings.secret_name:
        return SecretLoginSource(settings.secret_name, settings.user)
    return FixedLoginSource(Login(user=settings.user, password=settings.password))
