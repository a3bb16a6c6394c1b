"""The users of sessions, their grants and visible environments: few queries for any number of sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from deployments.access.models.grants import Grant
from deployments.access.models.permissions import NOBODY
from deployments.access.models.tokens import ApiToken
from deployments.access.rules import roles
from deployments.access.rules.roles import About, Granted, Right
from deployments.environments.models.environments import Environment

MAX_LIST = 4_000
"""Maximum length of a list of grants."""
_TOKEN = "token:"  # noqa: S105  # the beginning of keys
EVERYTHING = 0
"""Stands for grants: a superuser has all rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAccess:
    """The user of a session, and the keys of the user's grants: grants never change."""

    user: int
    grants: frozenset[int]
    rights: roles.Access = NOBODY

    @property
    def grant_list(self) -> str:
        """Return the keys in the format of URLs, such as "25,26"."""
        return ",".join(map(str, sorted(self.grants)))

    def covers(self, earlier: StreamAccess) -> bool:
        """Return whether all earlier grants still exist."""
        return EVERYTHING in self.grants or earlier.grants <= self.grants

    def may_view(self, about: About | None) -> bool:
        """Return whether the user may view an environment; None means that it does not exist."""
        return about is not None and self.rights.may(Right.VIEW, about)


def of_sessions(keys: Collection[str]) -> dict[str, StreamAccess]:
    """Return the access of every session with a logged-in user, by session key.

    A session that is missing from the result has been logged out, has expired, or belongs to a user who was
    deactivated or has changed the password: Django checks the same at each request
    (`django.contrib.auth.get_user`).
    """
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    owners = {key: _user_id(session) for key, session in sessions.items()}
    users = User.objects.filter(is_active=True).in_bulk({pk for pk in owners.values() if pk is not None})
    grants = _grants(users)
    return {
        key: grants[user.pk]
        for key, session in sessions.items()
        if (user := users.get(owners[key] or 0)) and _is_verified(session, user)
    }


def of_viewers(keys: Collection[str]) -> dict[str, StreamAccess]:
    """Return the access of sessions, and of the API tokens among the keys (`key_of_token`)."""
    tokens = {key for key in keys if key.startswith(_TOKEN)}
    return of_sessions(set(keys) - tokens) | _of_tokens(tokens)


def key_of_token(pk: int) -> str:
    """Return the key of an API token among those of sessions, which have no colon."""
    return f"{_TOKEN}{pk}"


def _of_tokens(keys: Collection[str]) -> dict[str, StreamAccess]:
    """Return the access of the owners of tokens that were not revoked and have not expired."""
    rows = ApiToken.objects.usable(timezone.now()).select_related("owner")
    tokens = rows.in_bulk({int(key.removeprefix(_TOKEN)) for key in keys}) if keys else {}
    grants = _grants({token.owner_id: token.owner for token in tokens.values()})
    return {key_of_token(pk): grants[token.owner_id] for pk, token in tokens.items()}


def of_user(user: User) -> StreamAccess:
    """Return the access of a user who is logged in. Two queries."""
    return _grants({user.pk: user})[user.pk]


def environments(keys: Collection[int]) -> dict[int, About]:
    """Return the accounts and labels of environments by their keys, for checking grants. Two queries."""
    rows = Environment.objects.in_keys(keys).only("account").prefetch_related("labels")
    return {
        row.pk: About(
            account=row.account_id,
            environment=row.pk,
            labels=frozenset((label.key, label.value) for label in row.labels.all()),
        )
        for row in rows
    }


def grant_keys(text: str) -> frozenset[int]:
    """Return the keys in a list of grants from a browser; other values are left out."""
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
    """Return whether a session was opened with the user's current password."""
    signed = str(session.get(HASH_SESSION_KEY, ""))
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(signed, one) for one in valid)


def _grants(users: Mapping[int, User]) -> dict[int, StreamAccess]:
    found: dict[int, dict[int, Granted]] = defaultdict(dict)
    for through in ("user", "team__memberships__user"):
        for grant in Grant.objects.filter(**{f"{through}__in": list(users)}).annotate(holder=F(through)):
            found[vars(grant)["holder"]][grant.pk] = grant.granted
    return {
        pk: StreamAccess(
            user=pk,
            grants=frozenset({*found[pk], EVERYTHING} if user.is_superuser else found[pk]),
            rights=roles.Access(user=pk, is_superuser=user.is_superuser, grants=tuple(found[pk].values())),
        )
        for pk, user in users.items()
    }
