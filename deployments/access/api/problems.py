"""Errors as problem+json (RFC 9457): the codes and texts of the pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from deployments.access.texts.commands import permission_name
from deployments.common.deadlocks import is_repeated
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text

log = logging.getLogger(__name__)

AnyForm = TypeVar("AnyForm", bound=BaseForm)

CONTENT_TYPE = "application/problem+json"
CONFLICTS = frozenset({"EnvironmentBusy", "NameTaken"})
"""Errors with a field that are about the state of something else, as are all without a field but these:"""
ABOUT_VALUES = frozenset({"UnknownParameter", "RuleNotMet", "BadParameter"})


class RequestRefused(Exception):
    """Raised when the API itself refuses a request, with the problem's status, code and text."""

    def __init__(self, status: int, code: str, detail: str, errors: Iterable[FieldProblem] = ()) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.errors = status, code, detail, list(errors)


class FieldProblem(Schema):
    """What is wrong with one value of a request."""

    field: str = Field(description="The value's path in the body or the query.", examples=["name"])
    code: str = Field(examples=["IllegalName"])
    detail: str = Field(examples=["Must start with a letter, and have letters, digits and hyphens only."])


class Problem(Schema):
    """An error (RFC 9457). Programs read `code`; `detail` is for people, in the request's language."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    code: str = Field(description="A stable code.", examples=["EnvironmentBusy"])
    detail: str = Field(examples=["shop is being changed by ana (deployment 12)."])
    message: str = Field(
        default="", description="The code of the text.", examples=["environment_being_changed"]
    )
    values: dict[str, str] = Field(default={}, description="The values of the text.")
    errors: list[FieldProblem] = Field(default=[], description="What is wrong with the values sent.")


def problem(
    status: int, code: str, detail: str, *, errors: Iterable[FieldProblem] = (), **members: Any
) -> HttpResponse:
    """Return a response with a problem."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "message": "",
        "values": {},
        "errors": [one.model_dump() for one in errors],
        **members,
    }
    response = HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type=CONTENT_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="Sanso"'
    return response


def not_found(request: HttpRequest, exc: Any = None) -> HttpResponse:
    """Return that something does not exist, or that the user may not see it."""
    return problem(404, "NotFound", _("Not found."))


def of_user_fixable(request: HttpRequest, exc: Any) -> HttpResponse:
    """Return what the user can fix: 409 if it is about a state, 422 if it is about the values sent."""
    error: UserFixable = exc
    is_about_values = (error.field or error.code in ABOUT_VALUES) and error.code not in CONFLICTS
    text = error_text(error)
    errors = [FieldProblem(field=_name(error.field), code=error.code, detail=text)] if error.field else []
    return problem(
        422 if is_about_values else 409,
        error.code,
        text,
        errors=errors,
        message=str(error.message.code),
        values=dict(error.message.params),
    )


def of_form(form: BaseForm) -> RequestRefused:
    """Return what is wrong with the values of a form, to be raised."""
    found = [
        FieldProblem(field=_name(field), code=str(error.code or "invalid"), detail=" ".join(error.messages))
        for field, errors in form.errors.as_data().items()
        for error in errors
    ]
    return RequestRefused(422, "InvalidRequest", _("The request is not valid."), found)


def validated(form: AnyForm) -> AnyForm:
    """Return a form whose values are valid. Raise Refused with what is wrong with them."""
    if not form.is_valid():
        raise of_form(form)
    return form


def _name(field: str) -> str:
    """Return the path of a form's field in the body: parameters are in an object of their own."""
    name = field.removeprefix("parameter_")
    return f"parameters.{name}" if name != field else "" if field == NON_FIELD_ERRORS else field


def _refused(request: HttpRequest, exc: Any) -> HttpResponse:
    found: RequestRefused = exc
    return problem(found.status, found.code, found.detail, errors=found.errors)


def _denied(request: HttpRequest, exc: Any) -> HttpResponse:
    permission = str(getattr(exc, "permission", ""))
    text = _("Permission denied.")
    if permission:
        text = _("Permission denied: “%(permission)s” is missing, or the token does not have its scope.") % {
            "permission": permission_name(permission)
        }
    return problem(403, "PermissionDenied", text, values={"permission": permission} if permission else {})


def _not_valid(request: HttpRequest, exc: Any) -> HttpResponse:
    found: ValidationError = exc
    errors = [
        FieldProblem(field=_path(one["loc"]), code=str(one["type"]), detail=str(one["msg"]))
        for one in found.errors
    ]
    return problem(422, "InvalidRequest", _("The request is not valid."), errors=errors)


def _path(location: Iterable[Any]) -> str:
    """Return where a value is, without the names of the function's arguments."""
    source, *rest = [str(part) for part in location]
    return ".".join(rest[1:] if source == "body" and len(rest) > 1 else rest) or source


def _http_error(request: HttpRequest, exc: Any) -> HttpResponse:
    found: HttpError = exc
    if found.status_code == HTTPStatus.FORBIDDEN:
        return problem(403, "CsrfFailed", _("The CSRF token is missing or not valid."))
    return problem(found.status_code, "InvalidRequest", _("The request is not valid."))


def _suspicious(request: HttpRequest, exc: Any) -> HttpResponse:
    """Return what Django refuses to read: too many fields, or no valid form."""
    return problem(400, "InvalidRequest", _("The request is not valid."))


def _too_large(request: HttpRequest, exc: Any) -> HttpResponse:
    return problem(413, "RequestTooLarge", _("The request is too large."))


def _not_authenticated(request: HttpRequest, exc: Any) -> HttpResponse:
    return problem(401, "NotAuthenticated", _("A valid API token is required."))


def _broken(request: HttpRequest, exc: Any) -> HttpResponse:
    if is_repeated(request, exc):
        raise exc
    reference = uuid4().hex[:8]
    log.error("%s %s failed, reference %s", request.method, request.path, reference, exc_info=exc)
    return problem(500, "InternalError", _("Something went wrong."), values={"reference": reference})


def add_handlers(api: NinjaAPI) -> None:
    """Let every error of an API become a problem."""
    api.add_exception_handler(UserFixable, of_user_fixable)
    api.add_exception_handler(RequestRefused, _refused)
    api.add_exception_handler(PermissionDenied, _denied)
    api.add_exception_handler(Http404, not_found)
    api.add_exception_handler(ValidationError, _not_valid)
    api.add_exception_handler(AuthenticationError, _not_authenticated)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(SuspiciousOperation, _suspicious)
    api.add_exception_handler(RequestDataTooBig, _too_large)
    api.add_exception_handler(Exception, _broken)
