"""Pages of lists by the key of the last row: no page is longer to read than the first."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

MAX_KEY = 2**63 - 1
MOST, DEFAULT = 200, 50

Row = TypeVar("Row")
AnyModel = TypeVar("AnyModel", bound=Model)
Key = Annotated[int, Field(ge=1, le=MAX_KEY, examples=[12])]
After = Annotated[
    int,
    Query(0, ge=0, le=MAX_KEY, description="The last key of the page before: the page begins after it."),
]
Limit = Annotated[int, Query(DEFAULT, ge=1, le=MOST, description="The most rows of the page.")]


def before(rows: QuerySet[AnyModel], after: int) -> QuerySet[AnyModel]:
    """Return rows before the one with this key, the newest first; all of them for 0."""
    rows = rows.order_by("-pk")
    return rows.filter(pk__lt=after) if after else rows


def page(
    request: HttpRequest, response: HttpResponse, found: list[Row], limit: int, key: str = "pk"
) -> dict[str, Any]:
    """Return the rows of a page and the address of the next one, of up to `limit` + 1 rows.

    The address is in the `Link` header as well.
    """
    rows = found[:limit]
    if len(found) <= limit:
        return {"items": rows, "next": None}
    query = request.GET.copy()
    query["after"] = str(getattr(rows[-1], key))
    following = f"{request.path}?{query.urlencode()}"
    response["Link"] = f'<{following}>; rel="next"'
    return {"items": rows, "next": following}
