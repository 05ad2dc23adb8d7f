"""Logs: one structlog line of JSON on standard output, and the same record over OTLP.

Body is the message, fields are attributes. Every line of a request carries its
full trace id and span id. Knows no service; `telemetry.start` makes the logger.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import context as otel_context, trace
from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from structlog.typing import FilteringBoundLogger

from services.common import redaction, seat

Event = MutableMapping[str, Any]
ShopLogger = FilteringBoundLogger

_SEVERITY: Mapping[str, tuple[str, SeverityNumber]] = {
    "debug": ("debug", SeverityNumber.DEBUG),
    "info": ("info", SeverityNumber.INFO),
    "warning": ("warn", SeverityNumber.WARN),
    "warn": ("warn", SeverityNumber.WARN),
    "error": ("error", SeverityNumber.ERROR),
    "exception": ("error", SeverityNumber.ERROR),
    "critical": ("fatal", SeverityNumber.FATAL),
    "fatal": ("fatal", SeverityNumber.FATAL),
}


def _exception_fields(error: BaseException) -> dict[str, str]:
    return {
        "exception.type": type(error).__qualname__,
        "exception.message": str(error),
        "exception.stacktrace": "".join(traceback.format_exception(error)),
    }


def _raised(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else str(value)


class EmitRecord:
    """The last structlog processor: redacts, emits the record over OTLP and returns the line."""

    def __init__(self, identity: Mapping[str, str], otlp: Logger | None) -> None:
        self._identity = dict(identity)
        self._otlp = otlp

    def __call__(self, _logger: Any, method: str, event: Event) -> str:
        now_ns = time.time_ns()
        severity, number = _SEVERITY.get(method, ("info", SeverityNumber.INFO))
        message = redaction.redact("", str(event.pop("event", "")))
        error = _raised(event.pop("exc_info", None))
        if error is not None:
            event.update(_exception_fields(error))
        fields = {
            name: redaction.redact(name, _plain(value)) for name, value in event.items() if value is not None
        }
        fields.update(seat.attributes())
        if self._otlp is not None:
            self._otlp.emit(
                LogRecord(
                    timestamp=now_ns,
                    observed_timestamp=now_ns,
                    context=otel_context.get_current(),
                    severity_number=number,
                    severity_text=severity,
                    body=message,
                    attributes=fields,
                )
            )
        line = {
            "timestamp": datetime.fromtimestamp(now_ns / 1e9, UTC).isoformat(timespec="microseconds"),
            "severity": severity,
            "message": message,
            **self._identity,
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
            line["span_id"] = f"{span.span_id:016x}"
        line.update(fields)
        return orjson.dumps(line).decode()


@contextmanager
def outside_the_span(active: bool = True) -> Iterator[None]:
    """Within it, log lines carry the shopper and no trace id and span id.

    So do the lines of a worker thread that was not given the caller's span. Without effect unless `active`.
    """
    if not active:
        yield
        return
    token = otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
    try:
        yield
    finally:
        otel_context.detach(token)


def make_logger(
    identity: Mapping[str, str],
    otlp: Logger | None = None,
    stream: TextIO | None = None,
    level: int = logging.INFO,
) -> ShopLogger:
    """Returns a structlog logger that writes JSON lines to `stream` (standard output) and records to `otlp`.

    `identity` is on every line of the stream: `service.name`, `version`, `environment`.
    """
    logger: ShopLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stdout),
        processors=[EmitRecord(identity, otlp)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return logger.bind()


class StandardLogHandler(logging.Handler):
    """Writes the standard library's log records (grpc, waitress, OpenTelemetry) through a `ShopLogger`."""

    def __init__(self, logger: ShopLogger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; never raises into the code that logged."""
        method: Callable[..., Any] = getattr(
            self._logger,
            {"WARNING": "warning", "ERROR": "error", "CRITICAL": "critical"}.get(record.levelname, "info"),
        )
        try:
            method(record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except Exception:
            self.handleError(record)


def redirect_standard_logging(logger: ShopLogger) -> None:
    """Write what libraries log, from warnings up, through `logger`, in place of an earlier one."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, StandardLogHandler)]:
        root.removeHandler(handler)
    root.addHandler(StandardLogHandler(logger))
