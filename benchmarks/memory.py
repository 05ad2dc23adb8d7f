"""Memory of a whole lab without load, 4 s after ready, in a new store: `python -m benchmarks.memory`.

PSS shares a page among those who have it, so the sum is what the lab takes. Each process below the supervisor
counts: also the settler, which the collector starts, and the fork server. *Private* are pages that a process
wrote to, of which most were shared when it was forked.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import labs
from benchmarks.measure import cpu_s, median, table

AFTER_S = 4.0
_PRIVATE = ("Private_Dirty", "Private_Clean")


def measure(after_s: float, *options: str) -> tuple[float, float, Mapping[str, Mapping[str, int]]]:
    """Seconds to ready, seconds of CPU until the measurement, and the figures of each process in kB."""
    with labs.running("--host", "127.0.0.1", "--no-load", *options) as lab:
        time.sleep(after_s)
        supervisor = lab.pids()["supervisor"]
        pids = [supervisor, *_descendants(supervisor)]
        figures = {}
        for pid in pids:
            with suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
                figures[f"{name} {pid}"] = _figures(pid)
        return lab.ready_s, cpu_s(pids), figures


def _figures(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def _descendants(pid: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                yield int(folder.name)
                yield from _descendants(int(folder.name))


def report(figures: Mapping[str, Mapping[str, int]]) -> str:
    """A row for each process, the largest first."""
    rows = [
        (name, f"{each['Pss']:,}", f"{sum(each[kind] for kind in _PRIVATE):,}", f"{each['Rss']:,}")
        for name, each in sorted(figures.items(), key=lambda item: -item[1]["Pss"])
    ]
    return table(("process", "PSS kB", "private kB", "RSS kB"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each lab, then the processes of the last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="labs, one after the other (default %(default)s)")
    parser.add_argument("--after", type=float, default=AFTER_S, help="seconds after ready")
    parser.add_argument("--incident", default="invalid-token", help="the lab's incident, or none")
    chosen = parser.parse_args(argv)
    totals: list[int] = []
    figures: Mapping[str, Mapping[str, int]] = {}
    for _ in range(chosen.runs):
        ready_s, cpu, figures = measure(chosen.after, "--incident", chosen.incident)
        totals.append(sum(each["Pss"] for each in figures.values()))
        print(f"{totals[-1]:,} kB in {len(figures)} processes; ready after {ready_s:.1f} s, CPU {cpu:.2f} s")
    print(f"median {median(totals):,.0f} kB, {median(totals) / 1024:.0f} MiB\n\n{report(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
