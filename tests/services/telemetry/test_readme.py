"""The lines that the README offers for a project of one's own do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.helpers import REPO, free_port
from tests.services.telemetry.receiver import Receiver, receiving

README = REPO / "services" / "common" / "telemetry" / "README.md"


def test_the_lines_for_a_normal_project_send_a_span() -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert code
    port, receiver = free_port(), Receiver()
    with receiving(port, receiver):
        done = subprocess.run(
            [sys.executable, "-c", code[1]],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in receiver.spans] == ["work"]
