"""Logout tokens, signed as a provider signs them: valid tokens end sessions, invalid tokens end nothing."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.urls import reverse
from jwt.algorithms import RSAAlgorithm
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.administration.models.sessions import UserSession
from deployments.live import access
from portal.login import limits, oidc
from portal.login.logout_tokens import EVENT
from tests.builders import make_user
from tests.limits import stop_clock
from tests.services import LOOPBACK, Redis

LOGOUT = reverse("oidc_logout")
KEY, FOREIGN = (rsa.generate_private_key(65537, 2048) for _ in range(2))


class _Provider(BaseHTTPRequestHandler):
    """The configuration and the keys of a provider."""

    def do_GET(self) -> None:
        issuer = f"http://{LOOPBACK}:{self.server.server_port}"  # type: ignore[attr-defined]  # of HTTPServer
        key = json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "k1", "use": "sig", "alg": "RS256"}
        found = {"keys": [key]} if self.path == "/jwks" else {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    server = HTTPServer((LOOPBACK, 0), _Provider)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _provider(
    issuer: str, settings: Settings, db: None, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SANSO_OIDC_ISSUER, settings.SANSO_OIDC_CLIENT_ID = issuer, "sanso"
    monkeypatch.setattr(oidc, "_kept", {})


def session(issuer: str, subject: str, sid: str = "") -> Client:
    """Return a browser with the session of a login at the provider."""
    client, user = Client(), make_user(f"{subject}-{uuid.uuid4().hex[:6]}")
    client.force_login(user)
    UserSession.objects.create(
        user=user,
        session_key=client.cookies["sessionid"].value,
        account_key=oidc.uid_of(issuer, subject),
        sid_key=oidc.uid_of(issuer, sid) if sid else "",
    )
    return client


def claims(issuer: str, **changed: Any) -> dict[str, Any]:
    """Return the claims of a valid token with changes; None omits a claim."""
    now = int(time.time())
    found = {"iss": issuer, "aud": "sanso", "iat": now, "exp": now + 120, "jti": uuid.uuid4().hex}
    found |= {"sub": "s-1", "events": {EVENT: {}}} | changed
    return {name: value for name, value in found.items() if value is not None}


def sign(content: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", **header: str) -> str:
    return jwt.encode(content, key, algorithm=algorithm, headers={"kid": "k1", "typ": "logout+jwt"} | header)


def send(token: str, path: str = LOGOUT) -> Any:
    # As a provider sends it: without cookies or a CSRF token.
    return Client(enforce_csrf_checks=True).post(path, {"logout_token": token})


def is_logged_in(client: Client) -> bool:
    return client.get("/environments/").status_code == 200


def test_a_logout_of_a_subject_ends_its_sessions_and_streams(issuer: str) -> None:
    first, second, other = session(issuer, "s-1"), session(issuer, "s-1", "sid-1"), session(issuer, "s-2")
    key = first.cookies["sessionid"].value
    assert access.of_sessions([key])

    response = send(sign(claims(issuer)))

    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert [is_logged_in(one) for one in (first, second, other)] == [False, False, True]
    assert not access.of_sessions([key])
    assert AuditRecord.objects.filter(action="provider_logout").count() == 2


def test_a_logout_of_a_session_ends_that_one(issuer: str) -> None:
    first, second = session(issuer, "s-1", "sid-1"), session(issuer, "s-1", "sid-2")
    unknown = session(issuer, "s-1")

    assert send(sign(claims(issuer, sid="sid-1", sub=None))).status_code == 200
    assert [is_logged_in(one) for one in (first, second, unknown)] == [False, True, True]
    assert send(sign(claims(issuer, sid="sid-2"))).status_code == 200
    assert [is_logged_in(one) for one in (second, unknown)] == [False, False]


def test_a_token_is_accepted_once(issuer: str) -> None:
    token = sign(claims(issuer))
    assert send(token).status_code == 200
    again = session(issuer, "s-1")

    assert send(token).status_code == 400
    assert is_logged_in(again)


def test_a_token_without_an_expiry_as_older_providers_send_it_is_accepted(issuer: str) -> None:
    client = session(issuer, "s-1")

    assert send(sign(claims(issuer, exp=None), typ="JWT")).status_code == 200
    assert not is_logged_in(client)


WRONG: Final[dict[str, dict[str, Any]]] = {
    "another audience": {"aud": "another"},
    "another issuer": {"iss": "https://other.example"},
    "an ID token with a nonce": {"nonce": "n"},
    "no events": {"events": None},
    "another event": {"events": {"https://example.com/event": {}}},
    "events as a text": {"events": EVENT},
    "nobody": {"sub": None},
    "a subject that is no text": {"sub": ["s-1"]},
    "no id": {"jti": None},
    "no time": {"iat": None},
    "too old": {"iat": int(time.time()) - 3600, "exp": None},
    "of the future": {"iat": int(time.time()) + 3600, "exp": None},
    "expired": {"exp": int(time.time()) - 3600},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_wrong_token_ends_nothing(issuer: str, changed: dict[str, Any]) -> None:
    client = session(issuer, "s-1")

    assert send(sign(claims(issuer, **changed))).status_code == 400
    assert is_logged_in(client)


def test_a_wrong_signature_ends_nothing(issuer: str) -> None:
    client, content = session(issuer, "s-1"), claims(issuer)
    for token in (
        sign(content, FOREIGN),
        sign(content, None, "none"),
        sign(content, "sanso" * 20, "HS256"),
        sign(content, typ="at+jwt"),
        "",
        "x.y.z",
    ):
        response = send(token)
        assert response.status_code == 400
        assert json.loads(response.content) == {"error": "invalid_request"}
    assert is_logged_in(client)


def test_a_provider_that_does_not_respond_can_try_again(issuer: str, settings: Settings) -> None:
    settings.SANSO_OIDC_ISSUER = "http://127.0.0.1:1"

    assert send(sign(claims(issuer))).status_code == 503


def test_there_is_no_address_without_a_provider(issuer: str) -> None:
    assert send(sign(claims(issuer)), reverse("oidc_logout_at", args=["unknown"])).status_code == 404


def test_wrong_tokens_are_limited_by_address(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    stop_clock(monkeypatch)
    for _ in range(limits.ADDRESS_BURST):
        send("x.y.z")

    response = send(sign(claims(issuer)))
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
