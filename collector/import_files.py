"""`python -m collector.import_files --collector URL FILE…`: imports files of telemetry into a collector.

Owns the words of the report. Exit codes: 0 when something of every file was imported, 1 when a file cannot
be used or the collector does not take it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.import_reading import Reading, Unusable, read_file
from collector.import_sending import NotTaken, send
from collector.import_times import Range, ranges, shifted
from collector.items import Group

_ITEMS: Final[Mapping[str, tuple[str, str]]] = {
    "traces": ("span", "/apm/traces"),
    "logs": ("log", "/logs"),
    "metrics": ("metric", "/metrics"),
}
"""By signal, what one item of it is called, and the screen that shows them."""
_MOST_LINKED: Final = 3
"""Traces up to which each has a link of its own."""
_MARGIN_NS: Final = 10**9
"""Around the imported times in links, and between the newest of them and now."""

Parts = Sequence[tuple[str, list[Group]]]


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    reading: Reading


def main(argv: Sequence[str] | None = None) -> int:
    """Import the files, and write on standard output what became of each."""
    parser = argparse.ArgumentParser(prog="python -m collector.import_files")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--collector", required=True, metavar="URL")
    parser.add_argument("--observer", default="", metavar="URL")
    parser.add_argument("--shift-to-now", action="store_true")
    args = parser.parse_args(argv)
    sources, failed = _read(args.files)
    now_ns = time.time_ns()
    parts = [part for source in sources for part in source.reading.parts]
    whole, senders = ranges(parts)
    by_ns = now_ns - _MARGIN_NS - whole.last_ns if args.shift_to_now and whole.last_ns else 0
    imported = False
    for source in sources:
        try:
            taken = _import(source, args.collector, by_ns)
        except NotTaken as error:
            sys.stderr.write(f"{source.path}: {error}.\n")
            return 1
        imported, failed = imported or taken, failed or not taken
    if imported:
        moved = Range(whole.first_ns + by_ns, whole.last_ns + by_ns) if whole.last_ns else whole
        doubted = 0 if by_ns else sum(each.may_be_doubted(now_ns) for each in senders.values())
        sys.stdout.write("\n".join(_closing(parts, moved, by_ns, doubted, args.observer)) + "\n")
    return 1 if failed else 0


def _read(paths: Sequence[Path]) -> tuple[list[_Source], bool]:
    """What can be read, and whether a file cannot be used at all."""
    sources, failed = [], False
    for path in paths:
        try:
            sources.append(_Source(path, read_file(path)))
        except Unusable as error:
            sys.stderr.write(f"{path} was not imported: {error}.\n")
            failed = True
    return sources, failed


def _import(source: _Source, collector: str, by_ns: int) -> bool:
    """Send what a file holds, and report it; whether anything of it was taken. Raises NotTaken."""
    reading, problems = source.reading, []
    counts, rejected = dict.fromkeys(_ITEMS, 0), reading.refused.count
    for signal in _ITEMS:
        groups = [group for name, groups in reading.parts if name == signal for group in groups]
        if by_ns:
            groups = shifted(signal, groups, by_ns)
        sent = send(collector, signal, groups)
        # Of metrics, the collector counts points, not metrics.
        counts[signal] = reading.count(signal) - (sent.rejected if signal != "metrics" else 0)
        rejected += sent.rejected
        if sent.message:
            problems.append(sent.message)
    if reading.refused.message():
        problems.insert(0, reading.refused.message())
    taken = [_counted(counts[signal], word) for signal, (word, _) in _ITEMS.items() if counts[signal] > 0]
    line = f"{source.path}: {reading.format}, {' and '.join(taken) or 'nothing'} imported"
    if rejected:
        line += f", {rejected:,} refused"
    sys.stdout.write(line + (f": {'; '.join(problems)}" if problems else "") + ".\n")
    return bool(taken)


def _closing(parts: Parts, moved: Range, by_ns: int, doubted: int, observer: str) -> list[str]:
    if not moved.last_ns:
        return []
    lines = [f"Times: {_iso(moved.first_ns)} to {_iso(moved.last_ns)}."]
    if by_ns:
        lines.append(f"All times were moved by {by_ns / 1e9:+,.3f} s, so that the newest is now.")
    if doubted:
        lines.append(
            f"{_counted(doubted, 'sender')} of a few minutes ago may be taken for live with a slow clock, if "
            "the lab does not know them: then they are shown at the time of the import, with a note. "
            "--shift-to-now avoids it."
        )
    return lines + _links(parts, moved, observer)


def _links(parts: Parts, moved: Range, observer: str) -> list[str]:
    if not observer:
        return []
    base = observer.rstrip("/")
    around = urlencode(
        {"from": _iso(moved.first_ns - _MARGIN_NS), "to": _iso(moved.last_ns + 2 * _MARGIN_NS)}
    )
    signals = {signal for signal, groups in parts if any(group.items for group in groups)}
    lines = [f"See: {base}{page}?{around}" for signal, (_, page) in _ITEMS.items() if signal in signals]
    traces = _few_traces(parts)
    return lines + [f"See: {base}/apm/traces/{trace_id}" for trace_id in traces]


def _few_traces(parts: Parts) -> list[str]:
    """The ids of the traces, where there are only a few."""
    found: dict[str, None] = {}
    for signal, groups in parts:
        for group in groups if signal == "traces" else ():
            for item in group.items:
                found[Span.FromString(item).trace_id.hex()] = None
                if len(found) > _MOST_LINKED:
                    return []
    return list(found)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _iso(unix_nano: int) -> str:
    return datetime.fromtimestamp(max(unix_nano, 0) // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main())
