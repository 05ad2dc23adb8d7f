"""`lab verify`: passes its arguments to `lab.verify`."""

from __future__ import annotations


def run(argv: list[str]) -> int:
    """Verify; returns the exit code."""
    from lab import verify

    return verify.main(argv)
