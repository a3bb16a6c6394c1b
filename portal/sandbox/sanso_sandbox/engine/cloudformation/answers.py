"""Parses raw responses of services in the texts of errors.

MiniStack's handlers raise errors such as `AWS::SSM::Parameter create failed: b'{"__type": …}'`. On AWS, the
reason of the resource contains the service's message instead:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

import ast
import json
import re
from xml.sax.saxutils import unescape

_RAW = re.compile(r"""^.*?: (?P<body>b(?P<quote>['"]).*(?P=quote))$""", re.DOTALL)


def read(text: str) -> tuple[str, str] | None:
    """Return (message, error code) of the response in an error's text; None for a text without one."""
    match = _RAW.match(text)
    if match is None:
        return None
    code, message = _read(ast.literal_eval(match["body"]))
    return (message, code) if message else None


def _read(body: bytes) -> tuple[str, str]:
    """Return (error code, message) of a response in JSON or XML; empty texts for any other."""
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
