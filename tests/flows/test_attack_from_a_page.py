"""A page of another site in the operator's browser sends every kind of request to the sandbox.

No request may create anything in the sandbox: a stack with a function would run code on this machine.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from playwright.sync_api import Browser, Page, Playwright, Route

from tests.browsers import close, open_chromium, profile
from tests.services import LOOPBACK, Sandbox

pytestmark = pytest.mark.timeout(120)
# The attacker owns the page's domain name, and can resolve it to any address, here this machine's.
REBOUND = "rebound.example"
# Chromium's local network access checks are new and can be turned off, and other browsers have none.
OPEN = (
    f"--host-resolver-rules=MAP {REBOUND} {LOOPBACK}",
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
)
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
ACCOUNT = "000000000000"  # the account of calls without an account
ENDED = """
    new Promise((ended) => {
        const begin = %s;
        begin(ended);
    })
"""
FORGED = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20990101/ap-northeast-1/cloudformation/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


class AttackerServer(BaseHTTPRequestHandler):
    """The attacker's server, which returns an empty page for every URL."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Kittens</title>")

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def attacker_origin() -> Iterator[str]:
    """The origin of the attacker's page."""
    server = ThreadingHTTPServer((LOOPBACK, 0), AttackerServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{REBOUND}:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def unprotected_chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser without local network access checks."""
    browser = open_chromium(playwright, *OPEN)
    yield browser
    close(browser)


@pytest.fixture
def page(unprotected_chromium: Browser) -> Iterator[Page]:
    with profile(unprotected_chromium, ignore_https_errors=True) as context:
        yield context.new_page()


@pytest.fixture
def name() -> str:
    """The name of the stack that the page tries to create."""
    return f"attack-{secrets.token_hex(4)}"


@pytest.fixture
def created(sandbox: Sandbox, name: str) -> Iterator[Callable[[], bool]]:
    """A function that returns whether the stack exists, found by a signed call."""
    client = boto3.client("cloudformation", region_name="ap-northeast-1", **sandbox.credentials(ACCOUNT))  # type: ignore[call-overload]
    yield lambda: name in {stack["StackName"] for stack in client.list_stacks()["StackSummaries"]}
    client.close()


def query(name: str) -> str:
    return urlencode({"Action": "CreateStack", "StackName": name, "TemplateBody": TEMPLATE})


def empty(route: Route) -> None:
    """Return an empty page."""
    route.fulfill(body="<!doctype html>", content_type="text/html")


def run(page: Page, script: str) -> Any:
    """Run a script until it calls `ended`."""
    return page.evaluate(ENDED % script)


def fetch(page: Page, url: str, options: dict[str, Any]) -> Any:
    """Fetch from within the page; return the text of the response if the page may read it."""
    return run(
        page,
        f"(ended) => fetch({json.dumps(url)}, {json.dumps(options)})"
        ".then((answer) => answer.text()).then((text) => ended(text || 'empty'), () => ended('refused'))",
    )


def test_an_image_creates_nothing(
    page: Page, attacker_origin: str, sandbox: Sandbox, name: str, created: Callable[[], bool]
) -> None:
    """The request has no Origin header, and MiniStack accepts the query API by GET."""
    page.goto(attacker_origin)
    address = json.dumps(f"{sandbox.url}/?{query(name)}")
    run(
        page,
        f"(ended) => {{ const image = new Image(); image.onload = image.onerror = () => ended();"
        f" image.src = {address}; }}",
    )
    assert not created()


def test_a_link_creates_nothing(
    page: Page, attacker_origin: str, sandbox: Sandbox, name: str, created: Callable[[], bool]
) -> None:
    page.goto(attacker_origin)
    address = json.dumps(f"{sandbox.url}/?{query(name)}")
    with page.expect_navigation(url=f"{sandbox.url}/**"):
        page.evaluate(f"location.href = {address}")
    assert not created()


def test_a_form_creates_nothing(
    page: Page, attacker_origin: str, sandbox: Sandbox, name: str, created: Callable[[], bool]
) -> None:
    page.goto(attacker_origin)
    with page.expect_navigation(url=f"{sandbox.url}/**"):
        page.evaluate(
            """([address, values]) => {
                const form = document.createElement("form");
                form.method = "post";
                form.action = address;
                for (const [name, value] of Object.entries(values)) {
                    const field = document.createElement("input");
                    field.name = name;
                    field.value = value;
                    form.append(field);
                }
                document.body.append(form);
                form.submit();
            }""",
            [
                f"{sandbox.url}/",
                {"Action": "CreateStack", "StackName": name, "TemplateBody": TEMPLATE},
            ],
        )
    assert not created()


SIMPLE = {"method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "no-cors"},
        {"mode": "no-cors", **SIMPLE},
        {"mode": "cors", **SIMPLE},
        {"mode": "cors", "method": "POST", "headers": {"Authorization": FORGED, **SIMPLE["headers"]}},  # type: ignore[dict-item]
    ],
    ids=["get", "simple", "cors", "preflight"],
)
def test_fetch_creates_nothing(
    page: Page,
    attacker_origin: str,
    sandbox: Sandbox,
    name: str,
    created: Callable[[], bool],
    options: dict[str, Any],
) -> None:
    page.goto(attacker_origin)
    post = options.get("method") == "POST"
    body = {"body": query(name)} if post else {}
    answer = fetch(page, f"{sandbox.url}/{'' if post else f'?{query(name)}'}", options | body)
    assert answer in ("empty", "refused")  # a page cannot read an opaque response
    assert not created()


def test_a_websocket_creates_nothing(page: Page, attacker_origin: str, sandbox: Sandbox) -> None:
    """The sandbox has an API that accepts websockets."""
    apis = boto3.client("apigatewayv2", region_name="ap-northeast-1", **sandbox.credentials(ACCOUNT))  # type: ignore[call-overload]
    api = apis.create_api(Name="any", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")
    apis.create_stage(ApiId=api["ApiId"], StageName="any")
    apis.close()
    page.goto(attacker_origin)
    address = json.dumps(f"ws://{LOOPBACK}:{sandbox.port}/_aws/execute-api/{api['ApiId']}/any")
    heard = run(
        page,
        f"(ended) => {{ const socket = new WebSocket({address});"
        " socket.onopen = () => ended('open'); socket.onerror = () => ended('refused'); }",
    )
    assert heard == "refused"


@pytest.mark.parametrize("forged", [False, True], ids=["unsigned", "forged"])
def test_dns_rebinding_creates_nothing(
    page: Page, sandbox: Sandbox, name: str, created: Callable[[], bool], forged: bool
) -> None:
    """To the browser, page and sandbox have the same origin, so the page may set headers."""
    origin = f"http://{REBOUND}:{sandbox.port}"
    page.route(
        f"{origin}/page", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto(f"{origin}/page")
    headers = {"Authorization": FORGED} if forged else {}
    answer = fetch(page, f"{origin}/?{query(name)}", {"headers": headers})
    assert answer == "The sandbox takes no requests from web pages.\n"
    options = {**SIMPLE, "body": query(name)}
    assert fetch(page, f"{origin}/", options) == "The sandbox takes no requests from web pages.\n"
    assert not created()


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
def test_a_page_in_a_bucket_creates_nothing(
    page: Page, sandbox: Sandbox, name: str, created: Callable[[], bool], mode: str
) -> None:
    """Anyone can create a bucket with a page."""
    origin = "https://x.s3.amazonaws.com"
    page.route(f"{origin}/**", empty)
    page.goto(f"{origin}/page")
    before: Any = sandbox.control("GET", "about")
    calls = [
        fetch(page, f"{sandbox.url}/", {**SIMPLE, "mode": mode, "body": query(name)}),
        fetch(page, f"{sandbox.url}/_sanso/about", {"mode": mode}),
        fetch(page, f"{sandbox.url}/_sanso/pace", {"method": "POST", "mode": mode, "body": '{"pace": 7}'}),
        fetch(page, f"{sandbox.url}/_sanso/keys?account={ACCOUNT}", {"method": "POST", "mode": mode}),
    ]
    assert set(calls) == {"refused" if mode == "cors" else "empty"}
    assert sandbox.control("GET", "about") == before
    assert not created()


def test_the_same_call_with_a_signature_creates_a_stack(
    sandbox: Sandbox, name: str, created: Callable[[], bool]
) -> None:
    """This shows that the requests above failed only because they had no valid signature."""
    client = boto3.client("cloudformation", region_name="ap-northeast-1", **sandbox.credentials(ACCOUNT))  # type: ignore[call-overload]
    client.create_stack(StackName=name, TemplateBody=TEMPLATE)
    assert created()
    client.delete_stack(StackName=name)
    client.close()
