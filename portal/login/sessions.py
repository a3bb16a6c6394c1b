"""The user's sessions: recorded at each login, listed on the page Account security, ended there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from allauth.socialaccount.models import SocialLogin
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.tokens import ApiToken
from deployments.access.pages.requests import AuthedRequest
from deployments.administration.models.replay_protection import UsedOnce
from deployments.administration.models.sessions import UserSession, end_other_sessions
from deployments.administration.rules.oidc_providers import OidcProvider
from deployments.administration.shared.sessions import apply_groups, next_check
from deployments.common.client_address import address_of
from deployments.common.models.encryption import decrypt_values
from portal.login.logout_tokens import BadLogoutToken, LogoutToken
from portal.login.oidc import uid_of

INTERVAL: Final = 300.0
"""Seconds between two notes of a session's use in one process."""
MAX_NOTES: Final = 10_000
_noted: OrderedDict[str, float] = OrderedDict()
_lock = threading.Lock()


def record(request: HttpRequest, user: User, account: SocialLogin | None) -> None:
    """Record the session of a login; for an account of a provider, with the tokens to check it."""
    about: dict[str, Any] = {}
    if account is not None:
        data = account.account.extra_data
        apply_groups(user, account.account.uid, data["groups"])
    if account is not None and account.token is not None:
        about = {"account_key": account.account.uid, "tokens": account.token.token_secret}
        about["sid_key"] = decrypt_values(account.token.token_secret).get("sid_key", "")
        about["due_at"] = next_check(timezone.now())
        ApiToken.objects.resume(user.pk)
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "address": address_of(request) or None,
            "user_agent": request.headers.get("User-Agent", "")[: UserSession.MAX_AGENT],
            **about,
        },
    )
    ended = UserSession.objects.of(user).filter(account_key__in={"", about.get("account_key", "")})
    ended.exclude(pk__in=list(ended.open().values_list("pk", flat=True))).delete()


def renamed(request: HttpRequest, earlier: str) -> None:
    """Keep the record of a session whose key was changed, as after a change of the password."""
    UserSession.objects.filter(session_key=earlier).update(session_key=request.session.session_key)


@sync_and_async_middleware
def note_use(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Note the use of sessions, every few minutes."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            pending: Awaitable[HttpResponse] = get_response(request)
            response = await pending
            if key := _key_to_note(request):
                await sync_to_async(_note)(key)
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = get_response(request)
        if key := _key_to_note(request):
            _note(key)
        return response

    return answer


@require_POST
def end_session(request: AuthedRequest, pk: int) -> HttpResponse:
    """End one of the user's sessions."""
    get_object_or_404(UserSession, pk=pk, user=request.user)
    with transaction.atomic():
        UserSession.objects.filter(pk=pk, user=request.user).end()
        _write(request, {"session": pk})
    messages.success(request, _("The session was ended."))
    return redirect("account_security")


@require_POST
def end_others(request: AuthedRequest) -> HttpResponse:
    """End all other sessions of the user."""
    with transaction.atomic():
        end_other_sessions(request.user, str(request.session.session_key))
        _write(request, {"session": "all others"})
    messages.success(request, _("All other sessions were ended."))
    return redirect("account_security")


def end_sessions(about: OidcProvider, token: LogoutToken) -> None:
    """End the sessions of a logout at a provider. Raise BadLogoutToken for a second use.

    The workers then check with the provider whether the account's API tokens may still be used.
    """
    with transaction.atomic():
        if not UsedOnce.objects.use("logout", about.issuer, token.jti, token.expires_at):
            raise BadLogoutToken("it was used before")
        account_key = uid_of(about.issuer, token.subject) if token.subject else ""
        sid_key = uid_of(about.issuer, token.sid) if token.sid else ""
        found = UserSession.objects.of_provider().of_logout(account_key, sid_key)
        for name in sorted(set(found.open().values_list("user__username", flat=True))):
            details = {"provider": about.id, "session": token.sid}
            AuditRecord.objects.write(action="provider_logout", name=name, details=details)
        found.end()


def _write(request: AuthedRequest, details: dict[str, Any]) -> None:
    user = request.user
    AuditRecord.objects.write(action="end_session", user=user, name=user.get_username(), details=details)


def _key_to_note(request: HttpRequest) -> str | None:
    """Return the key of the request's session if its use must be noted. No query."""
    user = getattr(request, "_cached_user", None)
    if user is None or not user.is_authenticated:
        return None
    key, now = str(request.session.session_key), time.monotonic()
    with _lock:
        earlier = _noted.setdefault(key, now)  # the login itself was recorded
        _noted.move_to_end(key)
        if now - earlier >= INTERVAL:
            _noted[key] = now
        while len(_noted) > MAX_NOTES:
            _noted.popitem(last=False)
    return key if now - earlier >= INTERVAL else None


def _note(key: str) -> None:
    UserSession.objects.filter(session_key=key).update(used_at=timezone.now())
