"""The bucket for access logs must exist and allow Elastic Load Balancing to write to it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from ministack.services import alb, s3

from sanso_sandbox.engine import elbv2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused

# The service itself, and its account in regions from before August 2022 (here ap-northeast-1's).
WRITERS: Final = ("logdelivery.elasticloadbalancing.amazonaws.com", "582318560864")


def install() -> None:
    """Install the check before the action that changes attributes."""
    modify = alb._ACTION_MAP["ModifyLoadBalancerAttributes"]

    def checked(parameters: Parameters) -> Answer:
        given = query.structures(parameters, "Attributes")
        try:
            require_writable([*alb._lb_attrs.get(query.value(parameters, "LoadBalancerArn"), ()), *given])
        except Refused as refused:
            return elbv2_responses.refusal(refused)
        answer: Answer = modify(parameters)
        return answer

    alb._ACTION_MAP["ModifyLoadBalancerAttributes"] = checked


def require_writable(attributes: Iterable[Record]) -> None:
    """Raise Refused if the attributes turn on access logs for a bucket that does not allow writes."""
    values = {attribute["Key"]: str(attribute.get("Value", "")) for attribute in attributes}
    bucket = values.get("access_logs.s3.bucket", "")
    if values.get("access_logs.s3.enabled", "").lower() == "true" and not _may_write(bucket):
        raise Refused(
            "InvalidConfigurationRequest",
            f"Access Denied for bucket: {bucket}. Please check S3bucket permission",
        )


def _may_write(bucket: str) -> bool:
    document: Any = s3._bucket_policies.get(bucket)
    if not document:
        return False
    policy = json.loads(document) if isinstance(document, str | bytes) else document
    statements = policy.get("Statement") or ()
    return any(
        statement.get("Effect") == "Allow"
        and any(writer in json.dumps(statement.get("Principal")) for writer in WRITERS)
        and {"s3:PutObject", "s3:*", "*"} & set(_listed(statement.get("Action")))
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
