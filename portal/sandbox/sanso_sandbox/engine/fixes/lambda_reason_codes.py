"""Functions without a reason for their state have an empty reason code (MiniStack 1.5.33).

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from typing import Any, Final

from ministack.services import lambda_svc

from sanso_sandbox.engine.registry import Answer

CODES: Final = ("StateReasonCode", "LastUpdateStatusReasonCode")


def install() -> None:
    """Leave out empty reason codes."""
    respond = lambda_svc.json_response

    def responded(data: Any, *rest: Any, **options: Any) -> Answer:
        answer: Answer = respond(_without_empty(data), *rest, **options)
        return answer

    lambda_svc.json_response = responded


def _without_empty(data: Any) -> Any:
    """Return a configuration, also one in a response about one or several functions, without empty codes."""
    if isinstance(data, list):
        return [_without_empty(one) for one in data]
    if not isinstance(data, dict):
        return data
    kept = {name: value for name, value in data.items() if value != "" or name not in CODES}
    nested = {
        name: _without_empty(kept[name])
        for name in ("Configuration", "Functions", "Versions")
        if name in kept
    }
    return kept | nested
