"""Sends malformed and odd inputs to every listener of a lab: nothing dies, answers 5xx or grows.

    python -m benchmarks.fuzz                       1,000,000 inputs
    python -m benchmarks.fuzz --inputs 100000 --seed 7

Raw sockets, OTLP over HTTP and gRPC, beacons, the API's parameters, the screens and the shop's forms, by two
processes against a lab of its own on loopback. An input follows from the seed and its number alone: a fault
names the number, and `--only NUMBER` sends that input again. Exit code 1 for an answer of 5xx (but a 503 with
a reason), a process that died or logged a traceback, or memory that grew beyond the bound.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import fuzz_inputs, labs
from benchmarks.fuzz_client import Answer, Senders
from benchmarks.measure import machine, table
from benchmarks.result_line import ResultLine

INPUTS = 1_000_000
_WORKERS = 2
_WARM_SHARE = 0.2
"""Memory is compared with that after so much of the run: caches are full then."""
_GROWTH, _GROWTH_BYTES = 1.25, 48 * 1024**2
"""A process may grow by a quarter and by so much: the store's caches follow its size."""
_SHOWN = 20
_EVERY_S = 30.0
_QUICK = 20_000

if TYPE_CHECKING:
    Results = Queue["Part"]
else:
    Results = Queue


@dataclass
class Part:
    """What one worker has sent so far; parts add up."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, class of answer) -> number."""
    slowest: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Kind -> seconds and number of the input."""
    faults: list[str] = field(default_factory=list)
    done: bool = False

    def note(self, kind: str, number: int, answer: Answer) -> None:
        """Count one answer."""
        self.sent[kind] += 1
        self.answers[kind, answer.group] += 1
        if answer.seconds > self.slowest.get(kind, (0.0, 0))[0]:
            self.slowest[kind] = answer.seconds, number
        if answer.is_fault and len(self.faults) < _SHOWN:
            self.faults.append(f"input {number}, {kind}: {answer.group} {answer.reason}")

    def add(self, other: Part) -> None:
        """Add what another worker has sent since it last reported."""
        self.sent += other.sent
        self.answers += other.answers
        self.faults += other.faults
        for kind, found in other.slowest.items():
            self.slowest[kind] = max(found, self.slowest.get(kind, (0.0, 0)))


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """A short run, and its lines of the common table."""
    count = _QUICK if quick else _QUICK * 5
    faults = fuzz(count, 1, write_line)
    return [
        ResultLine(f"faults in {count:,} malformed or odd inputs", str(faults), "0" if not faults else "")
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 1 when a fault was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=INPUTS, help=f"how many (default {INPUTS:,})")
    parser.add_argument("--seed", type=int, default=1, help="of the inputs (default 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="send this input and print the answer")
    arguments = parser.parse_args(argv)
    if arguments.only is not None:
        with labs.running("--no-load") as lab:
            kind, one = fuzz_inputs.make(arguments.seed, arguments.only)
            print(kind, one)
            print(Senders(_targets(lab)).send(one))
        return 0
    print(f"on {machine()}, Python {sys.version.split()[0]}", flush=True)
    return 1 if fuzz(arguments.inputs, arguments.seed, print) else 0


def fuzz(count: int, seed: int, write_line: Callable[[str], object]) -> int:
    """Send so many inputs to a lab of its own; returns the number of faults."""
    with labs.running("--no-load") as lab:
        began = time.monotonic()
        before, pids = lab.memory_bytes(), lab.pids()
        total, warm = _send_all(lab, count, seed, write_line)
        seconds = time.monotonic() - began
        after = lab.memory_bytes()
        died = [name for name, pid in pids.items() if lab.pids().get(name) != pid]
        faults = [*(f"{name} died" for name in died), *_grown(warm, after)]
        faults += [*_tracebacks(lab.folder / "logs"), *total.faults]
    _report(total, write_line)
    rows = [(n, *(f"{each.get(n, 0) / 2**20:.0f}" for each in (before, warm, after))) for n in sorted(after)]
    write_line("\n" + table(("MB", "before", f"after {_WARM_SHARE:.0%}", "after all"), rows))
    write_line(f"\n{count:,} inputs in {seconds:.0f} s, {count / seconds:.0f} a second; {len(faults)} faults")
    for fault in faults[: 3 * _SHOWN]:
        write_line(f"  {fault}")
    return len(faults)


def _targets(lab: labs.Lab) -> dict[str, str]:
    """Name of a listener -> host:port."""
    found = {row["name"]: row["address"] for row in lab.status()["processes"]}
    urls = lab.status()["urls"]
    return {
        "shop": found["frontend"],
        "observer": found["observer"],
        "buttercup": found["buttercup"],
        "control": found["control"],
        "otlp": urls["otlp_http"].partition("://")[2].rstrip("/"),
        "grpc": urls["otlp_grpc"],
    }


def _send_all(
    lab: labs.Lab, count: int, seed: int, write_line: Callable[[str], object]
) -> tuple[Part, dict[str, int]]:
    """All inputs by a few processes; what they found, and the memory after the first share of them."""
    context = multiprocessing.get_context("spawn")
    results: Results = context.Queue()
    targets = _targets(lab)
    workers = [
        context.Process(target=_work, args=(targets, seed, range(n, count, _WORKERS), results), daemon=True)
        for n in range(_WORKERS)
    ]
    for worker in workers:
        worker.start()
    total, warm, running, reported = Part(), dict[str, int](), len(workers), time.monotonic()
    while running:
        part = results.get(timeout=300)
        total.add(part)
        running -= part.done
        sent = sum(total.sent.values())
        if not warm and sent >= count * _WARM_SHARE:
            warm = lab.memory_bytes()
        if time.monotonic() - reported > _EVERY_S:
            reported = time.monotonic()
            write_line(f"{sent:,} sent, {len(total.faults)} faults")
    for worker in workers:
        worker.join()
    return total, warm


def _work(targets: Mapping[str, str], seed: int, numbers: range, results: Results) -> None:
    part, reported, lock = Part(), time.monotonic(), threading.Lock()
    senders = Senders(targets)
    for number in numbers:
        kind, one = fuzz_inputs.make(seed, number)
        answer = senders.send(one)
        with lock:
            part.note(kind, number, answer)
        if time.monotonic() - reported > 1.0:
            results.put(part)
            part, reported = Part(), time.monotonic()
    senders.close()
    part.done = True
    results.put(part)


def _tracebacks(folder: Path) -> list[str]:
    """A line for each process that logged an unexpected exception."""
    found = []
    for path in sorted(folder.glob("*.log*")):
        text = path.read_text("utf-8", "replace")
        marks = text.count("Traceback (most recent call last)") + text.count("uncaptured python exception")
        if marks:
            place = max(text.find("Traceback (most"), text.find("uncaptured python"))
            found.append(f"{path.name}: {marks} tracebacks, such as {text[place : place + 2_000]!r}")
    return found


def _grown(warm: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    return [
        f"{name} grew from {warm[name] / 2**20:.0f} to {size / 2**20:.0f} MB"
        for name, size in after.items()
        if name in warm and size > warm[name] * _GROWTH + _GROWTH_BYTES
    ]


def _report(total: Part, write_line: Callable[[str], object]) -> None:
    groups = sorted({group for _, group in total.answers})
    rows = []
    for kind in fuzz_inputs.KINDS:
        seconds, number = total.slowest.get(kind, (0.0, 0))
        counts = [f"{total.answers[kind, group]:,}" for group in groups]
        rows.append((kind, f"{total.sent[kind]:,}", *counts, f"{seconds * 1e3:.0f} ms ({number})"))
    sums = [f"{sum(total.answers[kind, group] for kind in fuzz_inputs.KINDS):,}" for group in groups]
    rows.append(("all", f"{sum(total.sent.values()):,}", *sums, ""))
    write_line("\n" + table(("kind", "sent", *groups, "slowest (input)"), rows))


if __name__ == "__main__":
    raise SystemExit(main())
