"""`python -m benchmarks.sizing`: what classes and rates need, as the tables of `docs/scale.md`.

Every number comes from `FIGURES`, each with its source; what is assumed says so. The queues are simulated
(`benchmarks.queues`). Nothing here measures anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks import queues

CLASSES = (30, 300, 3_000, 300_000)
IN_ONE_NAMESPACE = (30, 100, 300, 1_000, 3_000)
RATES = (10_000, 100_000, 1_000_000)
HOURS = 8.0
"""Of a day of teaching; telemetry of rates is counted for whole days."""
GB = 1e9


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, and where it comes from."""

    value: float
    unit: str
    source: str


FIGURES = {
    "spans of a student": Figure(
        24_692 / 100 / 90, "spans/s", "`students`: 24,692 spans of 100 students in 90 s"
    ),
    "shop for a student": Figure(0.5 / 100, "cores", "`capacity`: half a core a hundred, collector included"),
    "one shop": Figure(200, "students", "`capacity`: 200 within 500 ms on two cores, 250 not"),
    "a page": Figure(0.0344, "s of CPU", "`looking`: median of six pages"),
    "a question for updates": Figure(0.0032, "s of CPU", "`looking`: median of three"),
    "commits": Figure(8_211, "spans/s", "`ingest`: one collector over HTTP, 4 connections"),
    "a span in SQLite": Figure(716, "bytes", "`store --spans 200000`: with 0.3 logs a span"),
    "a span on the wire": Figure(295, "bytes", "mean of 20,000 spans of `fill`, not compressed"),
    "memory of a namespace": Figure(1.22 * 1.074, "GB", "requests of `values.yaml`, from `footprint`"),
    "inserts into ClickHouse": Figure(
        166_000, "spans/s", "one core, 10 million rows, merges included; *by hand*"
    ),
    "a span in ClickHouse": Figure(63, "bytes", "with 0.3 logs a span; real data 2 to 4 times; *by hand*"),
}
THINK_S = 10.0
"""Between two pages at the screens. Assumed: the middle of the 5 to 15 s of the benchmarks' students."""
UPDATE_EVERY_S = 2.5
BUSY = 0.7
"""The share of a core, of a writer and of a queue that a plan may use; the rest is for bursts. Assumed."""
NODE_CORES = 8
FOR_QUESTIONS = 0.5
"""The share of a ClickHouse node that answers questions instead of inserting. Assumed."""
REPLICAS = 2
CORE_HOUR, GB_HOUR, GB_MONTH = 0.04, 0.005, 0.10
"""Assumed prices in dollars: a core and a GB of memory for an hour, a GB of disk for a month."""


def value(name: str) -> float:
    """One of the figures."""
    return FIGURES[name].value


def looking_cores() -> float:
    """Of one student at the screens: a page every ten seconds, and one that is open asks what is new."""
    return value("a page") / THINK_S + value("a question for updates") / UPDATE_EVERY_S


@dataclass(frozen=True, slots=True)
class ClassNeeds:
    """What a class needs, all looking at the screens and ordering at the same time."""

    students: int
    namespaces: int
    spans_s: float
    cores: float
    memory_gb: float
    disk_gb: float
    """Of a day of teaching."""
    mbit_s: float
    first: str
    """What would break first in a namespace of this class, and how much of it is used."""
    dollars: float
    """Of a day of teaching, the disk for a month."""


def class_needs(students: int) -> ClassNeeds:
    """By as many namespaces as it takes until nothing in one of them is used above `BUSY`."""
    namespaces = ceil(max(used(students).values()) / BUSY)
    spans = value("spans of a student") * students
    cores = students * (value("shop for a student") + looking_cores())
    memory = namespaces * value("memory of a namespace")
    disk = spans * 3_600 * HOURS * value("a span in SQLite") / GB
    first, share = max(used(students / namespaces).items(), key=lambda item: item[1])
    return ClassNeeds(
        students,
        namespaces,
        spans,
        cores,
        memory,
        disk,
        spans * value("a span on the wire") * 8 / 1e6,
        f"{first} ({share:.0%})",
        HOURS * (cores * CORE_HOUR + memory * GB_HOUR) + disk * GB_MONTH,
    )


