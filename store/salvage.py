"""`python -m store.salvage FILE [--into FILE]`: saves what is readable of a damaged store file.

Owns the words of the report. Exit codes: 0 when it is done, 1 when a file cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store.api import StoreError

if TYPE_CHECKING:
    from store.sqlite.write.salvage import Salvaged


def main(argv: Sequence[str] | None = None) -> int:
    """Salvage, and say on standard output how much was saved and what was lost."""
    from store.sqlite.write.salvage import salvage_file

    parser = argparse.ArgumentParser(prog="python -m store.salvage")
    parser.add_argument("file", type=Path)
    parser.add_argument("--into", type=Path)
    args = parser.parse_args(argv)
    into = args.into or args.file.with_name(args.file.name + ".salvaged")
    if into.exists() and into.samefile(args.file):
        sys.stderr.write(f"{into} is the damaged file itself: name another one with --into.\n")
        return 1
    try:
        found = salvage_file(args.file, into, _print_progress)
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    sys.stdout.write("\n".join(report(found, into)) + "\n")
    return 0


def _print_progress(what: str, count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{count:,} {what} so far    ")
        sys.stderr.flush()


def report(found: Salvaged, into: Path) -> list[str]:
    """The lines about what was saved and what was lost."""
    spans, logs, points, exemplars = found.carried
    of_metrics = f"{points:,} metric points" + (f" with {exemplars:,} exemplars" if exemplars else "")
    lines = [f"Saved into {into}: {spans:,} spans, {logs:,} logs and {of_metrics}."]
    there = [
        max(count, 0) for count in (found.spans.right - spans, found.logs.right - logs, found.points - points)
    ]
    if any(there):
        words = f"{there[0]:,} spans, {there[1]:,} logs and {there[2]:,} metric points"
        lines.append(f"Already there, or twice in the file: {words}.")
    if found.held is not None:
        lost = max(found.held[0] - found.spans.right, 0), max(found.held[1] - found.logs.right, 0)
        lines.append(
            f"Lost: {lost[0]:,} of {found.held[0]:,} spans and {lost[1]:,} of {found.held[1]:,} logs."
        )
    else:
        lines.append("How many spans and logs it held cannot be read, nor how many of them are lost.")
    wrong = len(found.spans.wrong) + len(found.logs.wrong)
    if wrong or found.wrong_blocks or found.unreadable:
        lines.append(
            f"Damaged and left out: {wrong:,} spans and logs that are not as they were written, "
            f"{found.wrong_blocks:,} pieces of metrics, {found.unreadable:,} records that make no sense."
        )
    unchecked = found.spans.unchecked + found.logs.unchecked
    if unchecked:
        lines.append(
            f"{unchecked:,} of the saved rows have no checksum, as an earlier version wrote them: they "
            "are right as far as they can be decoded."
        )
    lines.append("Maps, sessions and measures are computed when the lab next starts with this store.")
    return lines


if __name__ == "__main__":
    sys.exit(main())
