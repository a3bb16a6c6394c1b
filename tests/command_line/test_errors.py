"""What is wrong with a connection is one sentence that says what to do."""

from __future__ import annotations

import httpx
import pytest

from sanso_cli.client import ApiError, PortalClient
from sanso_cli.connection import is_private, portal_url
from tests.services import free_port

URL = "https://sanso.example.com"


def error_of(*responses: httpx.Response | Exception) -> str:
    """Return the error of a call that gets these responses, the last one again and again."""
    left = list(responses)

    def answer(request: httpx.Request) -> httpx.Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    api = PortalClient(URL, "sanso_secret")
    api.retries = 0
    api.http = httpx.Client(base_url=f"{URL}/api/v1", transport=httpx.MockTransport(answer))
    with pytest.raises(ApiError) as raised:
        api.get("/me")
    assert "sanso_secret" not in str(raised.value)
    return str(raised.value)


def problem(status: int, code: str, **members: object) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "What is wrong."} | members)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (problem(401, "NotAuthenticated"), "sanso login"),
        (problem(403, "PermissionDenied"), "sanso whoami"),
        (problem(404, "NotFound"), "Check the name"),
        (problem(409, "EnvironmentBusy"), "sanso wait"),
        (
            problem(422, "InvalidRequest", errors=[{"field": "name", "detail": "Too long."}]),
            "name: Too long.",
        ),
        (problem(500, "InternalError", values={"reference": "ab12"}), "ab12"),
        (httpx.Response(200, text="<html>"), "does not answer as Sanso's API"),
        (httpx.Response(404, text="<html>"), "does not answer as Sanso's API"),
        (httpx.Response(502, text="<html>"), "not available now"),
        (
            httpx.Response(301, headers={"Location": "https://b.example.com/api/v1/me"}),
            "--url https://b.example.com.",
        ),
        (httpx.ReadTimeout("timed out"), "did not respond in time"),
        (httpx.RemoteProtocolError("closed"), "was lost"),
    ],
)
def test_an_error_says_what_to_do(response: httpx.Response | Exception, expected: str) -> None:
    assert expected in error_of(response)


def test_a_portal_that_is_not_there_is_named() -> None:
    api = PortalClient(f"http://127.0.0.1:{free_port()}", "sanso_secret")
    api.retries = 0

    with pytest.raises(ApiError, match="that the portal is running"):
        api.get("/me")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sanso.example.com", "https://sanso.example.com"),
        (" https://sanso.example.com/ ", "https://sanso.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_a_url_is_taken_as_people_write_it(text: str, url: str) -> None:
    assert portal_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://a.example.com", "https://", "http://a:port", "a b", "https://a?b"]
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        portal_url(text)


def test_only_a_connection_that_others_can_read_is_warned_about() -> None:
    assert is_private("https://sanso.example.com")
    assert is_private("http://127.0.0.1:8000")
    assert is_private("http://localhost")
    assert not is_private("http://sanso.example.com")
