"""The parameters of lists, and the refusal of parameters that an operation does not have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Query
from pydantic import AwareDatetime, Field

from deployments.access.api.keyset import MAX_KEY
from deployments.access.api.problems import FieldProblem, RequestRefused
from deployments.access.api.schema_parts import MAX_ETAG
from deployments.common.pages.choices import MAX_SEARCH

Name = Annotated[str | None, Query(None, max_length=60, description="Only those with this name.")]
Account = Annotated[int | None, Field(ge=1, le=MAX_KEY, description="Only those in this account.")]
Set = Annotated[
    int | None, Field(ge=1, le=MAX_KEY, description="Only those with a version of this template set.")
]
Label = Annotated[
    str | None,
    Field(
        max_length=110,
        pattern=r"^[^=]+=.+$",
        description="Only those of environments with this label, as key=value.",
        examples=["team=payments"],
    ),
]
Search = Annotated[
    str,
    Field(
        max_length=MAX_SEARCH,
        description="Only those that the search of the pages finds: by name, user, version or key=value.",
        examples=["shop"],
    ),
]
Since = Annotated[AwareDatetime | None, Field(description="Only those created at this time or later.")]
Until = Annotated[AwareDatetime | None, Field(description="Only those created before this time.")]


def known_parameters(run: Any) -> Any:
    """Let an operation refuse parameters of the address that it does not have, as unknown fields of a body.

    It is a decorator of django-ninja (`add_decorator`), which gets the method `run` of each operation. The
    parameters are compared after the authentication, and before anything is done.
    """
    operation = run.__self__
    names = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
    operation.view_func = _refusing_others(operation.view_func, names)
    return run


def _refusing_others(view: Callable[..., Any], names: set[str]) -> Callable[..., Any]:
    @wraps(view)
    def checked(request: Any, *args: Any, **values: Any) -> Any:
        if len(request.headers.get("If-None-Match", "")) > MAX_ETAG:
            raise RequestRefused(422, "InvalidRequest", _("The header If-None-Match is too long."))
        if unknown := [name for name in request.GET if name not in names]:
            text = _("The parameter is unknown.")
            raise RequestRefused(
                422,
                "InvalidRequest",
                _("The request is not valid."),
                [FieldProblem(field=name[:100], code="extra_forbidden", detail=text) for name in unknown],
            )
        return view(request, *args, **values)

    return checked
