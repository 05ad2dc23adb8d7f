"""Metrics: vitals against their thresholds, changes against the window before, cards of tags."""

from __future__ import annotations

import pytest

from observer.components.compared import Compared
from observer.screens.rum import metrics
from observer.screens.rum.overview.view import count_stats
from observer.screens.rum.spotlight.view import card_of
from store.api import Breakdown, Latency, Measure, TagValue

MS = 1_000_000
ALL = Compared(900, 900, 900)
"""Two periods that have data from end to end."""


def measured(p75_ns: int) -> Measure:
    return Measure(requests=9, latency=Latency(p50_ns=p75_ns, p75_ns=p75_ns, p99_ns=p75_ns))


@pytest.mark.parametrize(
    ("metric", "p75", "verdict", "written"),
    [
        ("lcp", 2_500 * MS, "good", "2.5 s"),
        ("lcp", 2_501 * MS, "needs improvement", "2.5 s"),
        ("lcp", 4_001 * MS, "poor", "4 s"),
        ("inp", 199 * MS, "good", "199 ms"),
        ("inp", 501 * MS, "poor", "501 ms"),
        ("cls", 100_000_000, "good", "0.100"),
        ("cls", 260_000_000, "poor", "0.260"),
        ("ttfb", 900 * MS, "needs improvement", "900 ms"),
    ],
)
def test_vitals_are_judged_by_the_published_thresholds(
    metric: str, p75: int, verdict: str, written: str
) -> None:
    found = metrics.vital(metrics.BY_NAME[metric], measured(p75), None)
    assert (found.verdict, found.value) == (verdict, written)
    assert 0 <= found.place <= 100


def test_a_vital_without_samples_has_no_verdict() -> None:
    found = metrics.vital(metrics.BY_NAME["lcp"], None, None)
    assert (found.verdict, found.samples, found.pointer_x) == ("", "0 samples", "")


def test_more_errors_are_worse_and_more_views_are_neither() -> None:
    assert metrics.count_delta(12, 10, True, ALL) == metrics.Delta("+20 % (was 10)", "worse")
    assert metrics.count_delta(5, 10, True, ALL) == metrics.Delta("-50 % (was 10)", "better")
    assert metrics.count_delta(12, 10, False, ALL).verdict == ""
    assert metrics.count_delta(3, 0, True, ALL) == metrics.Delta("none before", "worse")
    assert metrics.count_delta(0, 0, True, ALL) == metrics.Delta("no change", "")
    assert metrics.count_delta(500, 10, False, ALL).text == "50 times (was 10)"


def test_a_change_within_a_buckets_width_is_no_change() -> None:
    assert metrics.time_delta("lcp", 1_020, measured(1_000)) == metrics.Delta("no change", "")
    slower = metrics.time_delta("lcp", 2_000 * MS, measured(1_000 * MS))
    assert slower == metrics.Delta("was 1 s", "worse")
    assert metrics.time_delta("lcp", None, measured(1)) is None
    few = Measure(requests=2, latency=Latency(p75_ns=MS))
    assert metrics.time_delta("lcp", 2_000 * MS, few) == metrics.Delta("too few before: 2", "")


def test_every_count_is_listed_even_if_nothing_was_measured() -> None:
    found = count_stats({"js_errors": Measure(requests=4)}, {"js_errors": Measure(requests=2)}, ALL)
    assert {n.metric.name: n.value for n in found}["js_errors"] == 4
    assert {n.metric.name: n.value for n in found}["page_views"] == 0


def test_a_card_scales_its_bars_to_the_largest_value_and_notes_what_is_left_out() -> None:
    values = tuple(TagValue(f"v{n}", Measure(requests=100 - n)) for n in range(20))
    found = card_of(Breakdown("page", values), metrics.BY_NAME["page_load"], {"page": "v1"})
    assert found.values[0].share == 1
    assert [value.chosen for value in found.values[:3]] == [False, True, False]
    assert found.notes == ("8 more values not shown.",)
