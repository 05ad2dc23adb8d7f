"""The waterfall's rows: what is folded, grouped, matched and marked. Pure; no service has a meaning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.screens.apm.trace import waterfall
from observer.screens.apm.trace.row_folding import FOLD_DEPTH
from observer.screens.apm.trace.timeline_bars import BAR
from observer.screens.apm.trace.waterfall import Waterfall
from observer.screens.apm.trace.waterfall_filter import WaterfallFilter
from observer.screens.apm.trace.waterfall_row import Gap, WaterfallRow
from signals.model import Span, SpanError, SpanKind
from signals.trace_analysis import analyse
from tests.store.build import failing_checkout, span, span_id


def _build(spans: list[Span], **filters: object) -> Waterfall:
    chosen = replace(WaterfallFilter(), **filters)  # type: ignore[arg-type]  # the tests' own names
    return waterfall.build(analyse(spans), chosen)


def _shown(fall: Waterfall) -> list[WaterfallRow]:
    return [row for row in fall.rows if not row.hidden]


def _loop(times: int, failing: frozenset[int] = frozenset()) -> list[Span]:
    """A service that calls another `times` times in a row."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=1000, error=bool(failing))]
    for i in range(times):
        client, server = 10 + 2 * i, 11 + 2 * i
        bad = i in failing
        spans.append(
            span(client, 1, "a", "call", kind=SpanKind.CLIENT, start_ms=i, ms=0.9, error=bad, peer="b")
        )
        spans.append(span(server, client, "b", "call", kind=SpanKind.SERVER, start_ms=i, ms=0.8, error=bad))
    return spans


def test_rows_come_depth_first_with_their_level() -> None:
    fall = _build(failing_checkout())
    assert [(row.trace_row.span.service, row.level) for row in fall.rows][:5] == [
        ("frontend", 1),
        ("frontend", 2),
        ("checkoutservice", 3),
        ("checkoutservice", 4),
        ("checkoutservice", 4),
    ]
    assert sum(row.trace_row.inferred for row in fall.rows) == 2


def test_errors_are_marked_where_they_began_and_where_they_arrived() -> None:
    fall = _build(failing_checkout())
    marks = {row.trace_row.span.span_id: row.error for row in fall.rows if not row.trace_row.inferred}
    assert [n for n in range(1, 11) if marks[span_id(n)] is SpanError.ORIGIN] == [4, 6, 9]
    assert [n for n in range(1, 11) if marks[span_id(n)] is SpanError.NONE] == [7, 10]
    assert fall.counts == {"all": 10, "errors": 8, "root": 3}


def test_repeated_siblings_become_one_row_that_unfolds() -> None:
    spans = _loop(5)
    fall = _build(spans)
    shown = _shown(fall)
    assert [(row.group, row.trace_row.span.name) for row in shown] == [(0, "entry"), (5, "call")]
    assert len(fall.rows) == 1 + 1 + 10
    group = shown[1]
    assert group.foldable
    assert not group.open
    opened = _shown(_build(spans, unfolded=frozenset({group.key})))
    assert len(opened) == 1 + 1 + 10
    assert opened[2].level == group.level + 1


def test_two_siblings_are_not_worth_a_group() -> None:
    assert not any(row.group for row in _build(_loop(2)).rows)


def test_what_failed_is_never_put_into_a_group() -> None:
    fall = _build(_loop(8, failing=frozenset({4})))
    shown = _shown(fall)
    assert [row.group for row in shown if row.group] == [4, 3]
    failed = [row for row in shown if row.error is SpanError.ORIGIN]
    assert [row.trace_row.span.service for row in failed] == ["b"]


def test_a_fold_hides_what_stands_under_it() -> None:
    spans = failing_checkout()
    fall = _build(spans, folded=frozenset({f"s-{span_id(3)}"}))
    assert [row.trace_row.span.span_id for row in _shown(fall)] == [span_id(1), span_id(2), span_id(3)]
    assert len(fall.rows) == 12


