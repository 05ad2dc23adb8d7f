"""`lab test`: run the tests with pytest, in the environment that was prepared for them."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import paths


def run(argv: list[str]) -> int:
    """Run pytest over tests/ with the arguments passed on; its output and exit code are ours."""
    # Whoever starts labs from a test must not meet the one that runs here.
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LAB_ASKED_AT", "LAB_RUN_DIR")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", *argv], cwd=paths.ROOT, env=environment, check=False
    ).returncode
