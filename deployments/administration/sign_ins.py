"""Audit records of logins, logouts and passwords, at the signals of Django and allauth.

Of failed logins, one for each name and address is recorded in a minute; the log has every one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save, pre_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from deployments.access.models.audit_records import AuditRecord
from deployments.common import request_context

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MINUTE = timedelta(minutes=1)
_SECOND_FACTORS = {
    "authenticator_added": "add_authenticator",
    "authenticator_removed": "remove_authenticator",
    "authenticator_reset": "reset_authenticator",
}


def connect() -> None:
    """Receive the signals."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit.signed_out")
    user_login_failed.connect(_failed, dispatch_uid="audit.failed")
    pre_save.connect(_before_save, sender=get_user_model(), dispatch_uid="audit.password")
    post_save.connect(_after_save, sender=get_user_model(), dispatch_uid="audit.user")
    if apps.is_installed("allauth.mfa"):
        for name, action in _SECOND_FACTORS.items():
            signal = import_string(f"allauth.mfa.signals.{name}")
            signal.connect(_second_factor(action), dispatch_uid=f"audit.{name}", weak=False)


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    """Record a login of a web request, with its new session."""
    if request_context.current().by == request_context.SESSION:
        by_id = request_context.session_id(request.session.session_key)
        AuditRecord.objects.write(action="sign_in", user=user, name=user.get_username(), by_id=by_id)


def _signed_out(*, user: User | None, **_: Any) -> None:
    if user is not None and request_context.current().by == request_context.SESSION:
        AuditRecord.objects.write(action="sign_out", user=user, name=user.get_username())


def _failed(*, credentials: dict[str, Any], **_: Any) -> None:
    """Record a failed login. What was typed is stored only if a user has that name.

    Of each name and address there is one record in a minute: guessing does not fill the table.
    """
    by = request_context.current()
    if by.by != request_context.SESSION:
        return
    typed = str(credentials.get("username") or credentials.get("login") or "")
    user = get_user_model().objects.filter(username=typed).first() if typed else None
    name = user.get_username() if user else ""
    if not AuditRecord.objects.failed_logins(by.address, timezone.now() - MINUTE).filter(name=name).exists():
        AuditRecord.objects.write(action="sign_in_failed", outcome="refused", name=name)


def _before_save(*, instance: User, **_: Any) -> None:
    """Record a new password before it is stored: without the record, the password stays."""
    by = request_context.current()
    if instance._state.adding or getattr(instance, "_password", None) is None or not by.by:
        return
    AuditRecord.objects.write(
        action="change_password",
        user=_person(by),
        name=instance.get_username(),
        before={"password": "before"},
        after={"password": "changed"},
    )


def _after_save(*, instance: User, created: bool, **_: Any) -> None:
    """Record a user that a command has added; those of the admin are recorded there."""
    if created and request_context.current().by == request_context.COMMAND:
        after = {"username": instance.get_username(), "is_superuser": instance.is_superuser}
        AuditRecord.objects.write(action="add_user", name=instance.get_username(), before={}, after=after)


def _person(by: request_context.RequestContext) -> User | None:
    return by.person if by.person is not None and by.person.is_authenticated else None


def _second_factor(action: str) -> Callable[..., None]:
    def record(*, user: User, authenticator: Any, **_: Any) -> None:
        AuditRecord.objects.write(
            action=action,
            user=_person(request_context.current()) or user,
            name=user.get_username(),
            details={"type": str(authenticator.type)},
        )

    return record
