"""`Idempotency-Key`: a request that is sent again with its key does nothing, and gets the first response."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status

from deployments.access.api.problems import RequestRefused
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_REQUEST
from deployments.access.models.permissions import visible_deployments, visible_environments
from deployments.access.rules.roles import Right
from deployments.common.models.idempotency import IdempotencyKey

MAX_LENGTH = 255
SECRETS = ("secret",)
"""Members of responses that are not stored."""
_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request does nothing again, for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_BEFORE = uuid.UUID("5f0a2f0e-7f7a-4d0b-9c51-4b1d1c3c6f55")
"""The namespace of keys that earlier versions of Sanso stored; they expire 48 hours after the upgrade."""

Result = TypeVar("Result", bound=Schema)
Operation = Callable[..., Result]


def requests(
    router: Router,
    path: str,
    response: type[Result],
    *,
    status: int = 200,
    name: str,
    needs: Right | None = None,
    upload: int = 0,
    keeps: bool = True,
) -> Callable[[Operation[Result]], Operation[Result]]:
    """Register an operation that requests something: a POST that is remembered by its key.

    Who sends it again and may no longer view the environment, or no longer has the right that it `needs`
    about anything, does not get the response that is kept.

    The operation gets the request key, which actions take, as `request.request_key`. With `upload`, the body
    is a file, which it gets as `request.uploaded`: at most one byte more than `upload`, so that actions can
    refuse a larger one. The limit of other bodies does not apply to it. Without `keeps`, nothing is stored:
    the operation changes nothing.
    """
    documented: dict[str, Any] = {"parameters": [_HEADER]}
    if upload:
        documented["requestBody"] = {"required": True, "content": {"application/octet-stream": _FILE}}

    def registered(operation: Operation[Result]) -> Operation[Result]:
        @wraps(operation)
        def remembered(request: ApiRequest, **values: Any) -> Any:
            request.uploaded = _uploaded(request, upload + 1) if upload else b""
            content = request.uploaded if upload else request.body
            request.request_key, kept = _begun(request, content) if keeps else (uuid.uuid4(), None)
            if kept is not None and kept.body is not None:
                _refuse_unless_seen(request, values | kept.body, needs)
                return Status(status, response(**kept.body))
            try:
                result = operation(request, **values)
            except BaseException:
                if kept is not None:  # what was refused may be sent again with other values
                    IdempotencyKey.objects.without_response().filter(pk=kept.pk).delete()
                raise
            if kept is not None:
                IdempotencyKey.objects.filter(pk=kept.pk).update(body=_stored(result))
            return Status(status, result)

        # django-ninja reads the names of types in this module otherwise.
        remembered.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
        router.post(
            path,
            response={status: response, **FOR_REQUEST},
            operation_id=name,
            openapi_extra=documented,
        )(remembered)
        return cast("Operation[Result]", remembered)

    return registered


def _refuse_unless_seen(request: ApiRequest, known: Mapping[str, Any], needs: Right | None) -> None:
    """Raise Http404 or PermissionMissing if a user may no longer view what a response is about.

    `known` has the arguments of the operation and the members of the response.
    """
    if needs is not None:
        require_somewhere(request, needs)
    about = known.get("environment")
    environments = {known.get("environment_id"), about.get("id") if isinstance(about, Mapping) else None}
    for pk in environments - {None}:
        get_object_or_404(visible_environments(request.user), pk=pk)
    if pk := known.get("deployment_id"):
        get_object_or_404(visible_deployments(request.user), pk=pk)


def _stored(result: Schema) -> dict[str, Any]:
    """Return what is kept of a response: not a secret, which is returned once."""
    found = result.model_dump(mode="json")
    return found | {name: "" for name in SECRETS if name in found}


def _uploaded(request: ApiRequest, limit: int) -> bytes:
    """Return the first bytes of a body that is a file. Raise Refused for the body of an HTML form."""
    if request.content_type == "multipart/form-data":
        text = _("Send the file itself as the body, not as the field of a form.")
        raise RequestRefused(422, "InvalidRequest", text)
    return request.read(limit)


def _begun(request: ApiRequest, content: bytes) -> tuple[uuid.UUID, IdempotencyKey | None]:
    """Return the request key, and the row of the header's key; None without the header.

    Raise Refused if the key is not valid, or came with another request before.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return uuid.uuid4(), None
    if not 0 < len(given) <= MAX_LENGTH:
        raise RequestRefused(422, "InvalidKey", _("An Idempotency-Key has 1 to 255 characters."))
    fingerprint = _fingerprint(request, content)
    row = _row(request, given, fingerprint)
    if row.fingerprint != fingerprint:
        raise RequestRefused(409, "KeyReused", _("This Idempotency-Key came with another request before."))
    return row.key, row


def _row(request: ApiRequest, given: str, fingerprint: str) -> IdempotencyKey:
    """Return the row of a user's key, which is a new one if the key comes for the first time."""
    mine = IdempotencyKey.objects.filter(user=request.user)
    if before := mine.filter(key=uuid.uuid5(_BEFORE, f"{request.user.pk} {given}")).first():
        return before
    about = f"{request.user.pk} {given}"
    digest = salted_hmac("sanso idempotency key", about, algorithm="sha256").digest()
    key = uuid.UUID(bytes=digest[:16], version=5)
    now = timezone.now()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(key=key, user=request.user, fingerprint=fingerprint)
        IdempotencyKey.objects.remove_old(now)
    except IntegrityError:
        row = mine.get(key=key)
    return row


def _fingerprint(request: ApiRequest, content: bytes) -> str:
    """Return a fingerprint of what is requested. It has a secret, so that nobody guesses what it is of."""
    what = f"{request.method} {request.path}\n".encode() + content
    return salted_hmac("sanso idempotency", what, algorithm="sha256").hexdigest()
