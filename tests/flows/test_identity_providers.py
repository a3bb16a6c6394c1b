"""Log in with two OpenID Connect providers, with a SAML provider on another site, and by an invitation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browsers import profile
from tests.builders import make_grant, make_user
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.test_passkeys import log_out
from tests.flows.web import Web, environment_of_processes, logged_in, start_web
from tests.portal.identity_provider import IdentityProvider, start_provider
from tests.portal.saml_provider import SamlIdp, request_id_of
from tests.services import LOOPBACK, Redis, free_port

pytestmark = pytest.mark.timeout(300)
ELSEWHERE = "localhost"
"""For browsers a different site than the portal's 127.0.0.1: its forms are sent without session cookies."""
PARTNER = """
[partner]
name = "Partner"
issuer = "{issuer}"
client_id = "sanso"
client_secret = "a secret"
groups = ["guests=viewer"]
"""
FORM = """<!doctype html><title>Provider</title>
<form method="post" action="{here}/login/saml/acs/">
<input type="hidden" name="SAMLResponse" value="{value}"></form>
<script>document.forms[0].submit()</script>"""


@pytest.fixture(scope="module")
def providers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[IdentityProvider, IdentityProvider]]:
    first, second = (start_provider(tmp_path_factory.mktemp(name)) for name in ("first", "second"))
    first.set_user("s-1", preferred_username="ana", groups=["ops"])
    second.set_user("s-1", preferred_username="ben", groups=["guests"])
    yield first, second
    first.stop()
    second.stop()


@pytest.fixture(scope="module")
def idp() -> Iterator[SamlIdp]:
    """A SAML provider whose page submits the response automatically."""
    port = free_port()
    found = SamlIdp(here=f"http://{LOOPBACK}:{port}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = request_id_of(self.path)
            signed = found.sign(found.assertion(request_id=key, user="cho"))
            body = FORM.format(here=found.here, value=found.response(signed, request_id=key)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    found.sso = f"http://{ELSEWHERE}:{server.server_port}/sso"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def sso_web(
    django_db_setup: None,
    tmp_path_factory: pytest.TempPathFactory,
    providers: tuple[IdentityProvider, IdentityProvider],
    idp: SamlIdp,
) -> Iterator[Web]:
    """A web process with three providers."""
    folder: Path = tmp_path_factory.mktemp("sso")
    (folder / "providers.toml").write_text(PARTNER.format(issuer=providers[1].issuer))
    (folder / "idp.xml").write_text(idp.metadata())
    environment = environment_of_processes() | {
        "SANSO_OIDC_ISSUER": providers[0].issuer,
        "SANSO_OIDC_NAME": "Example Corp",
        "SANSO_OIDC_CLIENT_ID": "sanso",
        "SANSO_OIDC_CLIENT_SECRET": "a secret",
        "SANSO_OIDC_GROUPS": "ops=operator",
        "SANSO_OIDC_PROVIDERS_FILE": str(folder / "providers.toml"),
        "SANSO_SAML_IDP_METADATA_FILE": str(folder / "idp.xml"),
        "SANSO_SAML_NAME": "University",
        "SANSO_SAML_GROUPS": "ops=deployer",
    }
    server = start_web(folder, environment, port=int(idp.here.rpartition(":")[2]))
    yield server
    server.stop()


@pytest.fixture
def visitor(chromium: Browser, transactional_db: None, redis_server: Redis) -> Iterator[Page]:
    """A browser in which nobody is logged in."""
    with profile(chromium) as context:
        yield context.new_page()


def user_menu(page: Page, name: str) -> None:
    """Expect the user with this name to be logged in."""
    expect(page.locator("header details.menu summary")).to_contain_text(name)


def test_each_provider_leads_back_with_its_own_account(visitor: Page, sso_web: Web) -> None:
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and sso_web.url in message.location["url"]:  # not on a provider's page
            problems.append(message.text)

    visitor.on("console", note)
    visitor.goto(f"{sso_web.url}/login/?next=/deployments/")
    found = faults(visitor)

    for provider, name in (("Example Corp", "ana"), ("Partner", "ben")):
        visitor.get_by_role("link", name=f"Log in with {provider}").click()
        visitor.get_by_placeholder("sub").fill("s-1")
        visitor.get_by_role("button", name="Authorize").click()
        user_menu(visitor, name)
        log_out(visitor)
    visitor.goto(f"{sso_web.url}/login/?next=/deployments/")
    visitor.get_by_role("link", name="Log in with University").click()
    expect(visitor).to_have_url(f"{sso_web.url}/deployments/")
    user_menu(visitor, "cho")
    assert {user.username for user in User.objects.all()} == {"ana", "ben", "cho"}
    visitor.goto(url(sso_web, "account_security"))
    found += faults(visitor)
    log_out(visitor)

    visitor.get_by_role("link", name="Log in with Example Corp").click()
    visitor.get_by_role("button", name="Deny").click()
    expect(visitor.get_by_text("The login at Example Corp failed")).to_be_visible()
    found += faults(visitor)
    assert found == []
    assert problems == []


def test_an_invited_person_sets_a_password_and_is_in(chromium: Browser, visitor: Page, web: Web) -> None:
    boss = make_grant(make_user("boss"), role="admin")
    with logged_in(chromium, boss, web.url, locale="ja") as profile:
        page = profile.new_page()
        page.goto(url(web, "access_invite"))
        found = faults(page)
        page.locator("#id_name").fill("lee")
        page.locator("main form button.primary").click()
        link = page.locator("#invitation-link").inner_text()
        found += faults(page)
    visitor.goto(link)
    found += faults(visitor)
    for field in ("new_password1", "new_password2"):
        visitor.locator(f"#id_{field}").fill("short")
    visitor.locator("main form button.primary").click()
    expect(visitor.get_by_text("too short").first).to_be_visible()
    found += faults(visitor)
    for field in ("new_password1", "new_password2"):
        visitor.locator(f"#id_{field}").fill("quite a long one")
    visitor.locator("main form button.primary").click()
    user_menu(visitor, "lee")
    visitor.context.clear_cookies()
    visitor.goto(link)
    expect(visitor.get_by_text("no longer valid").first).to_be_visible()

    assert found == []