def test_filters_mark_what_matches_and_count_it() -> None:
    spans = failing_checkout()
    root = _build(spans, errors="root")
    assert root.matches == 3
    assert len(root.rows) == 12
    text = _build(spans, text="BUTTERCUP")
    assert text.matches == 2
    slow = _build(spans, min_ns=400 * 10**6)
    assert slow.matches == 3
    only = _build(spans, errors="root", matches_only=True)
    assert [row.trace_row.span.span_id for row in only.rows] == [span_id(4), span_id(6), span_id(9)]
    assert {row.level for row in only.rows} == {1}


def test_search_reads_attributes() -> None:
    spans = [span(1, attributes={"tenant": "gold"}), span(2, 1, attributes={"tenant": "silver"})]
    assert _build(spans, text="tenant=gold").matches == 1


def test_the_opened_span_is_never_hidden_in_a_group() -> None:
    fall = _build(_loop(5), opened=span_id(13))
    shown = {row.trace_row.span.span_id for row in _shown(fall)}
    assert span_id(13) in shown


def test_bars_lie_within_the_trace() -> None:
    for row in _build(failing_checkout()).rows:
        assert 0 <= row.bar.x <= BAR
        assert 0 < row.bar.width <= BAR
    first = _build(failing_checkout()).rows[0]
    assert (first.bar.x, first.bar.width) == (0, BAR)


def test_the_critical_path_covers_the_whole_trace() -> None:
    fall = _build(failing_checkout())
    covered = sum(width for row in fall.rows for _, width in row.bar.critical)
    assert covered == pytest.approx(BAR, rel=0.02)


def test_span_ids_that_come_twice_have_keys_of_their_own() -> None:
    fall = _build([span(1), span(2, 1), span(2, 1, start_ms=5, name="again")])
    assert len({row.key for row in fall.rows}) == len(fall.rows) == 3


def _deep(width: int) -> list[Span]:
    """A trace of more than FOLD_ABOVE rows: chains of six under one root, the last ending in an error."""
    spans = [span(1, 0, "root", "entry", kind=SpanKind.SERVER, ms=5000)]
    number = 2
    for chain in range(width):
        parent = 1
        for level in range(6):
            last = chain == width - 1
            spans.append(
                span(
                    number,
                    parent,
                    f"s{level}",
                    f"step {chain}",
                    start_ms=chain,
                    ms=1,
                    error=last and level == 5,
                )
            )
            parent = number
            number += 1
    return spans


def test_a_large_trace_begins_folded_except_the_way_to_its_errors() -> None:
    fall = _build(_deep(400))
    assert fall.folds_deep
    levels = [row.level for row in fall.rows]
    assert max(levels[:-6]) <= FOLD_DEPTH
    assert fall.rows[-1].error is SpanError.ORIGIN
    assert fall.rows[-1].level == 7
    folded = next(row for row in fall.rows if row.omitted)
    assert folded.omitted == 4
    more = _build(_deep(400), unfolded=frozenset({folded.key}))
    assert len(more.rows) == len(fall.rows) + 1
    assert _build(_deep(400), unfolded=frozenset({"all"})).folds_deep is False


