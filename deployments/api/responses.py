"""The documented errors of operations: no operation returns another one."""

from __future__ import annotations

from typing import Any

from deployments.api.problems import Problem

FOR_LIST: dict[int, Any] = {401: Problem, 403: Problem, 422: Problem, 429: Problem}
FOR_ONE: dict[int, Any] = {401: Problem, 403: Problem, 404: Problem, 422: Problem, 429: Problem}
FOR_REQUEST: dict[int, Any] = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 409: Problem}
FOR_REQUEST |= {422: Problem, 429: Problem, 503: Problem}
