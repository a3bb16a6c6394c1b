"""Log in by browser: listen on this computer for a code, and exchange it for a token (RFC 8252, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
import socketserver
import sys
import threading
import webbrowser
from html import escape
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from sanso_cli.client import TIMEOUT, ApiError
from sanso_cli.connection import problem_with
from sanso_cli.output import err, fail
from sanso_cli.texts import LANGUAGE, _

HEADERS = {"Accept-Language": LANGUAGE}
WAIT = 300.0
"""Seconds until the person has allowed it."""
RESPONSE = """<!doctype html><html lang="{}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Sanso</title><main><h1>Sanso</h1><p>{}</p></main>"""
TERMINAL_BROWSERS = ("www-browser", "links", "elinks", "lynx", "w3m")
"""What `webbrowser` falls back on without a display: they take the terminal over."""


class _Listener(socketserver.ThreadingTCPServer):
    """A server on the loopback address that waits for one redirect with its state.

    It has threads, since browsers also open connections on which they send nothing.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.state = state
        self.found: dict[str, str] = {}
        self.is_answered = threading.Event()

    @property
    def address(self) -> str:
        """Return the address to which the portal sends the browser."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def wait(self, seconds: float) -> dict[str, str]:
        """Return what the portal sent, nothing if it takes too long."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()
        try:
            self.is_answered.wait(seconds)
        finally:
            self.shutdown()
        return self.found


class _Answer(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 30

    def do_GET(self) -> None:  # the name that http.server calls
        """Accept a code, or the refusal, if it comes with the state of this login."""
        given = dict(parse_qsl(urlsplit(self.path).query))
        is_ours = secrets.compare_digest(given.get("state", "").encode(), self.server.state.encode())
        is_answer = is_ours and ("code" in given or "error" in given)
        text = _("You can close this page and return to the terminal.")
        if "error" in given:
            text = _("Access was denied.")
        body = RESPONSE.format(LANGUAGE, escape(text if is_answer else _("Not found."))).encode()
        self.send_response(200 if is_answer else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
        if is_answer:
            self.server.found |= given
            self.server.is_answered.set()

    def log_message(self, *_values: object) -> None:
        """Write nothing: the terminal is the person's."""


def token_by_browser(url: str, wait: float = WAIT) -> str:
    """Return a token that a person allows on the portal's page. End the command if they do not."""
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _Listener(state) as listener:
        page = f"{url}/tokens/command-line?{urlencode(_request(listener.address, verifier, state))}"
        if _open(page):
            err.print(_("Continue in the browser. If it does not open, open this address on this computer:"))
        else:
            err.print(_("Open this address in a browser on this computer (elsewhere: sanso login --token):"))
        err.print(page, markup=False)
        found = listener.wait(wait)
    if not found:
        fail(_("Nobody allowed the login in time. Run sanso login again."))
    if "code" not in found:
        fail(_("Access was denied in the browser."))
    return _exchange(url, found["code"], verifier, listener.address)


def _request(redirect_uri: str, verifier: str, state: str) -> dict[str, str]:
    digest = hashlib.sha256(verifier.encode()).digest()
    return {
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        "state": state,
        "host": socket.gethostname(),
    }


def _open(page: str) -> bool:
    """Open a page in a browser with windows, if there is one. Return whether it was tried."""
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not os.environ.get("BROWSER") and sys.platform.startswith("linux") and not has_display:
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if getattr(browser, "name", "") in TERMINAL_BROWSERS:
        return False
    # Some browsers return only when they are closed.
    threading.Thread(target=browser.open, args=(page,), daemon=True).start()
    return True


def _exchange(url: str, code: str, verifier: str, redirect_uri: str) -> str:
    values = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
    }
    try:
        response = httpx.post(
            f"{url}/tokens/command-line/exchange", data=values, headers=HEADERS, timeout=TIMEOUT
        )
        found = response.json()
        return str(found["access_token"]) if response.is_success else fail(found["error_description"])
    except httpx.HTTPError as exc:
        raise ApiError(0, "", problem_with(url, exc)[0]) from exc
    except (ValueError, KeyError, TypeError):
        text = _("%(url)s does not answer as Sanso's API (status %(status)d). Check the URL.")
        fail(text % {"url": url, "status": response.status_code})
