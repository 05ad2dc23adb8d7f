"""Errors and growth of a healthy shop under load over minutes.

`python -m benchmarks.soak`. After a warm-up, memory (PSS) and file descriptors of
every process are read at intervals; the first third is compared with the last
third, median against median. Exit code 1 when there was an error span, or a process
grew by more than allowed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.measure import get_json, median, open_files, table
from benchmarks.result_line import ResultLine

USERS = 10
SECONDS = 300.0
WARM_UP_S = 60.0
GROWTH_ALLOWED_BYTES = 3_000_000
FILES_ALLOWED = 3
_INTERVAL_S = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory and open files of every process at one time."""

    pss_bytes: Mapping[str, int]
    files: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Growth:
    """One process: the medians of the first and of the last third of the samples."""

    name: str
    first_bytes: float
    last_bytes: float
    first_files: float
    last_files: float

    def grew(self) -> bool:
        """Whether memory or open files grew by more than allowed."""
        return (
            self.last_bytes - self.first_bytes > GROWTH_ALLOWED_BYTES
            or self.last_files - self.first_files > FILES_ALLOWED
        )


@dataclass(frozen=True, slots=True)
class Result:
    """The counts of one run. `error_spans` counts spans of services, `requests` their entries."""

    seconds: float
    requests: int
    error_spans: int
    script_errors: int
    error_logs: int
    restarts: int
    growth: Sequence[Growth]
    notices: Sequence[str]

    def passed(self) -> bool:
        """Whether nothing failed and nothing grew."""
        return (
            self.requests > 0
            and not self.error_spans
            and not self.error_logs
            and not self.restarts
            and not self.notices
            and not any(each.grew() for each in self.growth)
        )


def measure(seconds: float, warm_up_s: float, users: int, write_line: Callable[[str], object]) -> Result:
    """Run, sample, count. Raises SystemExit when no lab starts."""
    with labs.running("--incident", "none", "--users", str(users)) as lab:
        started_ns = time.time_ns()
        write_line(f"{users} simulated users; warming up for {warm_up_s:.0f} s, then {seconds:.0f} s …")
        time.sleep(warm_up_s)
        samples: list[Sample] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            samples.append(_sample(lab))
            time.sleep(min(_INTERVAL_S, seconds / 6))
        map_, errors, logs = _counted(lab.url("observer"), started_ns)
        restarts = sum(row["restarts"] for row in lab.status()["processes"])
        notices = lab.drop_notices()
    return Result(seconds, map_, errors[0], errors[1], logs, restarts, _growth(samples), notices)


def _sample(lab: labs.Lab) -> Sample:
    pids = lab.pids()
    return Sample(lab.memory_bytes(), {name: open_files(pid) for name, pid in pids.items()})


def _growth(samples: Sequence[Sample]) -> list[Growth]:
    third = max(1, len(samples) // 3)
    first, last = samples[:third], samples[-third:]

    def middle(of: Sequence[Sample], kind: str, name: str) -> float:
        return median(getattr(sample, kind).get(name, 0) for sample in of)

    return [
        Growth(
            name,
            middle(first, "pss_bytes", name),
            middle(last, "pss_bytes", name),
            middle(first, "files", name),
            middle(last, "files", name),
        )
        for name in sorted(samples[-1].files)
    ]


def _counted(observer: str, from_unix_nano: int) -> tuple[int, tuple[int, int], int]:
    """Requests; error spans of services and errors of browsers' scripts; error lines of the logs."""
    window = f"from={from_unix_nano}&to={time.time_ns()}"
    nodes = get_json(f"{observer}/api/v1/apm/map?{window}")["nodes"]
    own = [node for node in nodes if not node["inferred"]]
    requests = sum(node["requests"] for node in own)
    traces = get_json(f"{observer}/api/v1/apm/traces?error=any&{window}&limit=100")["traces"]
    spans = sum(node["errors"] for node in nodes) + sum(trace["errors"] for trace in traces)
    sessions = get_json(f"{observer}/api/v1/rum/sessions?{window}&limit=100")["sessions"]
    logs = get_json(f"{observer}/api/v1/logs?severity=error&{window}&limit=100")["logs"]
    return requests, (spans, sum(session["errors"] for session in sessions)), len(logs)


def report(result: Result) -> str:
    """A line for each process, and the counts."""
    rows = [
        (
            each.name,
            f"{each.first_bytes / 1e6:.1f}",
            f"{each.last_bytes / 1e6:.1f}",
            f"{each.last_bytes / max(1.0, each.first_bytes):.3f}",
            f"{each.first_files:.0f}",
            f"{each.last_files:.0f}",
            "GREW" if each.grew() else "",
        )
        for each in result.growth
    ]
    head = ("process", "PSS MB first", "last", "ratio", "files first", "last", "")
    return "\n".join(
        [
            f"{result.seconds:.0f} s, {result.requests} requests at services",
            "",
            table(head, rows),
            "",
            f"error spans {result.error_spans}, errors in browsers {result.script_errors}, "
            f"error lines {result.error_logs}, restarts {result.restarts}, "
            f"telemetry dropped: {'; '.join(result.notices) or 'none'}",
        ]
    )


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    result = measure(15.0 if quick else SECONDS, 5.0 if quick else WARM_UP_S, USERS, write_line)
    write_line(report(result))
    first = sum(each.first_bytes for each in result.growth)
    last = sum(each.last_bytes for each in result.growth)
    return [
        ResultLine(
            f"error spans of a healthy shop in {result.seconds:.0f} s",
            str(result.error_spans),
            f"{result.error_spans / max(1, result.requests):.2f} per request",
        ),
        ResultLine(
            "memory, last third against first", f"{last / 1e6:.0f} MB", f"{last / max(1.0, first):.3f}"
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; 1 if something failed or grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="duration of the measurement (default %(default)s)"
    )
    parser.add_argument(
        "--warm-up", type=float, default=WARM_UP_S, help="duration before it (default %(default)s)"
    )
    parser.add_argument("--users", type=int, default=USERS, help="simulated users (default %(default)s)")
    arguments = parser.parse_args(argv)
    result = measure(arguments.seconds, arguments.warm_up, arguments.users, print)
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
