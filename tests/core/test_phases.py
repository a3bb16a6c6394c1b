"""The stepper shows where a deployment stands, also after its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.intervals import BATCH_WINDOW, next_poll_at, poll_interval, retry_delay
from deployments.core.phases import (
    ACTIVE,
    PHASES,
    TERMINAL,
    TRANSITIONS,
    Kind,
    PhaseProgress,
    State,
    phase_progress,
)


@pytest.mark.parametrize("kind", list(Kind))
def test_phases_before_the_present_one_are_done_and_later_ones_wait(kind: Kind) -> None:
    for i, phase in enumerate(PHASES[kind]):
        shown = [progress for _, progress in phase_progress(kind, phase, phase)]
        rest = len(shown) - i - 1
        assert shown == [PhaseProgress.DONE] * i + [PhaseProgress.ACTIVE] + [PhaseProgress.PENDING] * rest


def test_a_failed_deployment_shows_the_phase_that_failed() -> None:
    shown = phase_progress(Kind.CREATE, State.FAILED, State.ARTIFACTS)
    assert [str(progress) for _, progress in shown] == ["done", "failed", *["pending"] * 5]


def test_a_success_shows_every_phase_done() -> None:
    shown = phase_progress(Kind.DELETE, State.SUCCEEDED, State.PREFLIGHT)
    assert {progress for _, progress in shown} == {PhaseProgress.DONE}


def test_every_active_state_has_a_way_out_and_no_end_has_one() -> None:
    assert all(TRANSITIONS[state] for state in ACTIVE)
    assert not any(TRANSITIONS[state] for state in TERMINAL)


@given(st.integers(1, 10_000), st.booleans())
def test_retries_get_slower_up_to_half_a_minute(failures: int, throttled: bool) -> None:
    assert retry_delay(failures, throttled=throttled) <= retry_delay(failures + 1, throttled=throttled) <= 30


@given(st.floats(0, 2e9), st.sampled_from(["targets", "associations", "fleet", "database"]), st.booleans())
def test_what_is_told_of_many_at_once_is_asked_for_at_common_moments(
    now: float, source: str, fast: bool
) -> None:
    delay = poll_interval(source, sandbox=False, fast=fast)
    then = next_poll_at(source, now, delay)

    assert delay * 0.49 <= then - now <= delay * 1.51
    if source in BATCH_WINDOW:
        assert then % delay == 0
        assert next_poll_at(source, now + delay / 100, delay) - then in (0, delay)
