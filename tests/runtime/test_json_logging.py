"""Log lines of the processes that export no telemetry."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

from tests.helpers import REPO

PROGRAM = """
import logging
from runtime.json_logging import log_to_stdout
log_to_stdout("example")
log = logging.getLogger("example")
log.debug("hidden")
log.info("hello %s", "you", extra={"fields": {"port": 80, "store": __import__("pathlib").Path("/x")}})
logging.getLogger("library").info("hidden")
logging.getLogger("library").warning("careful")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("example.part").exception("failed")
"""


def test_every_line_is_json_with_the_same_keys() -> None:
    """The process's own records from INFO up, those of libraries from WARNING up."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPO, capture_output=True, text=True, timeout=30, check=True
    )
    hello, careful, failed = map(json.loads, done.stdout.splitlines())

    assert done.stderr == ""
    assert list(hello) == ["timestamp", "severity", "service.name", "message", "port", "store"]
    assert datetime.fromisoformat(hello["timestamp"]).utcoffset() is not None
    assert (hello["severity"], hello["service.name"], hello["message"]) == ("info", "example", "hello you")
    assert (hello["port"], hello["store"]) == (80, "/x")
    assert (careful["severity"], careful["message"]) == ("warning", "careful")
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")
