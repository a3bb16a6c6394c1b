"""CloudFormation creates functions and layers whose package is not in S3 (MiniStack 1.5.33).

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (InvalidParameterValueException)
"""

from collections.abc import Callable
from typing import Any

from ministack.services import s3

from sanso_sandbox.engine.registry import Created, Properties, handler


def install() -> None:
    """Install the check before the handlers."""
    function, layer = handler("AWS::Lambda::Function"), handler("AWS::Lambda::LayerVersion")
    function["create"] = _checked(function["create"], "Code")
    layer["create"] = _checked(layer["create"], "Content")


def _checked(create: Callable[..., Created], code: str) -> Callable[..., Created]:
    def checked(logical_id: str, properties: Properties, stack: str) -> Created:
        _require_object(properties.get(code) or {})
        return create(logical_id, properties, stack)

    return checked


def _require_object(code: dict[str, Any]) -> None:
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not bucket or not key:
        return
    if bucket not in s3._buckets:
        raise ValueError(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
            "S3 Error Message: The specified bucket does not exist"
        )
    if s3._get_object_data(bucket, key) is None:
        raise ValueError(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
            "S3 Error Message: The specified key does not exist."
        )
