"""Exclusive time, shares and the critical path, against what they mean."""

from __future__ import annotations

import random

import pytest

from signals.time_breakdown import critical_path_of, exclusive_ns, performance_of
from signals.trace_tree import ABSENT, outline
from tests.signals.test_trace_tree import hostile
from tests.store.build import span


@pytest.mark.parametrize("seed", range(30))
def test_exclusive_time_is_what_no_interval_covers(seed: int) -> None:
    """Counted nanosecond by nanosecond."""
    draw = random.Random(seed)
    start, end = sorted(draw.sample(range(200), 2))
    intervals = [
        (begin, begin + draw.randrange(60)) for begin in draw.choices(range(-50, 250), k=draw.randrange(8))
    ]
    covered = {at for begin, finish in intervals for at in range(max(begin, start), min(finish, end))}
    assert exclusive_ns(start, end, intervals) == end - start - len(covered)


@pytest.mark.parametrize("seed", range(30))
def test_shares_sum_to_100_and_follow_their_durations(seed: int) -> None:
    """To one decimal, whatever the trace."""
    found = performance_of(outline(hostile(seed)))
    shares = (found.application, found.database, found.external, found.network)
    parts = (found.application_ns, found.database_ns, found.external_ns, found.network_ns)
    assert round(sum(shares), 6) == 100.0
    for share, part in zip(shares, parts, strict=True):
        assert part >= 0
        assert abs(share - 100 * part / found.total_ns) <= 0.1


@pytest.mark.parametrize("seed", range(30))
def test_the_critical_path_covers_the_initiating_span_once(seed: int) -> None:
    """Without a gap or an overlap, each segment within its own span."""
    tree = outline(hostile(seed))
    assert tree.initiating != ABSENT
    root = tree.spans[tree.initiating]
    reached = root.start_unix_nano
    for place, begin, end in critical_path_of(tree):
        one = tree.spans[place]
        assert begin == reached
        assert one.start_unix_nano <= begin < end <= one.start_unix_nano + one.duration_ns
        reached = end
    assert reached == root.start_unix_nano + root.duration_ns


def test_the_critical_path_of_siblings_goes_through_the_one_that_ended_last() -> None:
    """A sibling beside it is not on the path; one that ended before it began is."""
    tree = outline(
        [
            span(1, ms=100),
            span(2, 1, start_ms=0, ms=20),
            span(3, 1, start_ms=30, ms=60),
            span(4, 1, start_ms=40, ms=30),
        ]
    )
    assert [int(tree.spans[place].span_id, 16) for place, _, _ in critical_path_of(tree)] == [2, 1, 3, 1]
