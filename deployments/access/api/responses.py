"""The documented errors of operations: no operation returns another one.

Each is a `Problem`, which `DocumentedApi` adds to the document: django-ninja would build a model of its own
for every status of every operation.
"""

from __future__ import annotations

from typing import Any

FOR_LIST: dict[int, Any] = dict.fromkeys((401, 403, 422, 429))
FOR_ONE: dict[int, Any] = dict.fromkeys((401, 403, 404, 422, 429))
CONFLICT: dict[int, Any] = {409: None}
FOR_REQUEST: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503))
