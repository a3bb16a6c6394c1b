"""Decides whether a principal may perform an action, with MiniStack's evaluator and AWS's messages.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
MiniStack's own enforcement is not used: it would verify signatures again, and lacks CloudFormation's calls.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.services import alb, ec2, iam, sts, tagging

from sanso_sandbox.aws_permissions.arn_patterns import has_wildcard_type
from sanso_sandbox.engine import decisions, policy_changes, readings

# AWS never denies these.
ALWAYS: Final = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
_NOTHING: Final = "arn:aws:none"
_engine_parse = iam_evaluator.parse_policy_document
_PER_RESOURCE_TAG: Final = ("aws:resourcetag/", "ssm:resourcetag/", "ec2:resourcetag/")

tag_sources: Final[dict[str, Callable[[str], Mapping[str, str]]]] = {}
"""Functions of services that return the tags of a resource by its ARN; {} for what MiniStack knows itself."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: the account itself ("root", which is never denied), a user, or a session of a role."""

    account: str
    kind: str  # root, user or role
    arn: str
    access_key: str = ""  # of the session, whose session policies limit it

    @property
    def name(self) -> str:
        """The name of the user or role, without its path or session."""
        resource = self.arn.rpartition(":")[2]
        return resource.split("/")[1] if self.kind == "role" else resource.rpartition("/")[2]

    @property
    def label(self) -> str:
        """The principal in the report about roles: role/NAME, the same for all sessions of the role."""
        return f"{self.kind}/{self.name}"


class Denied(Exception):
    """IAM does not allow an action; the message is AWS's."""

    def __init__(self, principal: Principal, action: str, resource: str, why: str) -> None:
        super().__init__(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}{why}"
        )
        self.principal, self.action, self.resource = principal, action, resource


_acting: ContextVar[Principal | None] = ContextVar("sanso_acting", default=None)


def install() -> None:
    """Make MiniStack parse each document once, since every decision reads all policies of a role."""
    iam_evaluator.parse_policy_document = _parse
    policy_changes.install()


def _parse(document: str | dict[str, Any]) -> Any:
    text = document if isinstance(document, str) else json.dumps(document)
    return _parsed(text, readings.strict("wildcard_types_match_nothing"))


@lru_cache(maxsize=4096)
def _parsed(document: str, is_strict: bool) -> Any:
    statements = _engine_parse(document)
    for one in statements if is_strict else ():
        if one.resources:
            one.resources = [found for found in one.resources if not has_wildcard_type(found)] or [_NOTHING]
    return statements


def is_enforced() -> bool:
    """Return whether a missing permission rejects a call, or is only reported."""
    return os.environ.get("SANSO_SANDBOX_PERMISSIONS", "enforce") == "enforce"


def acting() -> Principal | None:
    """Return the principal of the current request or stack operation; None without a caller."""
    return _acting.get()


@contextmanager
def act_as(principal: Principal | None) -> Iterator[None]:
    """Use a principal for everything that runs or is started in the block."""
    token = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(token)


