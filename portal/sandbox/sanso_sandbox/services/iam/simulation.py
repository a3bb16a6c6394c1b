"""SimulatePrincipalPolicy: what IAM would decide, from the policies that the sandbox enforces.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
Policies of resources and of organizations do not exist here. A simulation sees changes of policies at once.
MiniStack's own knows one resource, no condition keys and no permissions boundary.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.services import iam

from sanso_sandbox.aws_permissions import reference
from sanso_sandbox.engine import policy_changes
from sanso_sandbox.engine.registry import Answer, Parameters, here

_ARN: Final = re.compile(r"^arn:[\w-]+:iam::(\d{12}):(role|user|group)/(.+)$")
_ACTION: Final = re.compile(r"^[\w-]+:\w+$")
_DECISIONS: Final = {"Allow": "allowed", "Deny": "explicitDeny"}
_STRICTEST: Final = ("explicitDeny", "implicitDeny", "allowed")
_PAGE: Final = 100
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class _Request:
    arn: str
    kind: str
    policies: list[Any]
    boundary: list[Any]
    context: dict[str, Any]


def install() -> None:
    """Install the action."""
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = _simulate


def _simulate(parameters: Parameters) -> Answer:
    arn = str(iam._p(parameters, "PolicySourceArn") or "")
    actions, resources = _listed(parameters, "ActionNames"), _listed(parameters, "ResourceArns") or ["*"]
    if refusal := _refusal(arn, actions):
        return _error(*refusal)
    _account, kind, name = _parts(arn)
    policies, boundary = policy_changes.current(here().account, kind, name)
    request = _Request(arn, kind, policies, boundary, _context(parameters))
    first = int(str(iam._p(parameters, "Marker") or "0"))
    size = min(int(str(iam._p(parameters, "MaxItems") or _PAGE)), _MOST)
    members = "".join(_result(request, action, resources) for action in actions[first : first + size])
    is_cut = first + size < len(actions)
    marker = f"<Marker>{first + size}</Marker>" if is_cut else ""
    answer: Answer = iam._xml(
        200,
        "SimulatePrincipalPolicyResponse",
        f"<SimulatePrincipalPolicyResult><EvaluationResults>{members}</EvaluationResults>"
        f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{marker}</SimulatePrincipalPolicyResult>",
        ns="iam",
    )
    return answer


def _refusal(arn: str, actions: list[str]) -> tuple[int, str, str] | None:
    """Return the error of a request, None of a valid one."""
    found = _ARN.match(arn)
    if found is None or found[2] == "group":
        return 400, "InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
    wrong = next((one for one in actions if not _ACTION.match(one)), None)
    if wrong is not None or not actions:
        return 400, "InvalidInput", f"Invalid action name: {wrong or ''}"
    _account, kind, name = _parts(arn)
    if name not in (iam._roles if kind == "role" else iam._users):
        return 404, "NoSuchEntity", f"The {kind} with name {name} cannot be found."
    return None


def _parts(arn: str) -> tuple[str, str, str]:
    """Return the account, "role" or "user", and the name without its path."""
    account, kind, name = _ARN.match(arn).groups()  # type: ignore[union-attr]  # it was checked
    return account, kind, name.rpartition("/")[2]


def _listed(parameters: Parameters, name: str) -> list[str]:
    return list(_members(parameters, f"{name}.member."))


def _members(parameters: Parameters, prefix: str) -> Iterator[str]:
    number = 1
    while value := iam._p(parameters, f"{prefix}{number}"):
        yield str(value)
        number += 1


def _context(parameters: Parameters) -> dict[str, Any]:
    """Return the condition keys of the request; one that is not given is missing from it."""
    found: dict[str, Any] = {"aws:tagkeys": None}
    number = 1
    while key := iam._p(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        prefix = f"ContextEntries.member.{number}."
        values = _listed(parameters, f"{prefix}ContextKeyValues")
        is_list = str(iam._p(parameters, f"{prefix}ContextKeyType") or "").endswith("List")
        found[str(key).lower()] = values if is_list else (values[0] if values else None)
        number += 1
    return found


def _result(request: _Request, action: str, resources: list[str]) -> str:
    """Return the result of an action: of several resources the strictest decision, and each of its own."""
    decided = {one: _decided(request, action, one) for one in resources}
    strictest = next(one for one in _STRICTEST if one in {found for found, _ in decided.values()})
    allowed = all(by_boundary for _found, by_boundary in decided.values())
    specific = ""
    if resources != ["*"]:
        members = "".join(
            f"<member><EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalResourceDecision>{decision}</EvalResourceDecision>"
            f"<MatchedStatements/><MissingContextValues/>{_boundary(request, by_boundary)}</member>"
            for resource, (decision, by_boundary) in decided.items()
        )
        specific = f"<ResourceSpecificResults>{members}</ResourceSpecificResults>"
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(_arn_format(action))}</EvalResourceName>"
        f"<EvalDecision>{strictest}</EvalDecision><MatchedStatements/>"
        f"<MissingContextValues>{_missing(request, resources)}</MissingContextValues>"
        f"{_boundary(request, allowed)}{specific}</member>"
    )


def _decided(request: _Request, action: str, resource: str) -> tuple[str, bool]:
    """Return the decision, and whether the permissions boundary allows the action."""
    evaluated = iam_evaluator.EvalContext(
        principal_arn=request.arn,
        principal_type="AssumedRole" if request.kind == "role" else "User",
        principal_account=here().account,
        action=action,
        resource_arn=resource,
        region=here().region,
        secure_transport=True,
        service_context=dict(request.context),
    )
    result = iam_evaluator.evaluate(evaluated, request.policies, *request.boundary)
    by_boundary = all(iam_evaluator.evaluate(evaluated, one).decision == "Allow" for one in request.boundary)
    return _DECISIONS.get(result.decision, "implicitDeny"), by_boundary


def _boundary(request: _Request, allowed: bool) -> str:
    if not request.boundary:
        return ""
    return (
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
        f"{str(allowed).lower()}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
    )


def _missing(request: _Request, resources: list[str]) -> str:
    """Return the condition keys that the policies name and the request does not have.

    The top level has them where no resource is named.
    """
    if resources != ["*"]:
        return ""
    named = {
        key
        for statements in request.policies
        for one in statements
        for block in one.conditions.values()
        for key in block
    }
    missing = sorted(key for key in named if key.lower() not in request.context)
    return "".join(f"<member>{escape(key)}</member>" for key in missing)


def _arn_format(action: str) -> str:
    """Return the format of the ARN of an action's first resource type, "*" without one."""
    row, service = reference.find(action), action.partition(":")[0]
    return reference.arn(service, row.types[0]) if row and row.types else "*"


def _error(status: int, code: str, message: str) -> Answer:
    answer: Answer = iam._error(status, code, message, ns="iam")
    return answer
