"""The limits of login attempts, counted before the password is checked.

A browser in which the user has logged in before has its own counter. All others share counters: of the
account found in the database, of the name as typed, of the address, and of the entire portal. Keys are
digests: users sometimes type a password as the name.
"""

from __future__ import annotations

import hashlib
import logging
import math
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from deployments.common.client_address import network_of
from deployments.common.limiter import Limiter, Purpose, limiter
from deployments.common.rules.limit_kinds import Backoff, Limit, Rate
from portal.login.devices import any_device, device_of

log = logging.getLogger(__name__)

LOGINS = Purpose(
    prefix="sanso:login:",
    meanwhile="this process counts failed logins by itself",
    again="failed logins are counted for all processes",
    timeout=1.0,
)

ADDRESS_BURST, ADDRESS_EVERY = 20, 15.0
"""Number of failures at once from one address, and seconds until one more; an office may share an address."""
ALL_BURST, ALL_EVERY = 100, 1.0
"""The same for all addresses together, which limits the load of guessing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt with a password or a code, and the limits that it counts for."""

    who: str  # for the log; never what was typed
    limits: tuple[Limit, ...]
    what: str = "password"

    def begin(self) -> int:
        """Count it and return 0; or return the seconds to wait if nothing may be checked now."""
        taken = _limiter().take(self.limits)
        return 0 if taken.allowed else math.ceil(taken.wait)

    def succeeded(self) -> None:
        """Remove the failures of this account or browser; those of the address remain."""
        _limiter().forget([limit for limit in self.limits if isinstance(limit, Backoff)])
        _limiter().undo([limit for limit in self.limits if isinstance(limit, Rate)])

    def failed(self) -> None:
        """Log the failure. It was counted when it began."""
        log.warning("wrong %s for %s", self.what, self.who)


def _limiter() -> Limiter:
    return limiter(LOGINS, settings.REDIS_URL)


def login_attempt(request: HttpRequest, username: str) -> Attempt:
    """Return the attempt of a login with its limits."""
    user = User.objects.filter(username=username).first()  # by the database's collation
    address = network_of(request)
    who = f"{f'user {user.pk}' if user else 'an unknown user'} from {address}"
    if user is not None and (device := device_of(request, user)):
        return Attempt(who=who, limits=(Backoff(key=_key("device", f"{user.pk} {device}")),))
    # The name counts too: otherwise its other spellings would reveal which names are accounts.
    limits: list[Limit] = [Backoff(key=_key("name", folded(username)))]
    if user is not None:
        limits.append(Backoff(key=_key("account", str(user.pk))))
    return Attempt(who=who, limits=(*limits, *_of_address(address)))


def code_attempt(request: HttpRequest, user: User) -> Attempt:
    """Return the attempt with a code of the second factor, after a correct password.

    Its failures are counted separately from those with passwords, so that a correct password does not reset
    them.
    """
    address = network_of(request)
    who = f"user {user.pk} from {address}"
    if device := device_of(request, user):
        limit = Backoff(key=_key("device code", f"{user.pk} {device}"))
        return Attempt(who=who, what="code", limits=(limit,))
    limits: tuple[Limit, ...] = (Backoff(key=_key("code", str(user.pk))), *_of_address(address))
    return Attempt(who=who, what="code", limits=limits)


def passkey_attempt(request: HttpRequest, what: str = "passkey", counter: str = "") -> Attempt:
    """Return the attempt with only a passkey. Its user is not known yet, and cannot be locked out.

    `counter`: pages of other sites can send such a request, so it takes no attempt away from passwords.
    """
    address = network_of(request)
    limits: tuple[Limit, ...] = _of_address(address, counter)
    if device := any_device(request):
        limits = (Backoff(key=_key(f"device {what}", device)),)
    return Attempt(who=f"an unknown user from {address}", what=what, limits=limits)


def provider_attempt(request: HttpRequest) -> Attempt:
    """Return the attempt with a response of the identity provider. Its user is not known yet either."""
    return passkey_attempt(request, "answer of the identity provider", "provider ")


def invitation_attempt(request: HttpRequest) -> Attempt:
    """Return the attempt with the link of an invitation, whose person is not known yet."""
    return passkey_attempt(request, "link of an invitation", "invitation ")


def logout_token_attempt(request: HttpRequest) -> Attempt:
    """Return the attempt with a provider's logout token."""
    address = network_of(request)
    limits = _of_address(address, "logout ")
    return Attempt(who=f"a provider at {address}", what="logout token", limits=limits)


def challenge_attempt(request: HttpRequest) -> Attempt:
    """Return the beginning of a login, whose challenge is stored in a session: a rate for each address."""
    address = network_of(request)
    limits = (
        Rate(key=_key("challenge", address), burst=ADDRESS_BURST, every=ADDRESS_EVERY / 5),
        Rate(key="challenges", burst=ALL_BURST, every=ALL_EVERY),
    )
    return Attempt(who=f"an unknown user from {address}", what="passkey", limits=limits)


def password_change_attempt(request: HttpRequest, user: User) -> Attempt:
    """Return the attempt with the current password: the thief of a session could guess it."""
    limit = Backoff(key=_key("session", str(request.session.session_key)))
    return Attempt(who=f"user {user.pk} in a session from {network_of(request)}", limits=(limit,))


def _of_address(address: str, counter: str = "") -> tuple[Rate, Rate]:
    return (
        Rate(key=_key(f"{counter}address", address), burst=ADDRESS_BURST, every=ADDRESS_EVERY),
        Rate(key=f"{counter}all", burst=ALL_BURST, every=ALL_EVERY),
    )


def folded(name: str) -> str:
    """Return a name without case, accents and width, similar to databases' comparison of names."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _key(kind: str, value: str) -> str:
    secret = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    digest = hashlib.blake2b(value.encode(errors="replace"), key=secret, digest_size=16).hexdigest()
    return f"{kind}:{digest}"
