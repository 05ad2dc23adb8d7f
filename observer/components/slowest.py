"""What is slow: operations and pages by their duration, against the equal period before. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from observer.components.compared import Compared
from observer.components.number_format import NOTHING, duration
from store.api import Latency, Measure

K = TypeVar("K")

SHOWN: Final = 5
LEAST_REQUESTS: Final = 5
"""With fewer, one slow request would decide; the list says how many it has."""
SLOWER: Final = 1.5
"""How many times the duration before counts as slower: the buckets of latencies alone make up to 1.05."""
SLOWER_BY_NS: Final = 2_000_000
"""And by how much: of a call of a fraction of a millisecond, three times is nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A duration against the one before."""

    words: str
    """`2.3 times as long: 120 ms before`, `as before`, `none before`."""
    slower: bool
    times: str
    """How many times as long, where it is slower; else empty."""


@dataclass(frozen=True, slots=True)
class SlowRow:
    """One operation or page."""

    name: str
    of: str
    """The service; empty for pages."""
    href: str
    """The address of what was counted."""
    requests: int
    duration: str
    change: Change


@dataclass(frozen=True, slots=True)
class Slowest:
    """The list."""

    rows: tuple[SlowRow, ...]
    note: str
    """What it is compared with, or that there is nothing to compare with."""
    left_out: str
    """That what was asked for rarely is not ranked; empty where all was."""


def change_of(now_ns: int | None, before_ns: int | None, requests_before: int) -> Change:
    """A percentile against the same of the period before, in which there were so many requests."""
    if now_ns is None:
        return Change("", slower=False, times="")
    if before_ns is None or not requests_before:
        return Change("none before", slower=False, times="")
    if requests_before < LEAST_REQUESTS:
        return Change(f"too few before: {requests_before}", slower=False, times="")
    ratio = now_ns / max(1, before_ns)
    before = f"{duration(before_ns)} before"
    if ratio >= SLOWER and now_ns - before_ns >= SLOWER_BY_NS:
        return Change(f"{ratio:.1f} times as long: {before}", slower=True, times=f"{ratio:.1f}\u00d7")
    if ratio <= 1 / SLOWER and before_ns - now_ns >= SLOWER_BY_NS:
        return Change(f"faster: {before}", slower=False, times="")
    return Change(f"as before: {before}", slower=False, times="")


def slowest(
    now: Mapping[K, Measure],
    before: Mapping[K, Measure],
    compared: Compared,
    name_of: Callable[[K], tuple[str, str]],
    href_of: Callable[[K], str],
    pick: Callable[[Latency], int | None],
    *,
    cut: bool = False,
) -> Slowest:
    """The slowest by a percentile; `name_of` gives name and service, `href_of` an address.

    `cut` says that only the newest requests were counted.
    """
    often = {key: measure for key, measure in now.items() if measure.requests >= LEAST_REQUESTS}
    ranked = sorted(
        ((pick(measure.latency) or 0, key) for key, measure in often.items()),
        key=lambda one: (-one[0], name_of(one[1])),
    )
    rows = []
    for took_ns, key in ranked[:SHOWN]:
        earlier = before.get(key, Measure())
        name, of = name_of(key)
        change = change_of(took_ns, pick(earlier.latency), earlier.requests)
        rows.append(
            SlowRow(
                name, of, href_of(key), now[key].requests, duration(took_ns) if took_ns else NOTHING, change
            )
        )
    rare = len(now) - len(often)
    note = compared.note(any_before=any(measure.requests for measure in before.values()))
    return Slowest(
        tuple(rows),
        f"{note}; counted among the newest requests only" if cut else note,
        f"{rare} with fewer than {LEAST_REQUESTS} not ranked" if rare else "",
    )
