"""GetMetricData: how many metrics a call may name, and the names of statistics."""

import re
from typing import Any, Final

from ministack.services import cloudwatch

from sanso_sandbox.engine.registry import Record

MOST: Final = 500
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
STATISTIC: Final = re.compile(
    r"SampleCount|Average|Sum|Minimum|Maximum|IQM|(p|tm|tc|ts|wm)\d{1,2}(\.\d+)?|p100|(PR|TM|TC|TS|WM)\(.+\)"
)
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html"""


def install() -> None:
    """Reject what AWS rejects before the metrics are read."""
    answer = cloudwatch._get_metric_data

    def answered(parameters: Any, data: Record, is_cbor: bool, is_json: bool = False) -> Any:
        problem = _problem(data.get("MetricDataQueries") or [])
        if problem:
            return cloudwatch._error("ValidationError", problem, 400, use_json=is_json, use_cbor=is_cbor)
        return answer(parameters, data, is_cbor, is_json)

    cloudwatch._get_metric_data = answered


def _problem(queries: list[Record]) -> str:
    """Return AWS's message; "" for a valid call.

    https://github.com/prometheus-community/yet-another-cloudwatch-exporter/issues/385 (statistics)
    """
    if len(queries) > MOST:
        return f"The collection MetricDataQueries must not have a size greater than {MOST}."
    statistics = [(query.get("MetricStat") or {}).get("Stat") for query in queries]
    return "\n".join(
        f"The value {name} for parameter MetricDataQueries.member.{number}.MetricStat.Stat"
        " is not a valid statistic."
        for number, name in enumerate(statistics, 1)
        if name is not None and not STATISTIC.fullmatch(name)
    )