def _wide(steps: int, failing: int = 0) -> list[Span]:
    """A root with so many different children, one of them in error."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    for n in range(2, steps):
        spans.append(span(n, 1, "a", f"step {n}", start_ms=n, ms=1, error=n == failing))
    return spans


def test_a_page_holds_no_more_rows_than_it_can_and_the_next_page_has_the_next() -> None:
    spans = _wide(1900)
    fall = _build(spans)
    assert len(fall.rows) == waterfall.ROWS_LIMIT
    left_out = len(spans) - waterfall.ROWS_LIMIT
    assert fall.cut == left_out
    assert fall.gap_after == Gap(left_out, waterfall.ROWS_LIMIT)
    assert fall.next_rows == left_out
    assert (fall.previous_offset, fall.next_offset) == (None, waterfall.ROWS_LIMIT)
    after = _build(spans, offset=waterfall.ROWS_LIMIT)
    assert (after.previous_offset, after.next_offset) == (0, None)
    seen = [row.trace_row.span.span_id for row in (*fall.rows, *after.rows)]
    assert set(seen) == {each.span_id for each in spans}
    assert after.rows[0].trace_row.span.span_id == span_id(1), "the ancestors of its rows are on each page"
    opened = _build(spans, opened=span_id(1850))
    assert opened.rows[-1].trace_row.span.span_id == span_id(1850)


def test_an_error_beyond_the_page_is_reached_all_the_same() -> None:
    """Filters, search and `r` stopped at row 1,000: an error at row 1,900 was on no page."""
    spans = _wide(1990, failing=1900)
    fall = _build(spans)
    last = fall.rows[-1]
    assert (last.trace_row.span.span_id, last.error) == (span_id(1900), SpanError.ORIGIN)
    assert last.gap_before == Gap(1899 - waterfall.ROWS_LIMIT, waterfall.ROWS_LIMIT)
    found = _build(spans, text="step 1985")
    assert [row.trace_row.span.span_id for row in found.rows if row.matches] == [span_id(1985)]


def test_matches_alone_are_paged() -> None:
    spans = _wide(1990)
    pages = [_build(spans, text="step", matches_only=True, offset=at) for at in (0, waterfall.ROWS_LIMIT)]
    assert [len(page.rows) for page in pages] == [1000, 988]


def test_a_large_closed_group_is_one_row_and_uses_up_no_page() -> None:
    """1,500 hidden members filled the page, so that what came after them was not shown."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    spans += [span(n, 1, "a", "again", start_ms=n, ms=1) for n in range(2, 1502)]
    spans += [span(n, 1, "a", f"after {n}", start_ms=n, ms=1, error=n == 1511) for n in range(1502, 1512)]
    fall = _build(spans)
    assert [row.group for row in fall.rows] == [0, 1500, *[0] * 10]
    group = fall.rows[1]
    assert (group.omitted, group.open, fall.cut) == (1500, False, 0)
    opened = _build(spans, unfolded=frozenset({group.key}))
    assert (opened.total, len(opened.rows)) == (1512, waterfall.ROWS_LIMIT + 1)


def test_a_match_inside_a_closed_group_opens_it_unless_all_of_it_matches() -> None:
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    spans += [
        span(n, 1, "a", "again", start_ms=n, ms=1, attributes={"row": f"<{n}>"}) for n in range(2, 1502)
    ]
    one = _build(spans, text="row=<1400>")
    assert [row.trace_row.span.span_id for row in _shown(one) if row.matches and not row.group] == [
        span_id(1400)
    ]
    assert [row.group for row in _build(spans, text="again").rows] == [0, 1500]


def test_everything_unfolded_can_be_paged() -> None:
    spans = _deep(400)
    pages = [_build(spans, unfolded=frozenset({"all"}), offset=at) for at in (0, 1000, 2000)]
    seen = {row.trace_row.span.span_id for page in pages for row in page.rows}
    assert seen == {each.span_id for each in spans}


def test_a_service_is_asked_for_by_its_exact_name() -> None:
    """Its chip searched for the name as text, which stands in other services' tags too."""
    spans = [span(1, 0, "cart", "GET"), span(2, 1, "cart2", "GET", attributes={"peer": "cart"})]
    fall = _build(spans, service="cart")
    assert [row.matches for row in fall.rows] == [True, False]


def test_the_counts_of_the_choices_follow_the_other_filters() -> None:
    spans = failing_checkout()
    fall = _build(spans, service="paymentservice", errors="root")
    assert fall.counts["root"] == fall.matches
    assert fall.counts["all"] == sum(each.service == "paymentservice" for each in spans)


def test_renaming_everything_changes_nothing_but_names() -> None:
    spans = failing_checkout()
    names = {s.service: f"x{i}" for i, s in enumerate(spans)}
    renamed = [
        replace(
            s, service=names[s.service], name=f"op-{s.name}", peer=names.get(s.peer, s.peer and "outside")
        )
        for s in reversed(spans)
    ]
    before, after = _build(spans), _build(renamed)
    assert [(x.level, x.error, x.colour, x.bar) for x in before.rows] == [
        (x.level, x.error, x.colour, x.bar) for x in after.rows
    ]


def test_a_trace_of_browser_spans_alone_has_no_row() -> None:
    fall = _build([span(1, browser=True, session="s")])
    assert fall.rows == ()
