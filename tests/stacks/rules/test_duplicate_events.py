"""Events that only repeat an earlier event."""

from __future__ import annotations

import pytest

from deployments.stacks.rules.resource_state import LastEvent, is_duplicate


def event(status: str, reason: str = "", stack: str = "App") -> LastEvent:
    return LastEvent(first=1, status=status, reason=reason, stack=stack)


@pytest.mark.parametrize(
    ("before", "now", "again"),
    [
        pytest.param(None, event("CREATE_IN_PROGRESS"), False, id="the first"),
        pytest.param(
            event("CREATE_IN_PROGRESS"),
            event("CREATE_IN_PROGRESS", "Resource creation Initiated"),
            True,
            id="initiated",
        ),
        pytest.param(event("CREATE_IN_PROGRESS"), event("CREATE_COMPLETE"), False, id="another status"),
        pytest.param(
            event("CREATE_COMPLETE", stack=""), event("CREATE_COMPLETE"), True, id="reported by both stacks"
        ),
        pytest.param(event("CREATE_FAILED", "One"), event("CREATE_FAILED", "Two"), False, id="two failures"),
        pytest.param(
            event("CREATE_FAILED", "One"), event("CREATE_FAILED", "One"), True, id="one failure twice"
        ),
        pytest.param(
            event("CREATE_FAILED", "The following…"),
            event("CREATE_FAILED", "Embedded stack…", stack=""),
            True,
            id="a nested stack's failure reported by its parent",
        ),
        pytest.param(event(""), event(""), False, id="no status"),
    ],
)
def test_an_event_repeats_the_last_one_of_the_same_resource(
    before: LastEvent | None, now: LastEvent, again: bool
) -> None:
    assert is_duplicate(before, now) is again
