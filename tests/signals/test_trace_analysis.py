"""Analysis of a trace: where requests and errors begin, what is irregular, where its time went."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from signals.model import Span, SpanError, SpanId, SpanKind
from signals.time_breakdown import exclusive_ns
from signals.trace_analysis import ClockSkew, TraceAnalysis, analyse, inferred_id
from tests.store.build import MS, failing_checkout, span, span_id

SERVER, CLIENT, INTERNAL = SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL
PRODUCER, CONSUMER = SpanKind.PRODUCER, SpanKind.CONSUMER
NONE, RECEIVED, ORIGIN = SpanError.NONE, SpanError.RECEIVED, SpanError.ORIGIN


def colours(found: TraceAnalysis) -> dict[str, str]:
    return {row.span.span_id: row.error.value for row in found.rows}


def test_the_story_both_services_are_at_fault() -> None:
    found = analyse(failing_checkout())
    by_number = {int(row.span.span_id, 16): row.error for row in found.rows if not row.inferred}
    assert by_number == {
        1: RECEIVED,
        2: RECEIVED,
        3: RECEIVED,
        4: ORIGIN,
        5: RECEIVED,
        6: ORIGIN,
        7: NONE,
        8: RECEIVED,
        9: ORIGIN,
        10: NONE,
    }
    assert [(one.name, one.spans, one.error) for one in found.services] == [
        ("frontend", 2, RECEIVED),
        ("checkoutservice", 4, ORIGIN),
        ("paymentservice", 4, ORIGIN),
    ]
    assert (found.service, found.operation, found.workflow) == (
        "frontend",
        "POST /cart/checkout",
        "frontend:/cart/checkout",
    )
    assert [(one.service, one.error, one.origin) for one in found.requests] == [
        ("frontend", True, False),
        ("checkoutservice", True, True),
        ("paymentservice", True, True),
        ("paymentservice", True, True),
    ]
    assert (found.spans, found.errors, found.origin_errors, found.complete) == (10, 8, 3, True)
    assert not any(row.irregular for row in found.rows)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_and_renamed_the_colours_stay(seed: int) -> None:
    spans = failing_checkout()
    expected = analyse(spans)
    names = {one.service: f"x{place}" for place, one in enumerate(spans)}
    renamed = [
        replace(one, service=names[one.service], name=f"n{one.name}", peer=names.get(one.peer, "elsewhere"))
        if one.peer
        else replace(one, service=names[one.service], name=f"n{one.name}")
        for one in spans
    ]
    random.Random(seed).shuffle(renamed)
    found = analyse(renamed)
    assert colours(found) == colours(expected)
    assert [row.span.span_id for row in found.rows] == [row.span.span_id for row in expected.rows]
    assert found.performance == expected.performance
    assert found.critical_path == expected.critical_path
    assert [one.error for one in found.services] == [one.error for one in expected.services]


def test_inferred_rows_stand_under_leaf_calls_to_services_that_do_not_report() -> None:
    found = analyse(failing_checkout())
    inferred = [row for row in found.rows if row.inferred]
    assert [row.span.service for row in inferred] == ["ButtercupPayments", "ButtercupPayments"]
    first = inferred[0]
    assert first.span.parent_span_id == span_id(7)
    assert first.span.span_id == inferred_id(span_id(7)) != span_id(7)
    assert len(first.span.span_id) == 16
    assert (first.span.kind, first.error, first.depth) == (CLIENT, NONE, 6)
    assert not any(row.span.parent_span_id == span_id(4) for row in inferred), "payment reports itself"


def test_an_inferred_row_takes_no_part_in_errors() -> None:
    found = analyse([span(1, kind=SERVER), span(2, 1, kind=CLIENT, error=True, peer="bank")])
    assert [row.error for row in found.rows] == [NONE, ORIGIN, NONE]


def test_browser_spans_are_no_part_of_the_backend() -> None:
    spans = [
        span(1, name="HTTP POST", kind=CLIENT, browser=True, session="s1", ms=100, error=True),
        span(2, 1, "shop", "POST /", kind=SERVER, start_ms=1, ms=80, error=True),
        span(3, name="click", browser=True, session="s1", start_ms=-5),
    ]
    found = analyse(spans)
    assert [row.span.span_id for row in found.rows] == [span_id(2)]
    assert found.rows[0].error is ORIGIN
    assert found.browser is not None
    assert (found.browser.session_id, found.browser.span_id) == ("s1", span_id(1))
    assert (found.complete, found.duration_ns, found.spans) == (True, 80 * MS, 1)
    only = analyse(spans[:1])
    assert (only.service, only.spans, only.rows) == ("", 0, ())


def test_entries() -> None:
    spans = [
        span(1, service="a", kind=SERVER),
        span(2, 1, "a", kind=INTERNAL),
        span(3, 2, "b", kind=INTERNAL),
        span(4, 3, "b", kind=SERVER),
        span(5, 4, "b", kind=CLIENT),
        span(6, 5, "a", kind=CONSUMER),
    ]
    assert [int(one.span_id, 16) for one in analyse(spans).requests] == [1, 3, 4, 6]


def test_an_entry_with_an_outside_parent_is_no_orphan_but_a_later_one_is() -> None:
    outside = analyse([span(2, 1, kind=SERVER), span(3, 2, kind=CLIENT)])
    assert outside.complete
    assert not outside.rows[0].orphan
    lost = analyse([span(2, kind=SERVER), span(5, 4, "other", kind=SERVER, start_ms=2)])
    assert not lost.complete
    assert [row.orphan for row in lost.rows] == [False, True]


def test_children_of_one_missing_parent_are_one_request() -> None:
    spans = [span(number, 1, "a", kind=CLIENT, start_ms=number) for number in (2, 3, 4)]
    assert len(analyse(spans).requests) == 1


def test_circles_are_cut_and_marked_and_keep_an_origin() -> None:
    spans = [
        span(1, 3, start_ms=0, error=True),
        span(2, 1, start_ms=1, error=True),
        span(3, 2, start_ms=2, error=True),
        span(4, 4, start_ms=3),
    ]
    found = analyse(spans)
    assert [row.depth for row in found.rows] == [0, 1, 2, 0]
    assert [row.circular for row in found.rows] == [True, False, False, True]
    assert [row.error for row in found.rows] == [RECEIVED, RECEIVED, ORIGIN, NONE]


def test_double_ids_are_shown_and_marked() -> None:
    found = analyse([span(1), span(1, name="again", start_ms=1), span(2, 1, start_ms=2)])
    assert [row.duplicate for row in found.rows] == [False, False, True]
    assert found.rows[0].children == 1


@pytest.mark.parametrize(
    ("child", "skew"),
    [
        (span(2, 1, "b", kind=SERVER, start_ms=-50), ClockSkew("a", 50 * MS, 0)),
        (span(2, 1, "a", start_ms=-50), ClockSkew("a", 50 * MS, 0)),
        (span(2, 1, "b", kind=SERVER, start_ms=300), ClockSkew("a", 0, 200 * MS)),
        (span(2, 1, "b", kind=SERVER, start_ms=-0.5), None),
        (span(2, 1, "a", start_ms=300), None),
    ],
)
def test_a_time_that_the_parents_excludes_is_clock_skew(child: Span, skew: ClockSkew | None) -> None:
    """A child of the same process may outlive its parent; an answer may not begin after its call."""
    row = analyse([span(1, service="a", kind=CLIENT, ms=100), child]).row(span_id(2))
    assert row is not None
    assert (row.skew, row.skewed, row.irregular) == (skew, skew is not None, skew is not None)


def test_performance_files_exclusive_time() -> None:
    spans = [
        span(1, service="a", kind=SERVER, ms=100),
        span(2, 1, "a", kind=CLIENT, start_ms=10, ms=50),
        span(3, 2, "b", kind=SERVER, start_ms=15, ms=40),
        span(4, 3, "b", kind=CLIENT, start_ms=20, ms=20, peer="db", database=True),
        span(5, 1, "a", kind=CLIENT, start_ms=70, ms=10, peer="out"),
    ]
    found = analyse(spans).performance
    assert (found.application_ns, found.database_ns, found.external_ns, found.network_ns) == (
        60 * MS,
        20 * MS,
        10 * MS,
        10 * MS,
    )
    assert (found.application, found.database, found.external, found.network) == (60.0, 20.0, 10.0, 10.0)


def test_shares_are_of_the_sum_and_not_of_the_duration() -> None:
    """Two outside calls side by side make the sum longer than the trace."""
    spans = [
        span(1, service="a", kind=SERVER, ms=100),
        span(2, 1, "a", kind=CLIENT, ms=100, peer="x"),
        span(3, 1, "a", kind=CLIENT, ms=100, peer="y"),
    ]
    found = analyse(spans).performance
    assert (found.total_ns, found.external) == (200 * MS, 100.0)


def test_an_answer_on_another_clock_is_moved_into_its_call() -> None:
    spans = [span(1, service="a", kind=CLIENT, ms=100), span(2, 1, "b", kind=SERVER, start_ms=5000, ms=90)]
    found = analyse(spans).performance
    assert (found.network_ns, found.application_ns) == (10 * MS, 90 * MS)


@pytest.mark.parametrize("seed", range(20))
def test_performance_of_hostile_traces_sums_to_100_and_is_never_negative(seed: int) -> None:
    draw = random.Random(seed)
    spans = [
        span(
            number,
            draw.randrange(0, 30),
            draw.choice("abc"),
            kind=SpanKind(draw.randrange(6)),
            start_ms=draw.uniform(-100, 100),
            ms=draw.choice([0, draw.uniform(0, 200)]),
            error=draw.random() < 0.3,
            database=draw.random() < 0.2,
            peer=draw.choice(["", "x"]),
        )
        for number in range(1, 30)
    ]
    found = analyse(spans)
    shares = (
        found.performance.application,
        found.performance.database,
        found.performance.external,
        found.performance.network,
    )
    assert round(sum(shares), 6) == 100.0
    assert min(shares) >= 0
    assert len([row for row in found.rows if not row.inferred]) == 29
    assert any(row.error is ORIGIN for row in found.rows) == any(one.error for one in spans)
    shuffled = list(spans)
    draw.shuffle(shuffled)
    assert colours(analyse(shuffled)) == colours(found)
    covered = sum(segment.duration_ns for segment in found.critical_path)
    assert found.entry is not None
    assert covered == found.entry.span.duration_ns


def test_nothing_and_no_time() -> None:
    assert analyse([]).performance.total_ns == 0
    assert analyse([]).trace_id is None
    assert analyse([span(1, ms=0)]).performance.application == 100.0


def test_exclusive_time_counts_overlapping_children_once() -> None:
    assert exclusive_ns(0, 100, [(10, 50), (30, 60), (-5, 5), (90, 300), (200, 300)]) == 35


def test_the_critical_path_follows_who_ended_last() -> None:
    spans = [
        span(1, ms=100),
        span(2, 1, start_ms=10, ms=30),
        span(3, 1, start_ms=20, ms=60),
        span(4, 3, start_ms=30, ms=20),
    ]
    path = [(int(one.span_id, 16), one.duration_ns // MS) for one in analyse(spans).critical_path]
    assert path == [(1, 10), (2, 10), (3, 10), (4, 20), (3, 30), (1, 20)] or path == [
        (1, 20),
        (3, 10),
        (4, 20),
        (3, 30),
        (1, 20),
    ]


@pytest.mark.parametrize("shape", ["deep", "wide", "circle", "doubled"])
def test_hostile_shapes_of_many_spans_are_no_trouble(shape: str) -> None:
    count = 8_000
    base = span(1, kind=CLIENT, ms=1000, error=True)
    ids = [SpanId(f"{number:016x}") for number in range(count + 1)]

    def parent(number: int) -> int:
        if shape == "wide":
            return min(number - 1, 1)
        return number - 1 or (count if shape == "circle" else 0)

    spans = [
        replace(
            base,
            span_id=ids[1 if shape == "doubled" else number],
            parent_span_id=ids[parent(number)] if parent(number) else None,
            start_unix_nano=base.start_unix_nano + number,
        )
        for number in range(1, count + 1)
    ]
    began_s = time.process_time()
    found = analyse(spans)
    assert len(found.rows) >= count
    assert time.process_time() - began_s < 20, "not a benchmark: only quadratic work takes this long"
