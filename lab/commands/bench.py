"""`lab bench`: runs the benchmarks, which print their table."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import paths
from lab.errors import LabError


def run(argv: list[str]) -> int:
    """Run `python -m benchmarks` with these arguments. Raises LabError in a clone without benchmarks."""
    if not (paths.ROOT / "benchmarks" / "__main__.py").exists():
        raise LabError("This clone has no benchmarks.", "Restore the folder benchmarks/ with git.")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LAB_REQUESTED_AT", "LAB_RUN_DIR")
    }
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv], cwd=paths.ROOT, env=environment, check=False
    ).returncode
