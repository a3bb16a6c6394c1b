"""Raw answers of a service in an error's text, as CloudFormation words them.

MiniStack's handlers raise errors such as `AWS::SSM::Parameter create failed: b'{"__type": …}'`. On AWS the
reason of the resource has the service's message instead:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

import ast
import json
import re
from xml.sax.saxutils import unescape

from ministack.core.responses import new_uuid

_RAW = re.compile(
    r"""^(?:AWS::(?P<service>\w+)::\w+ )?.*?: (?P<body>b(?P<quote>['"]).*(?P=quote))$""", re.DOTALL
)


def worded(text: str) -> tuple[str, str]:
    """Return (text, HandlerErrorCode) of an error; the code is "" for a text without a raw answer in it."""
    match = _RAW.match(text)
    if match is None:
        return text, ""
    code, message = _read(ast.literal_eval(match["body"]))
    if not message:
        return text, ""
    service = (match["service"] or "CloudFormation").capitalize()
    return f"{message} (Service: {service}, Status Code: 400, Request ID: {new_uuid()})", _handler_code(code)


def _read(body: bytes) -> tuple[str, str]:
    """Return (error code, message) of an answer in JSON or XML; empty texts for any other."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text)
        return str(answer.get("__type", "")).rpartition("#")[2], str(
            answer.get("message") or answer.get("Message") or ""
        )
    except (ValueError, AttributeError):
        pass
    code, message = (
        re.search("<Code>(.*?)</Code>", text),
        re.search("<Message>(.*?)</Message>", text, re.DOTALL),
    )
    return code[1] if code else "", unescape(message[1]) if message else ""


def _handler_code(code: str) -> str:
    if "Exist" in code or "Conflict" in code:
        return "AlreadyExists"
    if "NotFound" in code or "NoSuch" in code:
        return "NotFound"
    return "AccessDenied" if "Denied" in code else "InvalidRequest"
