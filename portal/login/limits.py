"""Which limits an attempt counts against, before its password is checked.

A browser in which the user has logged in before counts alone. All others count together: for the account that
the database finds, for the name as typed, for the address, and for the portal as a whole. Keys are digests:
what people type as a name may be a password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from portal.login.counters import counters
from portal.login.devices import device_of
from portal.login.rules import Backoff, Rate, Rule

log = logging.getLogger(__name__)

ADDRESS_BURST, ADDRESS_EVERY = 20, 15.0
"""Failures at once from one address, and seconds until one more: an office may share an address."""
ALL_BURST, ALL_EVERY = 100, 1.0
"""The same for all addresses together: what guessing may cost the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a password, and what it counts against."""

    who: str  # for the log; never what was typed
    rules: tuple[Rule, ...]

    def begin(self) -> int:
        """Count it and return 0; or return the seconds to wait, when the password must not be checked."""
        return math.ceil(counters().count(self.rules))

    def succeeded(self) -> None:
        """Forget the failures of this account or browser; the address keeps those of other accounts."""
        counters().forget([rule for rule in self.rules if isinstance(rule, Backoff)])
        counters().take_back([rule for rule in self.rules if isinstance(rule, Rate)])

    def failed(self) -> None:
        """Say so in the log. It was counted when it began."""
        log.warning("wrong password for %s", self.who)


def login_attempt(request: HttpRequest, username: str) -> Attempt:
    """Return what an attempt to log in counts against."""
    user = User.objects.filter(username=username).first()  # the database's collation says who is meant
    address = address_of(request)
    who = f"{f'user {user.pk}' if user else 'an unknown user'} from {address}"
    if user is not None and (device := device_of(request, user)):
        return Attempt(who=who, rules=(Backoff(key=_key("device", f"{user.pk} {device}")),))
    # The name counts besides the account, or its other spellings would show which names are accounts.
    rules: list[Rule] = [Backoff(key=_key("name", folded(username)))]
    if user is not None:
        rules.append(Backoff(key=_key("account", str(user.pk))))
    rules += [
        Rate(key=_key("address", address), burst=ADDRESS_BURST, every=ADDRESS_EVERY),
        Rate(key="all", burst=ALL_BURST, every=ALL_EVERY),
    ]
    return Attempt(who=who, rules=tuple(rules))


def password_change_attempt(request: HttpRequest, user: User) -> Attempt:
    """Return what a try of the current password counts against: who stole a session could guess it."""
    rule = Backoff(key=_key("session", str(request.session.session_key)))
    return Attempt(who=f"user {user.pk} in a session from {address_of(request)}", rules=(rule,))


def address_of(request: HttpRequest) -> str:
    """Return the caller's address as it is counted: IPv4 as it is, the first 64 bits of IPv6, else "unknown".

    A /64 is what one subscriber has: https://www.rfc-editor.org/rfc/rfc6177. The address is the connection's,
    or what a proxy says that uvicorn trusts (`--forwarded-allow-ips`).
    """
    try:
        address = ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
        address = address.ipv4_mapped
    return str(address)


def folded(name: str) -> str:
    """Return a name without case, accents and width, about as databases compare names."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _key(kind: str, value: str) -> str:
    secret = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    digest = hashlib.blake2b(value.encode(errors="replace"), key=secret, digest_size=16).hexdigest()
    return f"{kind}:{digest}"
