"""Accepts only calls signed with an access key that the sandbox issued, and identifies their callers."""

import re
import uuid
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from ministack.core import iam_actions, responses, router, sigv4

from sanso_sandbox.engine import access_keys
from sanso_sandbox.server import signatures
from sanso_sandbox.server.callers import CALLER, Caller
from sanso_sandbox.server.fault_middleware import Application, Receive, Scope, Send, read_body, replay
from sanso_sandbox.server.signatures import Head, Rejected

TEMPORARY: Final = "ASIA"  # prefix of the keys of sessions
# MiniStack's paths that are not AWS APIs: health, reset, configuration, downloads, captured mails. They are
# closed, except for those at which a stack waits for a response, which CloudFormation presigns.
_OWN: Final = re.compile(r"/_|/health$")
_ANSWERS: Final = re.compile(r"/_ministack/cfn-(response|signal)/[^/]+")


class SignedCalls:
    """The application behind signed calls.

    MiniStack treats a number of twelve digits as the key of that account. Therefore the number replaces the
    key of the account itself or of a user. MiniStack supports keys of sessions.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with its caller if its signature is valid, otherwise send an error."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        head = _head(scope)
        try:
            claim = signatures.read(head)
        except Rejected as rejected:
            await _drain(receive)
            await _refuse(rejected, scope, head, send)
            return
        body = await read_body(receive)
        try:
            caller = signatures.verify(claim, head, body)
            _check_address(scope["path"], caller)
        except Rejected as rejected:
            await _refuse(rejected, scope, head, send)
            return
        inner = {**scope, CALLER: caller}
        if not claim.signature.access_key_id.startswith(TEMPORARY):
            _name_account(inner, claim, caller)
        await self.application(inner, replay(body, receive), send)


def _head(scope: Scope) -> Head:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
    return Head(scope["method"], raw_path.decode("latin-1"), query, headers)


def _check_address(path: str, caller: Caller) -> None:
    """Raise Rejected for MiniStack's own paths, unless CloudFormation waits for a response there."""
    answers = (caller.kind, caller.name) == ("root", access_keys.CLOUDFORMATION) and _ANSWERS.fullmatch(path)
    if _OWN.match(path) and not answers:
        raise Rejected("AccessDenied", "Access Denied", 403)


def _name_account(scope: Scope, claim: signatures.Claim, caller: Caller) -> None:
    """Replace the access key in a request with the account's number, after the verification."""
    key = claim.signature.access_key_id
    if claim.presigned:
        pairs = parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if name != "X-Amz-Signature"]
        named = [
            (name, value.replace(key, caller.account, 1) if name == "X-Amz-Credential" else value)
            for name, value in kept
        ]
        scope["query_string"] = urlencode(named, quote_via=quote).encode()
        return
    old, new = f"Credential={key}/".encode(), f"Credential={caller.account}/".encode()
    scope["headers"] = [
        (name, value.replace(old, new, 1) if name.lower() == b"authorization" else value)
        for name, value in scope["headers"]
    ]


async def _drain(receive: Receive) -> None:
    """Read an unused body, so that the client gets the response and not a broken connection."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _refuse(rejected: Rejected, scope: Scope, head: Head, send: Send) -> None:
    """Send an error in the format of the called service."""
    service = _service(scope, head)
    status, headers, body = iam_actions.access_denied_response(
        service,
        "",
        "",
        str(uuid.uuid4()),
        error_code=rejected.code,
        message=rejected.message,
        headers=dict(head.headers),
    )
    responses.fix_error_content_type(service, status, headers)
    headers = {"x-amzn-requestid": str(uuid.uuid4()), **headers, "content-length": str(len(body))}
    encoded = [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]
    status = rejected.status or status
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _service(scope: Scope, head: Head) -> str:
    """Return the service of a request; an unsigned form may be for any service that accepts forms."""
    service = str(router.detect_service(scope["method"], scope["path"], dict(head.headers), dict(head.query)))
    form = head.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "sts" if form and service in ("s3", "unknown_query") else service
