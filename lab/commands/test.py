"""`lab test`: runs the tests with pytest, in the environment with the development packages."""

from __future__ import annotations

import subprocess
import sys

from lab import paths
from lab.child_environment import Purpose, environment_of

WHOLE_SUITE = ("-n", "2", "--dist", "loadfile", "--cov", "--cov-report=term:skip-covered")
"""Two processes, each with one file at a time: the suite spends more time waiting than computing."""


def run(argv: list[str]) -> int:
    """Run pytest with these arguments (none: the whole suite); returns its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *(argv or WHOLE_SUITE)],
        cwd=paths.ROOT,
        env=environment_of(Purpose.TESTS),
        check=False,
    ).returncode
