"""Who is logged in by which session, and what they may do: four queries for any number of sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

MAX_LIST = 4_000
"""Characters of a list of permissions that are read."""
EVERYTHING = 0
"""Stands among the ids of permissions for what a superuser may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The user of a session, and the ids of the permissions that the user has."""

    user: int
    permissions: frozenset[int]

    @property
    def permission_list(self) -> str:
        """Return the ids as an address carries them, such as "25,26"."""
        return ",".join(map(str, sorted(self.permissions)))

    def covers(self, earlier: Access) -> bool:
        """Return whether everything that was permitted earlier still is."""
        return EVERYTHING in self.permissions or earlier.permissions <= self.permissions


def of_sessions(keys: Collection[str]) -> dict[str, Access]:
    """Return the access of every session, by its key, in which somebody is logged in.

    A session that is missing from the result has been logged out, has expired, or belongs to a user who was
    deactivated or has another password now: what Django checks at each request
    (`django.contrib.auth.get_user`). Whoever is logged in may view every deployment.
    """
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    owners = {key: _user_id(session) for key, session in sessions.items()}
    users = User.objects.filter(is_active=True).in_bulk({pk for pk in owners.values() if pk is not None})
    permissions = _permissions(users)
    return {
        key: Access(user=user.pk, permissions=permissions[user.pk])
        for key, session in sessions.items()
        if (user := users.get(owners[key] or 0)) and _is_verified(session, user)
    }


def of_user(user: User) -> Access:
    """Return the access of a user who is logged in. Two queries."""
    return Access(user=user.pk, permissions=_permissions({user.pk: user})[user.pk])


def permission_ids(text: str) -> frozenset[int]:
    """Return the ids in a list of permissions that a browser sent; whatever is no id is left out."""
    ids = text[:MAX_LIST].split(",")
    return frozenset(int(pk) for pk in ids if pk.isascii() and pk.isdecimal())


def _user_id(session: Mapping[str, Any]) -> int | None:
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    try:
        return int(session[SESSION_KEY])
    except (KeyError, TypeError, ValueError):
        return None


def _is_verified(session: Mapping[str, Any], user: User) -> bool:
    """Return whether a session was opened with the password that the user has now."""
    signed = str(session.get(HASH_SESSION_KEY, ""))
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(signed, one) for one in valid)


def _permissions(users: Mapping[int, User]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for user in users.values():
        if user.is_superuser:
            found[user.pk].add(EVERYTHING)
    for through in ("user", "group__user"):
        held = Permission.objects.filter(**{f"{through}__in": list(users)})
        for user_id, permission in held.values_list(through, "pk"):
            found[user_id].add(permission)
    return {pk: frozenset(found[pk]) for pk in users}
