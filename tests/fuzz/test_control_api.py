"""The sandbox's control API accepts or rejects any request, and the console displays accepted ones."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

import sanso_sandbox
from tests.builders import make_account, make_user
from tests.fuzz.hostile import NUMBERS, json_values, mutated, numbers, texts
from tests.fuzz.profile import fuzzed
from tests.services import LIMIT, LOOPBACK, Sandbox, bearer

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
API = {"service": "s3", "action": "*", "mode": "throttle", "count": 2, "skip": 1, "code": "", "status": 503}
FAULTS = {
    "resources": {"Queue": "No room.", "delete:Vpc": "In use."},
    "associations": {"web": {"on": 1, "stdout": "a", "stderr": "b"}, "app": True, "db": ["i-1"]},
    "api": [API, {"service": "ssm", "mode": "hold_before", "message": "Wait."}],
}
BODIES: dict[tuple[str, str], Any] = {
    ("GET", "about"): {},
    ("POST", "pace"): {"pace": 0.5},
    ("GET", "faults"): {},
    ("POST", "faults"): FAULTS,
    ("DELETE", "faults"): {},
    ("GET", "held"): {},
    ("GET", "calls"): {},
    ("POST", "keys"): {"name": "script"},
    ("GET", "permissions"): {},
    ("GET", "machines"): {},
    ("GET", "databases"): {},
    ("POST", "databases"): {"cluster": "shop", "action": "failover"},
    ("GET", "quotas"): {},
    ("POST", "quotas"): {"vpcs": 2, "vcpus": 0},
    ("GET", "readings"): {},
    ("POST", "readings"): {"new_stacks_are_not_found": False},
    ("GET", "shortages"): {},
    ("POST", "shortages"): {"no_capacity": {"t3.micro": ["us-east-1a"]}, "not_offered": {}},
    ("POST", "reset"): {},
    ("POST", "held/x"): {"action": "release"},
    ("GET", "machines/i-0/log"): {},
    ("POST", "machines/i-0"): {"action": "kill"},
}
routes = st.sampled_from(sorted(BODIES))
# Bodies that are invalid JSON, or unusual JSON that Python accepts.
RAW = (
    *(b"", b" ", b"{", b"[]", b"null", b"\xff", b"\x00", b"\xef\xbb\xbf{}", b"{}{}", b'{"a": 1, "a": 2}'),
    *(b'{"pace": NaN}', b'{"pace": Infinity}', b'{"pace": -Infinity}', b'{"pace": 1e999}', b'{"pace": 0x1}'),
    *(b'{"a":' * 200_000, b"[" * 200_000, b'{"pace": ' + b"9" * 5000 + b"}", b'{"\\ud800": "\\udfff"}'),
    b'{"api": [{"service": "*", "mode": "throttle", "count": 1e999}]}',
)


class Console:
    """The sandbox for one account: through raw requests, and through the console's page."""

    def __init__(self, sandbox: Sandbox, account: str, browser: Client) -> None:
        self.sandbox, self.account, self.browser = sandbox, account, browser

    def accepts(self, method: str, path: str, body: bytes, query: str = "") -> bool:
        """Send a request and return whether it was accepted; a rejected one has an error message."""
        connection = http.client.HTTPConnection(LOOPBACK, self.sandbox.port, timeout=LIMIT)
        headers = {"Content-Type": "application/json", **bearer(self.sandbox.token_file)}
        connection.request(method, f"/_sanso/{path}?account={self.account}{query}", body, headers)
        answer = connection.getresponse()
        text = json.loads(answer.read())
        connection.close()
        assert answer.status in (200, 400, 404), text
        assert answer.status == 200 or text["error"]
        return answer.status == 200

    def assert_page_opens(self) -> None:
        """Open the page, which lists the active faults."""
        assert self.browser.get("/sandbox/").status_code == 200

    def clean_up(self) -> None:
        """Remove all faults, of this account and of every account."""
        self.sandbox.control("POST", "pace", {"pace": 0}, account=self.account)
        for account in (self.account, ""):
            self.sandbox.control("DELETE", "faults", account=account)


@pytest.fixture
def console(sandbox: Sandbox, sandbox_account: str, client: Client) -> Iterator[Console]:
    make_account("sandbox", is_sandbox=True, sandbox_account_id=sandbox_account)
    client.force_login(make_user("root", is_superuser=True))
    found = Console(sandbox, sandbox_account, client)
    yield found
    found.clean_up()


def test_every_route_is_fuzzed() -> None:
    source = Path(sanso_sandbox.__file__).with_name("server").joinpath("control_api.py").read_text()
    assert set(re.findall(r'\("([A-Z]+)", "(\w+)"\): self\._', source)) <= set(BODIES)


def sent(value: Any) -> bytes:
    return json.dumps(value).encode()


@fuzzed(150)
@given(
    st.sampled_from(sorted(BODIES)).flatmap(lambda route: st.tuples(st.just(route), mutated(BODIES[route])))
)
@example((("POST", "faults"), {"api": [API | {"count": float("inf")}]}))
@example((("POST", "pace"), {"pace": float("nan")}))
def test_any_body(console: Console, requested: tuple[tuple[str, str], Any]) -> None:
    (method, path), body = requested
    if console.accepts(method, path, sent(body)) and method == "POST":
        console.assert_page_opens()
        console.clean_up()


@fuzzed(60)
@given(routes, st.binary(max_size=20) | st.sampled_from(RAW))
@example(("POST", "faults"), RAW[-1])
def test_any_bytes(console: Console, route: tuple[str, str], body: bytes) -> None:
    if console.accepts(*route, body) and route[0] == "POST":
        console.assert_page_opens()
        console.clean_up()


@fuzzed(60)
@given(
    routes,
    st.lists(st.tuples(st.sampled_from(("account", "since", "x")), numbers | texts), max_size=3),
)
@example(("GET", "calls"), [("since", NUMBERS[-1])])
def test_any_query(console: Console, route: tuple[str, str], fields: list[tuple[str, str]]) -> None:
    query = "".join(f"&{name}={quote(value[:4000])}" for name, value in fields)
    if route != ("POST", "reset"):  # would reset another account, or all
        console.accepts(*route, sent(BODIES[route]), query)
    console.clean_up()


@fuzzed(40)
@given(st.sampled_from(("GET", "POST", "DELETE", "PUT")), texts, json_values)
def test_any_path(console: Console, method: str, path: str, body: Any) -> None:
    if quote(path[:1000]).strip("/") != "reset":
        console.accepts(method, quote(path[:1000]), sent(body))
    console.clean_up()
