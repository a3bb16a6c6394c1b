"""The health strips: no gap is filled with an unobserved state, and no incident is lost."""

from __future__ import annotations

from datetime import timedelta

from deployments.environments.rules.health_status import HealthStatus
from deployments.health.display.history import DAY, SILENT_AFTER, WEEK, HealthStrip, Sample, strips
from tests.builders import START

NOW = START


def sample(hours_ago: float, status: str = "healthy", healthy: int = 2) -> Sample:
    return ("app", NOW - timedelta(hours=hours_ago), status, healthy, 2)


def strip(*samples: Sample, period: timedelta = DAY) -> HealthStrip:
    (found,) = strips(samples, ("app",), NOW - period, NOW, period)
    return found


def words(of: HealthStrip) -> list[tuple[str, float]]:
    return [(str(one.state), round(one.seconds / 60)) for one in of.intervals]


def test_a_sample_holds_until_the_next_one() -> None:
    found = strip(sample(0.3), sample(0.2, "degraded", 1), sample(0.1))

    assert words(found) == [("unknown", 24 * 60 - 18), ("healthy", 6), ("degraded", 6), ("healthy", 6)]


def test_a_sample_does_not_speak_for_ever() -> None:
    silent = SILENT_AFTER[DAY].total_seconds() / 60

    assert words(strip(sample(3)))[1:] == [("healthy", silent), ("unknown", 180 - silent)]


def test_an_interval_that_began_before_the_period_is_cut_off_at_its_beginning() -> None:
    found = strip(sample(24.1), sample(23.9))

    assert words(found)[0] == ("healthy", 6 + 20)
    assert found.intervals[0].start == NOW - DAY


def test_stretches_cover_the_period_without_gap_or_overlap() -> None:
    found = strip(
        *(sample(hours / 3, "degraded" if hours % 5 == 0 else "healthy") for hours in range(60, 0, -1))
    )

    assert found.intervals[0].start == NOW - DAY
    assert found.intervals[-1].end == NOW
    for one, following in zip(found.intervals, found.intervals[1:], strict=False):
        assert one.end == following.start


def test_the_share_is_of_the_time_that_is_known() -> None:
    assert strip(sample(0.2), sample(0.1, "unhealthy", 0)).percent == "50.0 %"
    assert strip(sample(0.2)).percent == "100 %"
    assert strip(sample(0.2, "unknown")).percent == ""


def test_what_was_always_healthy_is_a_hundred_percent_for_any_duration() -> None:
    """Of 940.356433 s, 100 * s / s is 100.00000000000001."""
    assert strip(sample(940.356433 / 3600)).percent == "100 %"


def test_a_short_incident_never_rounds_to_a_hundred_percent() -> None:
    samples = [sample(hours / 10) for hours in range(240, 0, -1)]
    samples.insert(120, sample(11.95, "degraded", 1))
    samples.insert(121, sample(11.949))

    found = strip(*samples)

    assert found.percent == "99.9 %"
    assert [one.state for one in found.incidents] == [HealthStatus.DEGRADED]
    assert 'class="is-attention"' in found.svg("")


def test_a_tier_that_nobody_sampled_has_no_strip() -> None:
    assert strips([sample(1)], ("web", "app"), NOW - WEEK, NOW, WEEK)[0].tier == "app"
    assert strips([], ("app",), NOW - DAY, NOW, DAY) == []
    assert strips([sample(30)], ("app",), NOW - DAY, NOW, DAY) == []


def test_the_strip_of_a_young_environment_begins_at_its_creation() -> None:
    created = NOW - timedelta(minutes=1)
    samples = [("app", NOW - timedelta(seconds=50), "unhealthy", 0, 2), ("app", NOW, "healthy", 2, 2)]

    (found,) = strips(samples, ("app",), created, NOW, DAY)

    assert (found.start, found.intervals[0].start) == (created, created)
    assert found.percent == "0.0 %"
