"""What many operations of the OpenAPI document have in common: headers, and an example of each error."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final


def _number(description: str, example: int) -> dict[str, Any]:
    schema = {"type": "string", "pattern": r"^\d+$", "examples": [str(example)]}
    return {"description": description, "required": True, "schema": schema}


def _text(description: str, example: str) -> dict[str, Any]:
    return {
        "description": description,
        "required": True,
        "schema": {"type": "string", "examples": [example]},
    }


HEADERS: Final[dict[str, Any]] = {
    "RateLimit-Limit": _number("Requests of this token, or address, in a minute.", 600),
    "RateLimit-Remaining": _number("How many of them are left.", 599),
    "RateLimit-Reset": _number("Seconds until one more of them is left.", 1),
    "Retry-After": _number("Seconds after which to try again.", 42),
    "ETag": _text("Send it in If-None-Match to get 304 while nothing has changed.", '"5e6f7a8b9c0d1e2f"'),
    "WWW-Authenticate": _text("What is required.", 'Bearer realm="Sanso"'),
}
OF_EVERY_RESPONSE: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
OF_STATUS: Final[Mapping[int, tuple[str, ...]]] = {401: ("WWW-Authenticate",), 429: ("Retry-After",)}
MAX_ETAG = 1000
IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an earlier response: 304 without a body if nothing has changed.",
    "schema": {"type": "string", "maxLength": MAX_ETAG},
}


def _problem(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    whole = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    return whole | {"message": "", "values": {}, "errors": []} | members


EXAMPLES: Final[Mapping[int, dict[str, Any]]] = {
    400: _problem(400, "InvalidRequest", "The request is not valid."),
    401: _problem(401, "NotAuthenticated", "A valid API token is required."),
    403: _problem(
        403,
        "PermissionDenied",
        "Permission denied: “Change” is missing, or the token does not have its scope.",
        values={"permission": "deployments.change_environment"},
    ),
    404: _problem(404, "NotFound", "Not found."),
    409: _problem(
        409,
        "EnvironmentBusy",
        "shop is being changed by ana (deployment 12).",
        message="environment_being_changed",
        values={"environment": "shop", "user": "ana", "deployment": "12"},
    ),
    413: _problem(413, "RequestTooLarge", "The request is too large."),
    422: _problem(
        422,
        "InvalidRequest",
        "The request is not valid.",
        errors=[{"field": "name", "code": "IllegalName", "detail": "Must start with a letter."}],
    ),
    429: _problem(429, "TooManyRequests", "Too many requests. Try again later."),
    503: _problem(503, "InternalError", "Something went wrong."),
}
