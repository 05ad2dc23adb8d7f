"""`lab test`: run the tests with pytest, in the environment that was prepared for them."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import paths

WHOLE_SUITE = ("-n", "2", "--dist", "loadfile")
"""The whole suite runs in two processes, a file at a time in one of them; it waits more than it works."""


def run(argv: list[str]) -> int:
    """Run pytest over tests/ with the arguments passed on; its output and exit code are ours."""
    # Whoever starts labs from a test must not meet the one that runs here.
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LAB_REQUESTED_AT", "LAB_RUN_DIR")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", *(argv or WHOLE_SUITE)], cwd=paths.ROOT, env=environment, check=False
    ).returncode
