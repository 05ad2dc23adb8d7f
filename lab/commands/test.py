"""`lab test`: runs the tests with pytest, in the environment with the development packages."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import paths

WHOLE_SUITE = ("-n", "2", "--dist", "loadfile", "--cov", "--cov-report=term:skip-covered")
"""Two processes, each with one file at a time: the suite spends more time waiting than computing."""


def run(argv: list[str]) -> int:
    """Run pytest with these arguments (none: the whole suite); returns its exit code."""
    # A test that starts a lab must not use the run folder of the one that runs here.
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LAB_REQUESTED_AT", "LAB_RUN_DIR")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", *(argv or WHOLE_SUITE)], cwd=paths.ROOT, env=environment, check=False
    ).returncode
