"""Faults on purpose."""


def resource_failure(operation: str, logical_id: str) -> str | None:
    return None
