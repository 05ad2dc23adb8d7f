"""`lab bench`: runs the benchmarks, which print their table."""

from __future__ import annotations

import subprocess
import sys

from lab import paths
from lab.child_environment import Purpose, environment_of
from lab.errors import LabError


def run(argv: list[str]) -> int:
    """Run `python -m benchmarks` with these arguments. Raises LabError in a clone without benchmarks."""
    if not (paths.ROOT / "benchmarks" / "__main__.py").exists():
        raise LabError("This clone has no benchmarks.", "Restore the folder benchmarks/ with git.")
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv],
        cwd=paths.ROOT,
        env=environment_of(Purpose.TESTS),
        check=False,
    ).returncode
