"""Retries of deliveries, the meaning of responses, and the signature of webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deployments.environments.rules.health_status import HealthStatus
from deployments.environments.rules.phases import TERMINAL, State
from deployments.notifications.rules.standard_webhooks import (
    new_secret,
    rotated,
    signed_headers,
    valid_secrets,
)
from deployments.notifications.rules.topics import (
    DELAYS,
    GIVE_UP,
    JITTER,
    WORSE_FOR,
    HealthSeen,
    Reception,
    Topic,
    belongs_in_digest,
    follow_health,
    is_late,
    next_attempt,
    reception,
    retry_after_seconds,
    topic_of_result,
)

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
FRACTION = st.floats(0, 1)


@given(jitters=st.lists(FRACTION, min_size=200, max_size=200))
def test_a_delivery_is_tried_for_a_day_and_then_given_up(jitters: list[float]) -> None:
    at: datetime | None = NOW
    times = []
    for attempts, jitter in enumerate(jitters, start=1):
        assert at is not None
        times.append(at)
        at = next_attempt(NOW, at, attempts, jitter)
        if at is None:
            break
    else:
        pytest.fail("it is never given up")

    assert times[-1] == NOW + GIVE_UP
    assert times == sorted(set(times))
    assert 8 <= len(times) <= 20


@given(attempts=st.integers(1, 50), jitter=FRACTION, retry_after=st.none() | st.floats(0, 1e9))
def test_the_next_attempt_is_after_the_delay_and_what_the_receiver_asked_for(
    attempts: int, jitter: float, retry_after: float | None
) -> None:
    at = next_attempt(NOW, NOW, attempts, jitter, retry_after)

    assert at is not None
    waited = (at - NOW).total_seconds()
    delay = DELAYS[min(attempts, len(DELAYS)) - 1]
    assert delay - 1e-3 <= waited <= GIVE_UP.total_seconds()
    if retry_after is None:
        assert waited <= delay * (1 + JITTER) + 1e-3
    elif retry_after <= 6 * 3600:
        assert waited >= retry_after - 1e-3


@given(status=st.integers(100, 599))
def test_only_a_status_of_200_to_299_means_that_it_was_received(status: int) -> None:
    assert (reception(status) is Reception.SENT) == (status // 100 == 2)
    assert (reception(status) is Reception.GONE) == (status == 410)


@given(text=st.text())
def test_any_text_of_a_retry_after_header_is_read_or_ignored(text: str) -> None:
    assert (retry_after_seconds(text, NOW) or 0.0) >= 0.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 24 Nov 2026 14:01:00 GMT", 60.0),
        ("Tue, 24 Nov 2026 13:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_has_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(body=st.binary(max_size=200), number=st.integers(1, 3))
def test_the_public_library_verifies_the_signature_with_each_secret(body: bytes, number: int) -> None:
    secrets = [new_secret() for _ in range(number)]
    now = datetime.now(UTC)
    headers = signed_headers("msg_1", now, b'{"a": %d}' % len(body), secrets)
    content = b'{"a": %d}' % len(body)

    for secret in secrets:
        assert Webhook(secret).verify(content, headers) == {"a": len(body)}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(content, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(content + b" ", headers)
    old = signed_headers("msg_1", now - timedelta(minutes=6), content, secrets)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(content, old)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_every_result_has_its_topic(state: State) -> None:
    expected = Topic.DEPLOYMENT_SUCCEEDED if state is State.SUCCEEDED else Topic.DEPLOYMENT_FAILED
    assert topic_of_result(state, was_canceled=False) is expected
    assert topic_of_result(state, was_canceled=True) is Topic.DEPLOYMENT_CANCELED


# --- health, forecasts and digests -----------------------------------------------------------------

STATUSES = [str(status) for status in HealthStatus]


def followed(*observed: tuple[float, str]) -> list[tuple[str, str]]:
    """Return the changes to notify about for a sequence of (seconds, status)."""
    seen: HealthSeen | None = None
    found = []
    for seconds, status in observed:
        before = seen
        seen, is_change = follow_health(before, status, NOW + timedelta(seconds=seconds))
        if is_change:
            assert before is not None
            found.append((before.notified, seen.notified))
    return found


def test_health_that_is_worse_for_a_minute_is_notified_and_a_shorter_one_is_not() -> None:
    blip = [(0, "healthy"), (30, "unhealthy"), (60, "healthy"), (90, "healthy")]
    assert followed(*blip) == []
    outage = [*blip, (120, "unhealthy"), (150, "unhealthy"), (180, "unhealthy"), (210, "unhealthy")]
    assert followed(*outage) == [("healthy", "unhealthy")]
    back = [*outage, (240, "healthy"), (300, "healthy"), (359, "healthy")]
    assert followed(*back) == [("healthy", "unhealthy")]
    assert followed(*back, (360, "healthy")) == [("healthy", "unhealthy"), ("unhealthy", "healthy")]


def test_an_unknown_health_is_no_change() -> None:
    assert followed((0, "unknown"), (60, "healthy"), (300, "healthy")) == []
    assert followed((0, "healthy"), (60, "unknown"), (300, "unknown"), (400, "healthy")) == []


@given(steps=st.lists(st.tuples(st.integers(1, 200), st.sampled_from(STATUSES)), max_size=40))
def test_notified_changes_follow_each_other_and_are_never_faster_than_the_shortest_time(
    steps: list[tuple[int, str]],
) -> None:
    seen: HealthSeen | None = None
    now, last, notified = NOW, None, None
    for seconds, status in steps:
        now += timedelta(seconds=seconds)
        before = seen
        seen, is_change = follow_health(before, status, now)
        if is_change:
            assert before is not None
            assert before.notified != seen.notified == status
            assert notified in (None, before.notified)
            assert last is None or now - last >= WORSE_FOR
            last, notified = now, seen.notified


@given(predicted=st.floats(1, 1e5), slip=st.floats(-1e5, 1e5))
def test_a_deployment_is_late_by_five_minutes_and_a_quarter(predicted: float, slip: float) -> None:
    first = NOW + timedelta(seconds=predicted)
    late = is_late(NOW, first, first + timedelta(seconds=slip))
    if slip > max(301, 0.26 * predicted):
        assert late
    if slip < max(299, 0.24 * predicted):
        assert not late


def test_the_eleventh_message_within_a_minute_goes_into_a_digest() -> None:
    assert [belongs_in_digest(recent) for recent in (0, 9, 10, 99)] == [False, False, True, True]


def test_the_secret_before_signs_until_its_time_is_over() -> None:
    keys = rotated({"now": "whsec_b2xk"})
    new = keys["now"]
    assert valid_secrets(keys, NOW, NOW + timedelta(seconds=1)) == [new, "whsec_b2xk"]
    assert valid_secrets(keys, NOW, NOW) == [new]
    assert valid_secrets(keys, NOW, None) == [new]
    assert set(rotated(keys).values()).isdisjoint({"whsec_b2xk"})
