"""Pages of SSM's lists: NextToken is the number of returned rows."""

from sanso_sandbox.engine.registry import Record

SIZE = 50


def page(key: str, rows: list[Record], request: Record) -> Record:
    """Return the requested page of rows."""
    start = int(request.get("NextToken") or 0)
    size = int(request.get("MaxResults") or SIZE)
    answer: Record = {key: rows[start : start + size]}
    if start + size < len(rows):
        answer["NextToken"] = str(start + size)
    return answer
