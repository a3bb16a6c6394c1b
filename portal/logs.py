"""The logs of all processes: one line or one JSON object per record, with the ids of its context, no secrets.

Records of every library pass through here, including those of the standard `logging`. Requests bind their ids
in portal/request_ids.py, steps in deployments/steps/step.py.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog
from structlog.contextvars import merge_contextvars
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from deployments.common.errors import AwsFailure
from deployments.common.rules.log_redaction import redact, redact_text

FORMATS = ("line", "json")
EXTRA = ("aws_operation", "aws_code", "aws_request_id", "method", "path", "status", "seconds")
"""The fields that a record may have beyond its message."""
_OF_THE_LINE = frozenset({"timestamp", "level", "logger", "event", "exception"})


class RedactArguments(logging.Filter):
    """Remove secrets from the arguments of a record, before they become a text without keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True; the record's arguments are copies without secrets."""
        if isinstance(record.args, tuple):
            record.args = tuple(redact(value) for value in record.args)
        elif record.args:
            record.args = redact(record.args)
        return True


def add_aws_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Add the request id of a failed call to AWS, of the exception that is logged or of one of its causes."""
    record = event.get("_record")
    for raised in _causes(record.exc_info[1] if record and record.exc_info else None):
        if isinstance(raised, AwsFailure):
            event.setdefault("aws_operation", raised.operation)
            event.setdefault("aws_code", raised.code)
            event.setdefault("aws_request_id", raised.request_id)
            break
    return event


def _causes(raised: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if raised is None:
            return
        yield raised
        raised = raised.__cause__ or raised.__context__


def without_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Remove secrets from the whole record: its message, fields and traceback."""
    found: MutableMapping[str, Any] = redact(event)
    return found


def as_line(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Return a record as a line for people: time, level, logger, message, then the ids, then a traceback."""
    ids = " ".join(f"{key}={_short(value)}" for key, value in event.items() if key not in _OF_THE_LINE)
    line = f"{event['timestamp']} {str(event['level']).upper()} {event['logger']}: {event['event']}"
    return "\n".join(filter(None, (f"{line} [{ids}]" if ids else line, event.get("exception"))))


def _short(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


_BEFORE: tuple[Processor, ...] = (
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(allow=EXTRA),
    add_aws_request,
)


def formatter(kind: str) -> ProcessorFormatter:
    """Return the formatter of SANSO_LOG_FORMAT. Raise ValueError for an unknown format."""
    if kind not in FORMATS:
        raise ValueError(f"SANSO_LOG_FORMAT is {kind!r}; it must be one of: {', '.join(FORMATS)}")
    if kind == "json":
        logging.captureWarnings(True)  # Python writes them as text otherwise
    time = "iso" if kind == "json" else "%Y-%m-%d %H:%M:%S.%f"
    render: Processor = structlog.processors.JSONRenderer(default=_as_text) if kind == "json" else as_line
    return ProcessorFormatter(
        foreign_pre_chain=[*_BEFORE, structlog.processors.TimeStamper(fmt=time, utc=kind == "json")],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            render,
        ],
    )


def _as_text(value: object) -> str:
    return redact_text(str(value))
