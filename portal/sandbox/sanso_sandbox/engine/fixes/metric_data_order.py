"""GetMetricData ignores ScanBy and returns the oldest data first (MiniStack 1.5.33).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from contextvars import ContextVar
from typing import Any

from ministack.services import cloudwatch

from sanso_sandbox.engine.registry import Record

_oldest_first: ContextVar[bool] = ContextVar("oldest_first", default=False)


def install() -> None:
    """Return the newest data first, in JSON and in CBOR, unless the call has another order."""
    answer, in_json, in_cbor = (
        cloudwatch._get_metric_data,
        cloudwatch._json_ok,
        cloudwatch._cbor_metric_data_result,
    )

    def answered(parameters: Any, data: Record, *protocol: bool) -> Any:
        token = _oldest_first.set(data.get("ScanBy") == "TimestampAscending")
        try:
            return answer(parameters, data, *protocol)
        finally:
            _oldest_first.reset(token)

    def rendered_in_json(body: Record) -> Any:
        if "MetricDataResults" in body:
            body = {**body, "MetricDataResults": [_ordered(one) for one in body["MetricDataResults"]]}
        return in_json(body)

    cloudwatch._get_metric_data = answered
    cloudwatch._json_ok = rendered_in_json
    cloudwatch._cbor_metric_data_result = lambda result: in_cbor(_ordered(result))


def _ordered(result: Record) -> Record:
    """Return a result in the order of the call; MiniStack has the oldest data first."""
    if _oldest_first.get():
        return result
    return {**result, "Timestamps": result["Timestamps"][::-1], "Values": result["Values"][::-1]}
