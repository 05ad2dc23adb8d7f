"""Log lines as JSON on standard output, through the standard library's `logging`.

The line format of every process that exports no telemetry; the shop's services write the same keys
through structlog (`services.common.telemetry.log`).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """One JSON object per record: timestamp, severity, service.name, message and the extra fields.

    Extra fields are given as `extra={"fields": {...}}`; an exception is added as text.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; a field that JSON cannot hold is written as its `str()`."""
        created = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "timestamp": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": record.levelname.lower(),
            "service.name": self._service,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stdout(service: str) -> None:
    """Write the records of the logger `service` from INFO up, of all others from WARNING up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(service).setLevel(logging.INFO)
