"""Bodies of requests that create an environment, and the error code of a response."""

from __future__ import annotations

from typing import Any

from tests.builders import make_account

NEW: dict[str, Any] = {"name": "shop", "parameters": {"Database": "orders", "Password": "long enough"}}


def new(**values: Any) -> dict[str, Any]:
    return NEW | {"account": make_account().pk} | values


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]
