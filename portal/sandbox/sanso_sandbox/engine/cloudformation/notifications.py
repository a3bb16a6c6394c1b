"""NotificationARNs: every event of a stack is sent to its SNS topics, in AWS's text format."""

import logging
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import sns

from sanso_sandbox.engine.cloudformation.store import Stack

SUBJECT = "AWS CloudFormation Notification"
FIELDS = (
    "StackId",
    "Timestamp",
    "EventId",
    "LogicalResourceId",
    "Namespace",
    "PhysicalResourceId",
    "PrincipalId",
    "ResourceProperties",
    "ResourceStatus",
    "ResourceStatusReason",
    "ResourceType",
    "StackName",
    "ClientRequestToken",
)

logger = logging.getLogger(__name__)


def announce(stack: Stack, event: dict[str, Any]) -> None:
    """Publish an event to the topics of its stack; an unreachable topic misses it, as on AWS."""
    for topic in stack.get("NotificationARNs") or ():
        try:
            sns.publish_internal(topic, text_of(event), SUBJECT)
        except (sns.SnsPublishError, OSError) as refused:
            logger.warning("The event %s did not reach %s: %s", event["EventId"], topic, refused)


def text_of(event: dict[str, Any]) -> str:
    """Return an event as key='value' lines."""
    account = get_account_id()
    values = {
        "PrincipalId": account,
        "ResourceProperties": "null",
        "ResourceStatusReason": "",
        "ClientRequestToken": "null",
        "Namespace": account,
        **event,
    }
    return "".join(f"{field}='{values[field]}'\n" for field in FIELDS)
