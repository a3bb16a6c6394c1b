"""Set up notification targets, test them, and resend deliveries that were given up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone, translation

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.models.permissions import can, can_somewhere
from deployments.access.rules.roles import Right
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt_values, encrypt_values
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.standard_webhooks import ROTATION, new_secret, rotated
from deployments.notifications.rules.topics import CHOSEN, Topic
from deployments.notifications.senders.apprise_url import scheme_of
from deployments.notifications.senders.native_urls import service_url
from deployments.notifications.senders.webhook import read_url
from deployments.notifications.shared import outbox

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_TARGETS = 20
"""Maximum number of a person's own targets, and of shared ones."""
SHOWN = ("name", "topics", "language", "account_id", "environment_id", "label_key", "label_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A target, and the secret of a new webhook: it is displayed once. "" if there is no new one."""

    target: NotificationTarget
    secret: str = ""


def right_for(*, shared: bool) -> Right:
    """Return the right that targets require; for one's own, to view any environment."""
    return Right.MANAGE_NOTIFICATIONS if shared else Right.VIEW


def may_set_up(user: User, *, shared: bool) -> bool:
    """Return whether a person may set up their own targets, or the shared ones."""
    right = right_for(shared=shared)
    return can(user, right) if shared else can_somewhere(user, right)


def save_destination(
    *,
    user: User,
    target: NotificationTarget | None,
    values: Mapping[str, Any],
    address: str,
    shared: bool,
    kind: str = "webhook",
) -> Saved:
    """Add a target (`target` None) or edit one; its kind stays. An empty address keeps the stored one.

    The address that Slack, Discord, Teams or Google Chat gives for messages makes it one of that service,
    whatever was chosen.

    Raise UserFixable with the field to correct; PermissionDenied for one of another person.
    """
    shared = target.is_shared if target else shared
    action = "edit_notification" if target else "add_notification"
    request = CommandRequest(
        user=user,
        action=action,
        permission=right_for(shared=shared),
        anywhere=not shared,
        name=str(values["name"]),
        details={"shared": shared},
        before=_shown({name: getattr(target, name) for name in values}) if target else None,
        after=_shown(values),
    )
    service = _service(address, target, kind)
    kind, address = ("service", service) if service else (kind, address)
    with requesting(request):
        secret = ""
        if target is None:
            row = NotificationTarget(owner=None if shared else user, created_by=user, kind=kind)
            _refuse_too_many(row)
            if kind == "webhook":
                row.sealed_secret = encrypt_values({"now": (secret := new_secret())})
        else:
            row = _of(user, target)
            if service:
                row.kind, row.sealed_secret = kind, ""
        for name, value in values.items():
            setattr(row, name, value)
        row.time_zone = timezone.get_current_timezone_name()
        row.language = row.language or translation.get_language() or "en"
        _check(row)
        if address or target is None:
            _set_address(row, address)
        row.save()
        return Saved(target=row, secret=secret)


def _service(address: str, target: NotificationTarget | None, kind: str) -> str:
    """Return the address for apprise of a pasted one; "" if it is of no service."""
    return service_url(address, target.kind if target else kind)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for the audit record."""
    return {name: values[name] for name in SHOWN if name in values}


def _refuse_too_many(row: NotificationTarget) -> None:
    if NotificationTarget.objects.filter(owner=row.owner).count() >= MAX_TARGETS:
        raise UserFixable("TooMany", Code.NOTIFY_TOO_MANY, limit=MAX_TARGETS)


def _set_address(row: NotificationTarget, address: str) -> None:
    """Store the address of a target. A person's own emails go only to the address of their user.

    Raise UserFixable with the field to correct.
    """
    if row.kind == "webhook":
        row.hint, row.sealed_address = read_url(address).hint, encrypt_values({"url": address})
        return
    if row.kind == "service":
        row.hint = f"{scheme_of(address, settings.SANSO_NOTIFY_SCHEMES)}://…"
        row.sealed_address = encrypt_values({"url": address})
        return
    if not settings.SANSO_MAIL:
        raise UserFixable("MailOff", Code.NOTIFY_MAIL_OFF, "kind")
    if row.owner is not None:
        address = row.owner.email
        if not address:
            raise UserFixable("MailMissing", Code.NOTIFY_MAIL_MISSING, "kind")
    try:
        validate_email(address)
    except ValidationError:
        raise UserFixable("MailInvalid", Code.NOTIFY_MAIL_INVALID, "address") from None
    row.hint, row.sealed_address = address, encrypt_values({"email": address})


def _check(row: NotificationTarget) -> None:
    if not row.name.strip():
        raise UserFixable("NameMissing", Code.NOTIFY_NAME_MISSING, "name")
    if not set(row.topics) & set(CHOSEN):
        raise UserFixable("TopicsMissing", Code.NOTIFY_TOPICS_MISSING, "topics")


def remove_destination(*, user: User, target: NotificationTarget) -> None:
    """Remove a target with the log of its deliveries. Pending messages are not sent."""
    with requesting(_request(user, target, "remove_notification")):
        _of(user, target).delete()


def rotate_secret(*, user: User, target: NotificationTarget) -> str:
    """Create a new signing secret and return it. Messages are signed with both for 24 hours.

    Raise UserFixable if the target is not a webhook.
    """
    with requesting(_request(user, target, "rotate_notification_secret")):
        row = _of(user, target)
        if row.kind != "webhook":
            raise UserFixable("NoSecret", Code.NOTIFY_NOT_SIGNED)
        keys = rotated(decrypt_values(row.sealed_secret))
        row.sealed_secret, row.before_until = encrypt_values(keys), timezone.now() + ROTATION
        row.save(update_fields=["sealed_secret", "before_until"])
        return keys["now"]


def set_enabled(*, user: User, target: NotificationTarget, on: bool) -> None:
    """Switch a target on or off."""
    with requesting(_request(user, target, "enable_notification" if on else "disable_notification")):
        row = _of(user, target)
        row.enabled, row.disabled_reason = on, {}
        row.disabled_at = None if on else timezone.now()
        row.save(update_fields=["enabled", "disabled_reason", "disabled_at"])


def request_test(*, user: User, target: NotificationTarget) -> Delivery:
    """Request a test message; it is tried once. Raise UserFixable if one is being sent."""
    with requesting(_request(user, target, "test_notification")):
        row = _of(user, target)
        if Delivery.objects.pending().filter(target=row, topic=Topic.TEST).exists():
            raise UserFixable("TestPending", Code.NOTIFY_TEST_PENDING)
        return outbox.test(row, f"{Topic.TEST}:{uuid.uuid4().hex}", timezone.now())


def request_retry(*, user: User, delivery: Delivery) -> None:
    """Resend a delivery that was given up, for another 24 hours and with the same id.

    Raise UserFixable if it was not given up.
    """
    with requesting(_request(user, delivery.target, "retry_notification")):
        _of(user, delivery.target)
        now = timezone.now()
        failed = Delivery.objects.filter(pk=delivery.pk, state="failed")
        if not failed.update(state="pending", due_at=now, ended_at=None, retried_at=now, attempts=0):
            raise UserFixable("NotEnded", Code.NOTIFY_NOT_ENDED)


def _of(user: User, target: NotificationTarget) -> NotificationTarget:
    """Return the locked row of a person's own target, or of a shared one that the permission covers."""
    rows = NotificationTarget.objects.select_for_update()
    return rows.get(pk=target.pk, owner=None if target.is_shared else user)


def _request(user: User, target: NotificationTarget, action: str) -> CommandRequest:
    shared = target.is_shared
    permission = right_for(shared=shared)
    return CommandRequest(
        user=user, action=action, permission=permission, name=target.name, anywhere=not shared
    )
