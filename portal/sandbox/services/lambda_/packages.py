"""What a function is made of: inline code packed as AWS packs it, zips from S3 that must be there."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc, s3
from ministack.services.cloudformation import provisioners

from portal.sandbox.engine.registry import Created, Properties, handler, here
from portal.sandbox.services.lambda_ import cfnresponse

FUNCTION = "AWS::Lambda::Function"
LAYER = "AWS::Lambda::LayerVersion"


def install() -> None:
    """Put the packaging and the checks in place."""
    provisioners._zip_inline = zip_inline
    function, layer = handler(FUNCTION), handler(LAYER)
    function["create"] = _checked(function["create"], "Code")
    function["delete"] = _ending(function["delete"])
    layer["create"] = _checked(layer["create"], "Content")


def zip_inline(source: str | None, handler_name: str, runtime: str = "python3.13") -> bytes | None:
    """Pack inline code as AWS does: a file called index, and beside it the module that answers for it."""
    if not source:
        return None
    python = runtime.startswith("python")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py" if python else "index.js", source)
        if python:
            archive.writestr("cfnresponse.py", Path(cfnresponse.__file__).read_text())
    return packed.getvalue()


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


def _ending(delete: Callable[..., None]) -> Callable[..., None]:
    def ended(physical_id: str, properties: Properties) -> None:
        delete(physical_id, properties)
        scope = here()
        lambda_svc.invalidate_worker(physical_id, account=scope.account, region=scope.region)

    return ended
