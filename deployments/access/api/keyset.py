"""Pages of lists by the key of the last row: no page is longer to read than the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Self, TypeVar, get_args

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Schema
from pydantic import Field

MAX_KEY = 2**63 - 1
MOST, DEFAULT = 200, 50

Row = TypeVar("Row")
Item = TypeVar("Item", bound=Schema)
AnyModel = TypeVar("AnyModel", bound=Model)
Rows = QuerySet[Any] | Sequence[Any]
Key = Annotated[int, Field(ge=1, le=MAX_KEY, examples=[12])]
After = Annotated[
    int,
    Query(0, ge=0, le=MAX_KEY, description="The last key of the page before: the page begins after it."),
]
Limit = Annotated[int, Query(DEFAULT, ge=1, le=MOST, description="The most rows of the page.")]
Next = Field(
    default=None,
    description="The address of the next page, null on the last one; also in the `Link` header.",
    examples=["/api/v1/environments?limit=50&after=12"],
)


class Page(Schema, Generic[Item]):
    """A page of a list. Each list has a class of its own, whose name and text stand in the API's document."""

    items: list[Item]
    next: str | None = Next

    @classmethod
    def of(
        cls, request: HttpRequest, response: HttpResponse, rows: Rows, limit: int, key: str = "id"
    ) -> Self:
        """Return the page that begins with the first of these rows, each as the `of` of its schema."""
        item: Any = get_args(cls.model_fields["items"].annotation)[0]
        found = [item.of(row) for row in rows[: limit + 1]]
        return cls(**page(request, response, found, limit, key))


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
