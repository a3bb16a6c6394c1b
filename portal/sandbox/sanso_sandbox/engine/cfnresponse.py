"""The module AWS puts beside inline code, so that a function can answer CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/cfn-lambda-function-code-cfnresponsemodule.html
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: dict[str, Any] | None,
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Put the answer to the event's ResponseURL; the names are those of AWS's module."""
    body = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    request = urllib.request.Request(  # noqa: S310  (the URL is CloudFormation's)
        event["ResponseURL"], json.dumps(body).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            print("Status code:", response.status)  # noqa: T201  (it is the function's log)
    except OSError as error:
        print("send(..) failed executing http.request(..):", error)  # noqa: T201
