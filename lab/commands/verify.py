"""`lab verify`: hands its arguments to the verifier, which knows the lab from outside only."""

from __future__ import annotations


def run(argv: list[str]) -> int:
    """Walk the student's path and check every link."""
    from lab import verify

    return verify.main(argv)
