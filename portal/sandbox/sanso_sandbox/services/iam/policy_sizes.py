"""The sizes of policies, which IAM limits without counting white space.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; the messages are those that users
quote, as in https://github.com/awslabs/aws-deployment-framework/issues/474 (roles) and
https://github.com/docker/docs/issues/4685 (managed policies).
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ministack.services import iam

from sanso_sandbox.engine.registry import (
    Action,
    Answer,
    Created,
    Parameters,
    Properties,
    Refused,
    handler,
)

INLINE: Final = 10_240  # all inline policies of a role together
MANAGED: Final = 6_144
TRUST: Final = 2_048  # the default of a quota that can be raised to 4,096
_SPACE: Final = re.compile(r"\s")
_CODE: Final = "LimitExceeded"


def install() -> None:
    """Check policies of templates, and those that the API is given."""
    role, policy, managed = (handler(f"AWS::IAM::{name}") for name in ("Role", "Policy", "ManagedPolicy"))
    for found, check in ((role, _check_role), (managed, _check_managed), (policy, _check_attached)):
        found["create"] = _checking_creation(found["create"], found["delete"], check)
        found["update"] = _checking_update(found["update"], check)
    iam._IAM_HANDLERS["CreateRole"] = _calling(
        iam._IAM_HANDLERS["CreateRole"], lambda given: require_trust(given("AssumeRolePolicyDocument"))
    )
    for name in ("CreatePolicy", "CreatePolicyVersion"):
        iam._IAM_HANDLERS[name] = _calling(
            iam._IAM_HANDLERS[name], lambda given: require_managed(given("PolicyDocument"))
        )
    iam._IAM_HANDLERS["PutRolePolicy"] = _calling(iam._IAM_HANDLERS["PutRolePolicy"], _check_put)


def size(document: object) -> int:
    """Return the number of characters of a policy without white space."""
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return len(_SPACE.sub("", text))


def require_trust(document: object) -> None:
    """Raise Refused for a trust policy that is too long."""
    if size(document) > TRUST:
        raise Refused(_CODE, f"Cannot exceed quota for ACLSizePerRole: {TRUST}")


def require_managed(document: object) -> None:
    """Raise Refused for a managed policy that is too long."""
    if size(document) > MANAGED:
        raise Refused(_CODE, f"Cannot exceed quota for PolicySize: {MANAGED}")


def require_inline(role: str, documents: Mapping[str, object]) -> None:
    """Raise Refused for inline policies of a role that are too long together."""
    if sum(map(size, documents.values())) > INLINE:
        raise Refused(_CODE, f"Maximum policy size of {INLINE} bytes exceeded for role {role}")


def _check_role(properties: Properties, name: str) -> None:
    require_trust(properties.get("AssumeRolePolicyDocument") or {})
    documents = {one["PolicyName"]: one["PolicyDocument"] for one in properties.get("Policies") or ()}
    require_inline(name, documents)


def _check_managed(properties: Properties, name: str) -> None:
    require_managed(properties.get("PolicyDocument") or {})


def _check_attached(properties: Properties, name: str) -> None:
    """Check AWS::IAM::Policy, which is an inline policy of its roles."""
    for role in properties.get("Roles") or ():
        known = dict((iam._roles.get(role) or {}).get("InlinePolicies") or {})
        require_inline(role, {**known, properties["PolicyName"]: properties["PolicyDocument"]})


def _check_put(given: Any) -> None:
    role = given("RoleName")
    known = dict((iam._roles.get(role) or {}).get("InlinePolicies") or {})
    require_inline(role, {**known, given("PolicyName"): given("PolicyDocument")})


def _checking_creation(create: Any, delete: Any, check: Any) -> Any:
    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        """Create a resource, whose name is in the message, and delete it if it is refused."""
        made: Created = create(logical_id, properties, stack)
        try:
            check(properties, made[0])
        except Refused:
            delete(made[0], properties)
            raise
        return made

    return created


def _checking_update(update: Any, check: Any) -> Any:
    @functools.wraps(update)
    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        check(new, physical_id)
        made: Created = update(physical_id, old, new, *rest)
        return made

    return updated


def _calling(action: Action, check: Any) -> Action:
    def called(parameters: Parameters) -> Answer:
        try:
            check(lambda name: str(iam._p(parameters, name) or ""))
        except Refused as refused:
            answer: Answer = iam._error(409, refused.code, str(refused))
            return answer
        return action(parameters)

    return called
