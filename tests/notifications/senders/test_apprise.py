"""apprise sends only to services that are allowed, at addresses that are allowed, in limited time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.notifications.rules.topics import Reception
from deployments.notifications.senders.apprise_url import scheme_of, send
from deployments.notifications.senders.outcome import Outcome
from tests.receiver import Receiver, receiving

SCHEMES = ("ntfy", "slack")
"""ntfy without TLS, for a receiver on loopback; it is only allowed by a setting."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A server that receives ntfy's messages."""
    with receiving() as found:
        yield found


def attempt(url: str, networks: tuple[str, ...] = ("127.0.0.0/8",), limit: float = 60.0) -> Outcome:
    return send(
        url, "Create staging failed", "Cause: a quota", networks=networks, schemes=SCHEMES, limit=limit
    )


def code_of(outcome: Outcome) -> Code | None:
    return outcome.problem.code if outcome.problem else None


def test_a_message_reaches_a_service_and_its_refusal_is_reported(receiver: Receiver) -> None:
    url = f"ntfy://127.0.0.1:{receiver.port}/topic"

    assert attempt(url).reception is Reception.SENT
    (got,) = receiver.requests
    assert b"a quota" in got.body

    receiver.status = 403
    outcome = attempt(url)
    assert (outcome.reception, outcome.status, code_of(outcome)) == (
        Reception.AGAIN,
        403,
        Code.NOTIFY_SERVICE_REJECTED,
    )
    assert len(receiver.requests) == 2


def test_an_address_that_is_not_public_is_refused_at_the_connection(receiver: Receiver) -> None:
    receiver.requests.clear()
    outcome = attempt(f"ntfy://localhost:{receiver.port}/topic", networks=())
    assert code_of(outcome) == Code.NOTIFY_ADDRESS_NOT_ALLOWED
    assert outcome.problem is not None
    assert outcome.problem.params == {"host": "ntfy"}
    assert receiver.requests == []


def test_a_service_that_does_not_respond_in_time_is_ended(receiver: Receiver) -> None:
    receiver.open.clear()
    try:
        outcome = attempt(f"ntfy://127.0.0.1:{receiver.port}/topic?rto=50", limit=0.2)
    finally:
        receiver.open.set()
    assert code_of(outcome) == Code.NOTIFY_TIMED_OUT


def test_an_address_that_apprise_does_not_know_is_reported() -> None:
    assert code_of(attempt("slack://x")) == Code.NOTIFY_SERVICE_INVALID


@pytest.mark.parametrize(
    "url",
    [
        *("json://127.0.0.1/", "jsons://example.com/", "xml://example.com/", "form://example.com/"),
        *("https://hooks.slack.com/services/A/B/C", "file:///etc/passwd", "ntfys://example.com/x"),
        *("slack://", "slack", "", "syslog://", "slack://a\nb"),
    ],
)
def test_other_schemes_are_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(UserFixable) as refusal:
        scheme_of(url, SCHEMES)
    assert refusal.value.field == "address"
    assert code_of(attempt(url)) == Code.NOTIFY_SCHEME