def role_session(role_arn: str, session: str) -> Principal:
    """Return the principal of a service that has assumed a role."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return Principal(account, "role", f"arn:aws:sts::{account}:assumed-role/{name}/{session}")


def authorize(
    principal: Principal | None,
    action: str,
    resource: str = "*",
    context: Mapping[str, Any] | None = None,
    *,
    region: str = "",
) -> None:
    """Raise Denied unless a principal may perform an action on a resource.

    Args:
        context: condition keys of the request, such as iam:PassedToService.
    """
    if principal is None or principal.kind == "root" or action in ALWAYS:
        return
    why = _refusal(principal, action, resource, context, region)
    if why and is_enforced():
        raise Denied(principal, action, resource, why)


def allows(principal: Principal, action: str, resource: str = "*", *, region: str = "") -> bool:
    """Return whether a principal may perform an action, even if missing permissions are only reported."""
    return not _refusal(principal, action, resource, None, region)


def _refusal(
    principal: Principal, action: str, resource: str, context: Mapping[str, Any] | None, region: str
) -> str:
    """Record a decision, and return the reason why the action is not allowed, "" if it is."""
    policies, limits = _policies(principal)
    known = {key.lower(): value for key, value in (context or {}).items()}
    known.setdefault("aws:tagkeys", None)
    if any(
        iam_evaluator._names_condition_key(one, prefix)
        for one in (policies, *limits)
        for prefix in _PER_RESOURCE_TAG
    ):
        for name, value in _tags_of(resource).items():
            for prefix in _PER_RESOURCE_TAG:
                known.setdefault(f"{prefix}{name}".lower(), value)
    evaluated = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type="AssumedRole" if principal.kind == "role" else "User",
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=region,
        secure_transport=True,  # loopback counts as TLS
        service_context=known,
    )
    result = iam_evaluator.evaluate(evaluated, policies, *limits)
    service = action.partition(":")[0]
    if found := iam_evaluator._resource_policy(service, resource):
        result = iam_evaluator.combine_resource_policy(result, evaluated, *found, limits=tuple(limits))
    allowed = result.decision == "Allow"
    decisions.note(principal.account, principal.label, action, allowed)
    return "" if allowed else _reason(action, result, evaluated, policies, limits)


def _policies(principal: Principal) -> tuple[list[Any], list[Any]]:
    """Return a principal's own policies as they are seen, and its limits: boundary and session policies."""
    own, limits = policy_changes.seen(principal.account, principal.kind, principal.name)
    session = sts._sessions.get(principal.access_key) or {}
    return own, [*limits, *iam_evaluator._session_policy_limits(session, principal.account)]


def _reason(action: str, result: Any, evaluated: Any, policies: list[Any], limits: list[Any]) -> str:
    if result.resource_policy_arn:
        return " with an explicit deny in a resource-based policy"
    if result.decision == "Deny":
        return " with an explicit deny in an identity-based policy"
    if limits and iam_evaluator.evaluate(evaluated, policies).decision == "Allow":
        return f" because no permissions boundary allows the {action} action"
    return f" because no identity-based policy allows the {action} action"


def _tags_of(resource: str) -> Mapping[str, str]:
    service = resource.split(":")[2] if resource.count(":") >= 5 else ""
    if service == "ec2":
        return _by_key(ec2._tags.get(resource.rpartition("/")[2]))
    if service == "elasticloadbalancing":
        return _by_key(alb._tags.get(resource))
    if (find := tag_sources.get(service)) and (found := find(resource)):
        return found
    collect = tagging._COLLECTORS.get(service)
    for arn, tags in collect() if collect else ():
        if arn == resource:
            return _by_key(tags)
    return tagging.resource_tags(resource) or {}


def _by_key(tags: list[dict[str, str]] | None) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}


def service_may_assume(role_arn: str, service: str, keys: tuple[str, ...]) -> bool:
    """Return whether the trust policy of a role lets a service assume it; also if the role is unknown.

    Args:
        keys: the condition keys with the role's account that the service sends.
    """
    account, name = role_arn.split(":")[4] if role_arn.count(":") > 4 else "", role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name) if account else None
    if role is None:
        return True
    evaluated = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context=dict.fromkeys(keys, account),
    )
    trust = role.get("AssumeRolePolicyDocument") or "{}"
    decided = iam_evaluator.evaluate_resource_policy(trust, evaluated, service=service)
    return bool(decided.decision == "Allow")


def assume_role(principal: Principal, role_arn: str, external_id: str, session: str) -> None:
    """Raise Denied unless a principal may assume a role, with the same message for every reason.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
    """
    account, name = role_arn.split(":")[4] if role_arn.count(":") > 4 else "", role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name) if account else None
    evaluated = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type={"role": "AssumedRole", "user": "User"}.get(principal.kind, "Root"),
        principal_account=principal.account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"sts:externalid": external_id or None, "sts:rolesessionname": session or None},
    )
    trusted = role is not None and iam_evaluator.evaluate_trust_policy(
        role.get("AssumeRolePolicyDocument") or "{}", principal.arn, evaluated
    )
    if not trusted:
        decisions.note(principal.account, principal.label, "sts:AssumeRole", False)
        raise Denied(principal, "sts:AssumeRole", role_arn, "")
    try:
        authorize(principal, "sts:AssumeRole", role_arn)
    except Denied as denied:
        raise Denied(principal, "sts:AssumeRole", role_arn, "") from denied
