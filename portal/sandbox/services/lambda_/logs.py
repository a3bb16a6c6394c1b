"""The output of functions in CloudWatch Logs: a stream for each process, with the name in its context."""

from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

from portal.sandbox.services.lambda_ import workers

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

    MiniStack writes to a stream with another name, and stamps every line with the end of the invocation,
    which was `duration` milliseconds after the start.
    """
    stream = workers.log_stream.get()
    config = function.get("config") or function
    name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
    before = set((cloudwatch_logs._log_groups.get(name) or {}).get("streams") or ())
    _engine_emit(function, request_id, text, error, duration, **options)
    streams = (cloudwatch_logs._log_groups.get(name) or {}).get("streams") or {}
    for fresh in [key for key in streams if key not in before]:
        written = streams.pop(fresh)
        _stamp_with_start(written["events"], request_id, duration)
        if stream and stream in streams:
            streams[stream]["events"].extend(written["events"])
            streams[stream].update({key: written[key] for key in ("lastEventTimestamp", "lastIngestionTime")})
        else:
            streams[stream or fresh] = written


def _stamp_with_start(events: list[dict[str, Any]], request_id: str, duration: int) -> None:
    ending = (f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}")
    for event in events:
        if not event["message"].startswith(ending):
            event["timestamp"] -= duration
