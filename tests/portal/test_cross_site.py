"""What a browser sends for a page of another site: it is refused by the API, and counts for no login."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from deployments.common.cross_site import is_cross_site, is_embedded
from portal.login import limits
from tests.limits import stop_clock

OWN = "http://testserver"
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}


def request(**headers: str) -> HttpRequest:
    return RequestFactory().get(
        "/", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, False),
        ({"Sec_Fetch_Site": "same-origin"}, False),
        ({"Sec_Fetch_Site": "none"}, False),
        ({"Sec_Fetch_Site": "same-site"}, True),
        ({"Sec_Fetch_Site": "cross-site", "Origin": OWN}, True),
        ({"Origin": OWN}, False),
        ({"Origin": "https://testserver"}, False),  # a proxy ends TLS
        ({"Origin": "http://testserver:8443"}, True),
        ({"Origin": "http://testserver.evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "https://portal.example"}, False),  # a trusted one
    ],
)
def test_a_request_of_another_origin_is_recognized(
    headers: dict[str, str], found: bool, settings: Settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://portal.example"]

    assert is_cross_site(request(**headers)) is found


def test_a_request_for_an_image_or_a_frame_is_recognized() -> None:
    assert [is_embedded(request(Sec_Fetch_Dest=one)) for one in ("image", "iframe", "script", "empty")] == [
        True,
        True,
        True,
        True,
    ]
    assert not is_embedded(request(Sec_Fetch_Dest="document"))
    assert not is_embedded(request())


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters of attempts whose clock stands still."""
    stop_clock(monkeypatch)


@pytest.mark.django_db
@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize("headers", [IMAGE, {}])
def test_links_of_invitations_that_others_send_do_not_keep_anybody_from_logging_in(
    headers: dict[str, str],
) -> None:
    for _ in range(limits.ADDRESS_BURST + 1):
        Client().get(reverse("invitation"), {"key": "guess"}, headers=headers)

    form = {"username": "eve", "password": "x"}
    assert Client().post(reverse("login"), form).status_code == 422
