"""The output of functions in CloudWatch Logs: a stream for each process, with the name in its context."""

import time
from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

from sanso_sandbox.services.lambda_ import workers

_engine_emit = lambda_svc._emit_lambda_logs


def install() -> None:
    """Install the stream's name."""
    lambda_svc._emit_lambda_logs = _emit


def _emit(
    function: dict[str, Any],
    request_id: str,
    text: str,
    error: bool,
    duration: int,
    **options: Any,
) -> None:
    """Write an invocation's log to the stream of its process, with the time of its start.

    MiniStack writes to a stream with another name, and stamps every line with the time of writing. That is
    after the invocation, and on a busy machine after what the function has answered has taken effect.
    """
    stream, began = None, int(time.time() * 1000) - duration
    if (served := workers.served.get()) and served.request_id == request_id:
        stream, began = served.stream, served.began
    name = _group_name(function.get("config") or function)
    before = set((cloudwatch_logs._log_groups.get(name) or {}).get("streams") or ())
    _engine_emit(function, request_id, text, error, duration, **options)
    streams = (cloudwatch_logs._log_groups.get(name) or {}).get("streams") or {}
    for fresh in [key for key in streams if key not in before]:
        written = streams.pop(fresh)
        _stamp(written["events"], request_id, began, began + duration)
        if stream and stream in streams:
            streams[stream]["events"].extend(written["events"])
            streams[stream].update({key: written[key] for key in ("lastEventTimestamp", "lastIngestionTime")})
        else:
            streams[stream or fresh] = written


def _group_name(config: dict[str, Any]) -> str:
    own: str | None = (config.get("LoggingConfig") or {}).get("LogGroup")
    return own or f"/aws/lambda/{config.get('FunctionName')}"


def _stamp(events: list[dict[str, Any]], request_id: str, began: int, ended: int) -> None:
    ending = (f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}")
    for event in events:
        event["timestamp"] = ended if event["message"].startswith(ending) else began
