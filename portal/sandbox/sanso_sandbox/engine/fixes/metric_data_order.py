"""GetMetricData ignores ScanBy and returns the oldest data first (MiniStack 1.5.33).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from contextvars import ContextVar
from typing import Any

from ministack.services import cloudwatch

from sanso_sandbox.engine.registry import Record

_oldest_first: ContextVar[bool] = ContextVar("oldest_first", default=False)


def install() -> None:
    """Return the newest data first, as boto3's clients receive them, unless the call has another order."""
    answer, render = cloudwatch._get_metric_data, cloudwatch._cbor_metric_data_result

    def answered(parameters: Any, data: Record, *protocol: bool) -> Any:
        token = _oldest_first.set(data.get("ScanBy") == "TimestampAscending")
        try:
            return answer(parameters, data, *protocol)
        finally:
            _oldest_first.reset(token)

    def rendered(result: Record) -> Record:
        if not _oldest_first.get():
            result = {**result, "Timestamps": result["Timestamps"][::-1], "Values": result["Values"][::-1]}
        found: Record = render(result)
        return found

    cloudwatch._get_metric_data, cloudwatch._cbor_metric_data_result = answered, rendered
