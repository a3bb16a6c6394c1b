"""Which events only say again what was said."""

from __future__ import annotations

import pytest

from deployments.core.repeats import LastEvent, repeats


def said(status: str, reason: str = "", stack: str = "App") -> LastEvent:
    return LastEvent(first=1, status=status, reason=reason, stack=stack)


@pytest.mark.parametrize(
    ("before", "now", "again"),
    [
        pytest.param(None, said("CREATE_IN_PROGRESS"), False, id="the first"),
        pytest.param(
            said("CREATE_IN_PROGRESS"),
            said("CREATE_IN_PROGRESS", "Resource creation Initiated"),
            True,
            id="initiated",
        ),
        pytest.param(said("CREATE_IN_PROGRESS"), said("CREATE_COMPLETE"), False, id="another status"),
        pytest.param(
            said("CREATE_COMPLETE", stack=""), said("CREATE_COMPLETE"), True, id="told by both stacks"
        ),
        pytest.param(said("CREATE_FAILED", "One"), said("CREATE_FAILED", "Two"), False, id="two failures"),
        pytest.param(
            said("CREATE_FAILED", "One"), said("CREATE_FAILED", "One"), True, id="one failure twice"
        ),
        pytest.param(
            said("CREATE_FAILED", "The following…"),
            said("CREATE_FAILED", "Embedded stack…", stack=""),
            True,
            id="a nested stack's failure told by its parent",
        ),
        pytest.param(said(""), said(""), False, id="no status"),
    ],
)
def test_an_event_repeats_what_the_last_about_its_subject_said(
    before: LastEvent | None, now: LastEvent, again: bool
) -> None:
    assert repeats(before, now) is again
