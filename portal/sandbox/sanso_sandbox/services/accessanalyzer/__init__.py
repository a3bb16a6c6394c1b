"""IAM Access Analyzer: the validation of policies, which MiniStack does not have, with a few of AWS's checks.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ministack import app
from ministack.core import iam_actions, router

from sanso_sandbox.aws_permissions import reference
from sanso_sandbox.engine.registry import Answer, Record

SERVICE: Final = "access-analyzer"
PATH: Final = "/policy/validation"
_TYPES: Final = ("IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_EFFECTS: Final = ("Allow", "Deny")
# The schema of AWS::EC2::VPCEndpoint names it, AWS's authorization reference does not.
_UNDOCUMENTED: Final = ("vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",)
_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"


def install() -> None:
    """Add the service to MiniStack's."""
    router.SERVICE_PATTERNS[SERVICE] = {
        "host_patterns": [r"access-analyzer\."],
        "credential_scope": SERVICE,
    }
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    iam_actions._BOTOCORE_SERVICE_MAP[SERVICE] = ["accessanalyzer"]
    app.SERVICE_HANDLERS[SERVICE] = _answer


async def _answer(
    method: str, path: str, _headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
) -> Answer:
    if (method, path.rstrip("/")) != ("POST", PATH):
        return _json(404, {"message": "The sandbox has no such operation."}, "ResourceNotFoundException")
    request = json.loads(body or b"{}")
    if request.get("policyType") not in _TYPES:
        return _json(400, {"message": "Invalid policy type."}, "ValidationException")
    return _json(200, {"findings": list(_findings(str(request.get("policyDocument") or "")))})


def _json(status: int, body: Record, error: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"x-amzn-ErrorType": error} if error else {})
    return status, headers, json.dumps(body).encode()


def _findings(document: str) -> Iterator[Record]:
    """Yield the findings about an identity policy: its syntax, and actions that do not exist."""
    try:
        policy = json.loads(document)
    except ValueError as wrong:
        yield _finding("JSON_SYNTAX_ERROR", f"Fix the JSON syntax error at index {getattr(wrong, 'pos', 0)}.")
        return
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if not statements:
        yield _finding("MISSING_STATEMENT", "Add a statement to the policy.")
        return
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        place: list[Record] = [{"value": "Statement"}, {"index": number}]
        if statement.get("Effect") not in _EFFECTS:
            yield _finding("INVALID_EFFECT", "The effect is not valid. Use Allow or Deny.", place)
        actions = statement.get("Action") or []
        for action in [actions] if isinstance(actions, str) else actions:
            if not _exists(action):
                yield _finding("INVALID_ACTION", f"The action {action} does not exist.", place)


def _exists(action: str) -> bool:
    """Return whether an action or a pattern has a row in the reference, or is of a service without rows."""
    service = action.partition(":")[0]
    return not reference.knows(service) or bool(reference.members(action)) or action in _UNDOCUMENTED


def _finding(code: str, details: str, place: list[Record] | None = None) -> Record:
    position = {"line": 1, "column": 0, "offset": 0}
    return {
        "findingType": "ERROR",
        "issueCode": code,
        "findingDetails": details,
        "learnMoreLink": f"{_PAGE}#access-analyzer-reference-policy-checks-error-{code.lower()}",
        "locations": [{"path": place or [], "span": {"start": position, "end": position}}],
    }
