"""Lambda's restrictions of functions: blocked runtimes, and limits of durations and sizes.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html (dates after which functions are
not created or updated), https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
"""

import datetime
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, s3

from sanso_sandbox.engine import aws_tables
from sanso_sandbox.engine.registry import Created, Properties, Refused, handler

FUNCTION: Final = "AWS::Lambda::Function"
INVALID: Final = "InvalidParameterValueException"
LONGEST_TIMEOUT: Final = 900  # seconds
MEMORY: Final = (128, 10_240)  # MB
LARGEST_ENVIRONMENT: Final = 4 * 1024  # bytes
LARGEST_INLINE: Final = 4 * 1024 * 1024  # characters of ZipFile in a template
LARGEST_UNZIPPED: Final = 250 * 1024 * 1024
LARGEST_ANSWER: Final = 4096  # bytes of a custom resource's response


def install() -> None:
    """Install the checks before the resource type and the actions."""
    found = handler(FUNCTION)
    create, update = found["create"], found["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        require_allowed(properties, "create")
        made: Created = create(logical_id, properties, stack)
        return made

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        require_allowed(new, "update")
        made: Created = update(physical_id, old, new, *rest)
        return made

    found.update(create=created, update=updated)
    lambda_svc._create_function = _checked(lambda_svc._create_function, "create")
    lambda_svc._update_config = _checked(lambda_svc._update_config, "update")


def _checked(action: Callable[..., Any], operation: str) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        try:
            require_allowed(arguments[-1], operation)
        except Refused as refused:
            return error_response_json(refused.code, str(refused), 400)
        return action(*arguments)

    return checked


def require_allowed(function: Properties, operation: str, today: datetime.date | None = None) -> None:
    """Raise Refused with Lambda's message for a function that it would not create or update.

    Args:
        function: the resource's properties, or the request of the API, which have the same form.
        operation: "create" or "update".
    """
    _require_runtime(str(function.get("Runtime") or ""), operation, today)
    _require_range("timeout", function.get("Timeout"), 1, LONGEST_TIMEOUT)
    _require_range("memorySize", function.get("MemorySize"), *MEMORY)
    variables = (function.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"))
    if len(measured.encode()) > LARGEST_ENVIRONMENT:
        raise Refused(
            INVALID,
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the 4KB limit. String measured: {measured}",
        )
    _require_package(function.get("Code") or {})


def _require_runtime(runtime: str, operation: str, today: datetime.date | None) -> None:
    known = aws_tables.runtimes()
    if runtime and runtime not in known:
        raise Refused(
            INVALID,
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(known)}] or be a valid ARN",
        )
    if aws_tables.blocked_runtime(runtime, operation, today or datetime.datetime.now(datetime.UTC).date()):
        raise Refused(
            INVALID,
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions.",
        )


def _require_range(name: str, given: object, least: int, most: int) -> None:
    if given is None:
        return
    number = int(str(given))
    if not least <= number <= most:
        bound = f"less than or equal to {most}" if number > most else f"greater than or equal to {least}"
        raise Refused(
            INVALID,
            f"1 validation error detected: Value '{number}' at '{name}' failed to satisfy constraint: Member "
            f"must have value {bound}",
        )


def _require_package(code: Properties) -> None:
    inline, bucket, key = code.get("ZipFile"), code.get("S3Bucket"), code.get("S3Key")
    if isinstance(inline, str) and len(inline) > LARGEST_INLINE:
        raise Refused(INVALID, f"Inline code is longer than {LARGEST_INLINE} characters")
    data = s3._get_object_data(bucket, key) if bucket in s3._buckets and key else None
    if data and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unzipped = sum(entry.file_size for entry in archive.infolist())
        if unzipped > LARGEST_UNZIPPED:
            raise Refused(INVALID, f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes")
