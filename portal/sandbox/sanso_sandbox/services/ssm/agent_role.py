"""Permissions of an instance's agent and its commands, which act as the role of its instance profile.

https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html. The calls are
those of amazon-ssm-agent: common/identity (registration), agent/association (associations),
plugins/downloadcontent (ListObjects below the key, then GetObject) and s3util (PutObject with an ACL).
"""

import re
from collections.abc import Mapping

from ministack.services import ec2

from sanso_sandbox.engine import authorization
from sanso_sandbox.engine.authorization import Denied, Principal
from sanso_sandbox.engine.registry import here
from sanso_sandbox.services.ec2 import egress
from sanso_sandbox.services.iam import role_sessions

_SIGNALS = re.compile(r"SIGNAL_STACK='?(?P<stack>[A-Za-z][A-Za-z0-9-]*)")
_LISTS = "ssm:ListInstanceAssociations"


def acting(instance_id: str) -> Principal | None:
    """Return the agent's principal; None for an instance without a role, which has no agent on AWS."""
    instance = ec2._instances.get(instance_id)
    role = role_sessions.role_of(instance) if instance else ""
    return authorization.role_session(role, instance_id) if role else None


def may_register(instance_id: str) -> bool:
    """Return whether the agent may register with Systems Manager and list its associations."""
    return _allows(instance_id, "ssm:UpdateInstanceInformation", _instance(instance_id)) and _allows(
        instance_id, _LISTS, _instance(instance_id)
    )


def may_report(instance_id: str) -> bool:
    """Return whether the agent may report the result of an association to State Manager."""
    return _allows(instance_id, "ssm:UpdateInstanceAssociationStatus", _instance(instance_id))


def may_write(instance_id: str, bucket: str, key: str) -> bool:
    """Return whether the agent can store an output, for which it grants the bucket's owner all rights."""
    if not egress.reaches(instance_id, "s3"):
        return False
    arn = f"arn:aws:s3:::{bucket}/{key}"
    return all(_allows(instance_id, action, arn) for action in ("s3:PutObject", "s3:PutObjectAcl"))


def require_document(instance_id: str, name: str, owned_by_aws: bool) -> None:
    """Raise Denied unless the agent may read a document."""
    scope = here()
    owner = "" if owned_by_aws else scope.account
    name = name.rpartition("document/")[2]
    _require(instance_id, "ssm:GetDocument", f"arn:aws:ssm:{scope.region}:{owner}:document/{name}")


def require_objects(instance_id: str, bucket: str, key: str) -> None:
    """Raise Denied unless aws:downloadContent may list objects below a key.

    The agent lists first, to find out whether the key is a folder (s3resource.go).
    """
    prefix = f"{key.rstrip('/')}/" if key else ""
    authorization.authorize(
        acting(instance_id),
        "s3:ListBucket",
        f"arn:aws:s3:::{bucket}",
        {"s3:prefix": prefix},
        region=here().region,
    )


def require_object(instance_id: str, bucket: str, key: str) -> None:
    """Raise Denied unless aws:downloadContent may read an object."""
    _require(instance_id, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")


def require_signal(instance_id: str, root: str, stack_id: str) -> None:
    """Raise Denied unless commands may find the nested stack of a group and signal it."""
    scope = here()
    arn = f"arn:aws:cloudformation:{scope.region}:{scope.account}:stack/{root}/*"
    _require(instance_id, "cloudformation:DescribeStackResource", arn)
    _require(instance_id, "cloudformation:SignalResource", stack_id)


def signaled_stack(parameters: Mapping[str, list[str]]) -> str:
    """Return the stack whose groups wait for signals of an association's commands, "" without one."""
    texts = [text for values in parameters.values() for text in values]
    return next((found["stack"] for text in texts if (found := _SIGNALS.search(text))), "")


def _allows(instance_id: str, action: str, resource: str) -> bool:
    try:
        _require(instance_id, action, resource)
    except Denied:
        return False
    return True


def _require(instance_id: str, action: str, resource: str) -> None:
    authorization.authorize(acting(instance_id), action, resource, region=here().region)


def _instance(instance_id: str) -> str:
    scope = here()
    return f"arn:aws:ec2:{scope.region}:{scope.account}:instance/{instance_id}"
