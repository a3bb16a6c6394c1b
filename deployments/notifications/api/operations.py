"""Notification targets: where notifications go, the log of what was sent, and tests."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router

from deployments.access.api import keyset
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import After, Key, Limit
from deployments.access.api.problems import validated
from deployments.access.api.requests import ApiRequest, require_scope
from deployments.access.api.schemas import FOR_LIST, FOR_ONE, Nothing
from deployments.access.models.permissions import visible_environments
from deployments.access.rules.token_scopes import ADMIN
from deployments.notifications import commands
from deployments.notifications.api.schemas import (
    DeliveryOut,
    DeliveryPage,
    NewTargetBody,
    SwitchBody,
    TargetBody,
    TargetOut,
    TargetPage,
    TargetWithSecret,
)
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.pages.forms import DestinationForm

router = Router(tags=["Notifications"])
ACCEPTED, CREATED = 202, 201


@router.get(
    "/notifications", response={200: TargetPage, **FOR_LIST}, operation_id="list_notification_targets"
)
def list_notification_targets(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit
) -> TargetPage:
    """List the user's own targets and the shared ones, the newest first."""
    rows = NotificationTarget.objects.visible_to(request.user, visible_environments(request.user))
    return TargetPage.of(request, response, keyset.before(rows, after), limit)


@router.get(
    "/notifications/{target_id}",
    response={200: TargetOut, **FOR_ONE},
    operation_id="get_notification_target",
)
def get_notification_target(request: ApiRequest, target_id: Key) -> TargetOut:
    """Return a target. Its address and its secret are never returned."""
    return TargetOut.of(_destination(request, target_id))


@requests(router, "/notifications", TargetWithSecret, status=CREATED, name="create_notification_target")
def create_notification_target(request: ApiRequest, body: NewTargetBody) -> TargetWithSecret:
    """Add a target, and return the secret that signs a webhook: once, not to a repeated request."""
    require_scope(request, ADMIN)
    return _saved(request, None, body)


@requests(router, "/notifications/{target_id}", TargetOut, name="edit_notification_target")
def edit_notification_target(request: ApiRequest, target_id: Key, body: TargetBody) -> TargetOut:
    """Change a target. Without an address it keeps the one that is stored."""
    return _saved(request, _changed(request, target_id), body)


@requests(router, "/notifications/{target_id}/secret", TargetWithSecret, name="rotate_notification_secret")
def rotate_notification_secret(request: ApiRequest, target_id: Key, body: Nothing) -> TargetWithSecret:
    """Create a new secret, and return it once. Messages are signed with both for 24 hours."""
    target = _changed(request, target_id)
    secret = commands.rotate_secret(user=request.user, target=target)
    return TargetWithSecret.with_secret(_destination(request, target_id), secret)


@requests(router, "/notifications/{target_id}/enabled", TargetOut, name="set_notification_enabled")
def set_notification_enabled(request: ApiRequest, target_id: Key, body: SwitchBody) -> TargetOut:
    """Switch a target on or off."""
    target = _changed(request, target_id)
    commands.set_enabled(user=request.user, target=target, on=body.enabled)
    return TargetOut.of(_destination(request, target_id))


@requests(router, "/notifications/{target_id}/remove", TargetOut, name="remove_notification_target")
def remove_notification_target(request: ApiRequest, target_id: Key, body: Nothing) -> TargetOut:
    """Remove a target with the log of its deliveries, and return what it was."""
    target = _changed(request, target_id)
    found = TargetOut.of(target)
    commands.remove_destination(user=request.user, target=target)
    return found


@requests(
    router,
    "/notifications/{target_id}/test",
    DeliveryOut,
    status=ACCEPTED,
    name="test_notification_target",
)
def send_test(request: ApiRequest, target_id: Key, body: Nothing) -> DeliveryOut:
    """Request a test message; it is tried once."""
    target = _changed(request, target_id)
    return DeliveryOut.of(commands.request_test(user=request.user, target=target))


@router.get(
    "/notifications/{target_id}/deliveries",
    response={200: DeliveryPage, **FOR_ONE},
    operation_id="list_deliveries",
)
def list_deliveries(
    request: ApiRequest, response: HttpResponse, target_id: Key, after: After, limit: Limit
) -> DeliveryPage:
    """List the messages to a target, the newest first."""
    return DeliveryPage.of(
        request, response, keyset.before(Delivery.objects.of(_destination(request, target_id)), after), limit
    )


@requests(
    router,
    "/notifications/{target_id}/deliveries/{delivery_id}/retry",
    DeliveryOut,
    status=ACCEPTED,
    name="retry_delivery",
)
def retry_delivery(request: ApiRequest, target_id: Key, delivery_id: Key, body: Nothing) -> DeliveryOut:
    """Send a delivery again that was given up, for another 24 hours, with the same id."""
    rows = Delivery.objects.of(_changed(request, target_id))
    commands.request_retry(user=request.user, delivery=get_object_or_404(rows, pk=delivery_id))
    return DeliveryOut.of(rows.get(pk=delivery_id))


def _destination(request: ApiRequest, pk: int) -> NotificationTarget:
    """Return a target that the user may see. Raise Http404 for any other."""
    rows = NotificationTarget.objects.visible_to(request.user, visible_environments(request.user))
    return get_object_or_404(rows, pk=pk)


def _changed(request: ApiRequest, pk: int) -> NotificationTarget:
    """Return a target that is changed. Raise Refused without the scope: one's own need no other right."""
    require_scope(request, ADMIN)
    return _destination(request, pk)


def _saved(request: ApiRequest, target: NotificationTarget | None, body: TargetBody) -> TargetWithSecret:
    form = DestinationForm(
        body.values(),
        target=target,
        environments=visible_environments(request.user).live().without_recordings(),
        may_share=True,  # the action refuses it, and records that
    )
    given = validated(form).cleaned_data
    saved = commands.save_destination(
        user=request.user,
        target=target,
        values=form.values(),
        address=given["address"],
        shared=given.get("shared", False),
        kind=given.get("kind", "webhook"),
    )
    return TargetWithSecret.with_secret(_destination(request, saved.target.pk), saved.secret)
