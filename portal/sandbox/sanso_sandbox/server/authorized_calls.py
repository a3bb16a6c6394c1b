"""Forwards a signed call if IAM allows its action to the caller."""

import asyncio
import json
import uuid
from typing import Final
from urllib.parse import parse_qs

from ministack.app import _extract_s3_vhost_bucket
from ministack.core import iam_actions, responses, router

from sanso_sandbox.engine import authorization
from sanso_sandbox.engine.authorization import Denied, Principal
from sanso_sandbox.server import call_resources
from sanso_sandbox.server.call_resources import Request
from sanso_sandbox.server.callers import CALLER, Caller
from sanso_sandbox.server.fault_middleware import (
    Application,
    Receive,
    Scope,
    Send,
    read_body,
    replay,
    until_gone,
)
from sanso_sandbox.services.ec2 import egress

AGAIN: Final = 0.3  # seconds until a call that does not get out is decided about again
_FORM: Final = "application/x-www-form-urlencoded"
_ASSUME: Final = "sts:AssumeRole"


class AuthorizedCalls:
    """The application behind IAM, which executes calls as the caller."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward an allowed call, or send the called service's error."""
        caller: Caller | None = scope.get(CALLER)
        if scope["type"] != "http" or caller is None or caller.kind == "root":
            await self.application(scope, receive, send)
            return
        body = await read_body(receive)
        request = _request(scope, body, caller)
        if not await _gets_out(caller, request, receive):
            return
        principal = Principal(caller.account, caller.kind, caller.arn, _access_key(request))
        try:
            with responses.request_scope(caller.account, request.region):
                _authorize(principal, request)
        except Denied as denied:
            await _refuse(denied, scope, request, send)
            return
        with authorization.act_as(principal):
            await self.application(scope, replay(body, receive), send)


async def _gets_out(caller: Caller, request: Request, receive: Receive) -> bool:
    """Wait while a server's call does not get out of its VPC; return False if its client gives up.

    Servers sign with the session of their role whose name is the instance's id.
    """
    instance_id = caller.name.rpartition("/")[2]
    if caller.kind != "role" or not instance_id.startswith("i-"):
        return True

    def reaches() -> bool:
        with responses.request_scope(caller.account, request.region):
            return egress.reaches(instance_id, request.service)

    if reaches():
        return True
    gone = asyncio.ensure_future(until_gone(receive))
    try:
        while not reaches():
            if (await asyncio.wait({gone}, timeout=AGAIN))[0]:
                return False
    finally:
        gone.cancel()
    return True


def _request(scope: Scope, body: bytes, caller: Caller) -> Request:
    headers = {name.decode("latin-1").lower(): part.decode("latin-1") for name, part in scope["headers"]}
    query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
    path = scope["path"]
    service = str(router.detect_service(scope["method"], path, headers, query))
    if bucket := _extract_s3_vhost_bucket(headers.get("host", "")):
        service, path = "s3", f"/{bucket}{path}"
    form = headers.get("content-type", "").startswith(_FORM)
    params = {**(parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if form else {}), **query}
    region = str(router.extract_region(headers, query))
    return Request(service, scope["method"], path, headers, body, params, region, caller.account)


def _access_key(request: Request) -> str:
    return str(router.extract_access_key_id(request.headers, request.params))


def _authorize(principal: Principal, request: Request) -> None:
    """Raise Denied for the first action that the caller is not allowed to perform."""
    for action, resource, context in call_resources.checks(request):
        if action == _ASSUME:
            payload = request.json() if request.body[:1] == b"{" else {}
            role, external_id, session = (
                str(payload.get(name) or request.param(name))
                for name in ("RoleArn", "ExternalId", "RoleSessionName")
            )
            authorization.assume_role(principal, role, external_id, session)
            continue
        authorization.authorize(principal, action, resource, context, region=request.region)


async def _refuse(denied: Denied, scope: Scope, request: Request, send: Send) -> None:
    message = str(denied)
    if request.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    status, headers, body = iam_actions.access_denied_response(
        request.service,
        denied.action,
        denied.principal.arn,
        str(uuid.uuid4()),
        message=message,
        headers=request.headers,
        resource_arn=denied.resource,
    )
    if request.service in ("ssm", "logs"):  # MiniStack has the right message for these
        body = json.dumps({"__type": "AccessDeniedException", "Message": message}).encode()
    responses.fix_error_content_type(request.service, status, headers)
    headers = {"x-amzn-requestid": str(uuid.uuid4()), **headers, "content-length": str(len(body))}
    encoded = [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
