"""Pages of RDS's lists: MaxRecords and Marker, as its Describe actions check them."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Parameters, Refused

Row = TypeVar("Row")
MOST: Final = 100


def page(parameters: Parameters, rows: Sequence[Row], key: Callable[[Row], str]) -> tuple[Sequence[Row], str]:
    """Return the rows after the marker, and the XML of the next one. Raises Refused for other limits.

    Args:
        key: returns what identifies a row in a marker.
    """
    limit = query.value(parameters, "MaxRecords", str(MOST))
    if not limit.isdecimal() or not 20 <= int(limit) <= MOST:
        raise Refused(
            "InvalidParameterValue", f"Invalid value {limit} for MaxRecords. Must be between 20 and 100"
        )
    marker = query.value(parameters, "Marker")
    keys = [key(row) for row in rows]
    if marker and marker not in keys:
        raise Refused("InvalidParameterValue", "Invalid marker.")
    first = keys.index(marker) + 1 if marker else 0
    last = first + int(limit)
    more = f"<Marker>{query.xml(keys[last - 1])}</Marker>" if last < len(rows) else ""
    return rows[first:last], more
