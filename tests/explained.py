"""The portal recognizes the cause of each failure that the sandbox's own tests cause."""

from __future__ import annotations

from deployments.failures.rules.catalogue import recognize


def assert_recognized(kind: str, reason: str, action: str) -> None:
    """Assert that the page explains a reason, and names the denied action if there is one."""
    known = recognize(kind, reason)
    assert known is not None, f"The page does not explain: {reason}"
    assert action in ("", known.values.get("action", "iam:PassRole")), reason