def used(students: float) -> dict[str, float]:
    """The share of each bound that so many students use in one namespace, by what it is."""
    return {
        "the observer's interpreter": students * looking_cores(),
        "commits of the collector": students * value("spans of a student") / value("commits"),
        # As many as one machine was measured with; the bound itself, not a share of it, may be reached.
        "one storefront": students / value("one shop") * BUSY,
    }


@dataclass(frozen=True, slots=True)
class RateNeeds:
    """What a rate of spans needs, kept for a week."""

    spans_s: int
    collectors: int
    """Of ours with SQLite, which then are so many separate stores."""
    insert_cores: float
    shards: int
    nodes: int
    disk_tb: float
    """Of a week, all replicas; the real data of others up to four times."""
    gbit_s: float
    dollars: float
    """Of a month."""


def rate_needs(spans_s: int) -> RateNeeds:
    """By ClickHouse's figures; the collectors before it are not measured and not counted."""
    insert = spans_s / value("inserts into ClickHouse")
    shards = ceil(insert / (NODE_CORES * (1 - FOR_QUESTIONS) * BUSY))
    nodes = shards * REPLICAS
    disk = spans_s * 86_400 * 7 * value("a span in ClickHouse") * REPLICAS / 1e12
    return RateNeeds(
        spans_s,
        ceil(spans_s / (value("commits") * BUSY)),
        insert * REPLICAS,
        shards,
        nodes,
        disk,
        spans_s * value("a span on the wire") * 8 / 1e9,
        nodes * NODE_CORES * 730 * (CORE_HOUR + 4 * GB_HOUR) + disk * 1_000 * GB_MONTH,
    )


def lines() -> Iterator[str]:
    """The tables as Markdown."""
    yield "| figure | value | from |"
    yield "| --- | --- | --- |"
    for name, figure in FIGURES.items():
        yield f"| {name} | {_short(figure.value)} {figure.unit} | {figure.source} |"
    yield f"| a student at the screens | {_short(looking_cores())} cores | a page, four questions each 10 s |"
    yield ""
    yield (
        "| students | namespaces | spans/s | cores | memory, GB | disk of 8 h, GB | Mbit/s "
        "| breaks first (used) | dollars for 8 h |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for needs in map(class_needs, CLASSES):
        yield (
            f"| {needs.students:,} | {needs.namespaces:,} | {needs.spans_s:,.0f} | {_short(needs.cores)} "
            f"| {_short(needs.memory_gb)} | {_short(needs.disk_gb)} | {_short(needs.mbit_s)} | {needs.first} "
            f"| {_short(needs.dollars)} |"
        )
    yield ""
    yield (
        "| spans/s | stores of ours (SQLite) | ClickHouse: cores that insert | shards | nodes of 8 cores "
        "| disk of a week, TB | Gbit/s | dollars a month |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for rate in map(rate_needs, RATES):
        yield (
            f"| {rate.spans_s:,} | {rate.collectors} | {_short(rate.insert_cores)} | {rate.shards} "
            f"| {rate.nodes} | {_short(rate.disk_tb)} | {_short(rate.gbit_s)} | {_short(rate.dollars)} |"
        )
    yield ""
    yield "| students in one namespace | spans/s | collector away | behind a gateway | burst of 10 s |"
    yield "| --- | --- | --- | --- | --- |"
    for students in IN_ONE_NAMESPACE:
        rate_s = students * value("spans of a student")
        alone = queues.longest_outage_s(rate_s, value("commits"), queues.SDK_SPANS)
        behind = min(
            queues.longest_outage_s(rate_s, value("commits"), queues.GATEWAY_SPANS), queues.GATEWAY_TRIES_S
        )
        burst = queues.greatest_burst(rate_s, value("commits"), queues.SDK_SPANS)
        yield (
            f"| {students:,} | {rate_s:,.0f} | {_short(alone)} s | {_short(behind)} s "
            f"| {_short(burst)} times the rate |"
        )


def _short(number: float) -> str:
    """Three digits, or all before the point."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__).parse_args(argv)
    print("\n".join(lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
