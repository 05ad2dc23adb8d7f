"""The waterfall's rows: what is folded, grouped, matched and marked. Pure; no service has a meaning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.screens.apm.trace import waterfall
from observer.screens.apm.trace.waterfall import Line, Waterfall, Wish
from signals.model import Span, SpanError, SpanKind
from signals.trace_analysis import analyse
from tests.store.build import failing_checkout, span, span_id


def _build(spans: list[Span], **wish: object) -> Waterfall:
    return waterfall.build(analyse(spans), replace(Wish(), **wish))  # type: ignore[arg-type]  # tests' own names


def _shown(fall: Waterfall) -> list[Line]:
    return [line for line in fall.lines if not line.hidden]


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
    assert [(line.row.span.service, line.level) for line in fall.lines][:5] == [
        ("frontend", 1),
        ("frontend", 2),
        ("checkoutservice", 3),
        ("checkoutservice", 4),
        ("checkoutservice", 4),
    ]
    assert sum(line.row.inferred for line in fall.lines) == 2


def test_errors_are_marked_where_they_began_and_where_they_arrived() -> None:
    fall = _build(failing_checkout())
    marks = {line.row.span.span_id: line.error for line in fall.lines if not line.row.inferred}
    assert [n for n in range(1, 11) if marks[span_id(n)] is SpanError.ORIGIN] == [4, 6, 9]
    assert [n for n in range(1, 11) if marks[span_id(n)] is SpanError.NONE] == [7, 10]
    assert fall.counts == {"all": 10, "errors": 8, "root": 3}


def test_repeated_siblings_become_one_row_that_unfolds() -> None:
    spans = _loop(5)
    fall = _build(spans)
    shown = _shown(fall)
    assert [(line.group, line.row.span.name) for line in shown] == [(0, "entry"), (5, "call")]
    assert len(fall.lines) == 1 + 1 + 10
    group = shown[1]
    assert group.foldable
    assert not group.open
    opened = _shown(_build(spans, unfolded=frozenset({group.key})))
    assert len(opened) == 1 + 1 + 10
    assert opened[2].level == group.level + 1


def test_two_siblings_are_not_worth_a_group() -> None:
    assert not any(line.group for line in _build(_loop(2)).lines)


def test_what_failed_is_never_put_into_a_group() -> None:
    fall = _build(_loop(8, failing=frozenset({4})))
    shown = _shown(fall)
    assert [line.group for line in shown if line.group] == [4, 3]
    failed = [line for line in shown if line.error is SpanError.ORIGIN]
    assert [line.row.span.service for line in failed] == ["b"]


def test_a_fold_hides_what_stands_under_it() -> None:
    spans = failing_checkout()
    fall = _build(spans, folded=frozenset({f"s-{span_id(3)}"}))
    assert [line.row.span.span_id for line in _shown(fall)] == [span_id(1), span_id(2), span_id(3)]
    assert len(fall.lines) == 12


def test_filters_mark_what_matches_and_count_it() -> None:
    spans = failing_checkout()
    root = _build(spans, errors="root")
    assert root.matching == 3
    assert len(root.lines) == 12
    text = _build(spans, text="BUTTERCUP")
    assert text.matching == 2
    slow = _build(spans, min_ns=400 * 10**6)
    assert slow.matching == 3
    only = _build(spans, errors="root", matches_only=True)
    assert [line.row.span.span_id for line in only.lines] == [span_id(4), span_id(6), span_id(9)]
    assert {line.level for line in only.lines} == {1}


def test_search_reads_attributes() -> None:
    spans = [span(1, attributes={"tenant": "gold"}), span(2, 1, attributes={"tenant": "silver"})]
    assert _build(spans, text="tenant=gold").matching == 1


def test_the_opened_span_is_never_hidden_in_a_group() -> None:
    fall = _build(_loop(5), opened=span_id(13))
    shown = {line.row.span.span_id for line in _shown(fall)}
    assert span_id(13) in shown


def test_bars_lie_within_the_trace() -> None:
    for line in _build(failing_checkout()).lines:
        assert 0 <= line.bar.x <= waterfall.BAR
        assert 0 < line.bar.width <= waterfall.BAR
    first = _build(failing_checkout()).lines[0]
    assert (first.bar.x, first.bar.width) == (0, waterfall.BAR)


def test_the_critical_path_covers_the_whole_trace() -> None:
    fall = _build(failing_checkout())
    covered = sum(width for line in fall.lines for _, width in line.bar.critical)
    assert covered == pytest.approx(waterfall.BAR, rel=0.02)


def test_span_ids_that_come_twice_have_keys_of_their_own() -> None:
    fall = _build([span(1), span(2, 1), span(2, 1, start_ms=5, name="again")])
    assert len({line.key for line in fall.lines}) == len(fall.lines) == 3


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
    assert fall.folded_deep
    levels = [line.level for line in fall.lines]
    assert max(levels[:-6]) <= waterfall.FOLD_DEPTH
    assert fall.lines[-1].error is SpanError.ORIGIN
    assert fall.lines[-1].level == 7
    folded = next(line for line in fall.lines if line.below)
    assert folded.below == 4
    more = _build(_deep(400), unfolded=frozenset({folded.key}))
    assert len(more.lines) == len(fall.lines) + 1
    assert _build(_deep(400), unfolded=frozenset({"all"})).folded_deep is False


def _wide(steps: int, failing: int = 0) -> list[Span]:
    """A root with so many different children, one of them in error."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    for n in range(2, steps):
        spans.append(span(n, 1, "a", f"step {n}", start_ms=n, ms=1, error=n == failing))
    return spans


def test_a_page_holds_no_more_rows_than_it_can_and_the_next_page_has_the_next() -> None:
    spans = _wide(1900)
    fall = _build(spans)
    assert len(fall.lines) == waterfall.ROWS_LIMIT
    assert fall.cut == fall.cut_after == len(spans) - waterfall.ROWS_LIMIT
    assert (fall.earlier, fall.later) == (None, waterfall.ROWS_LIMIT)
    after = _build(spans, at=waterfall.ROWS_LIMIT)
    assert (after.earlier, after.later) == (0, None)
    seen = [line.row.span.span_id for line in (*fall.lines, *after.lines)]
    assert set(seen) == {each.span_id for each in spans}
    assert after.lines[0].row.span.span_id == span_id(1), "what the rows of a page stand under is there too"
    opened = _build(spans, opened=span_id(1850))
    assert opened.lines[-1].row.span.span_id == span_id(1850)


def test_an_error_beyond_the_page_is_reached_all_the_same() -> None:
    """Filters, search and `r` stopped at row 1,000: an error at row 1,900 was on no page."""
    spans = _wide(1990, failing=1900)
    fall = _build(spans)
    last = fall.lines[-1]
    assert (last.row.span.span_id, last.error) == (span_id(1900), SpanError.ORIGIN)
    assert (last.skipped, last.skipped_at) == (1899 - waterfall.ROWS_LIMIT, waterfall.ROWS_LIMIT)
    found = _build(spans, text="step 1985")
    assert [line.row.span.span_id for line in found.lines if line.matches] == [span_id(1985)]


def test_matches_alone_are_paged() -> None:
    spans = _wide(1990)
    pages = [_build(spans, text="step", matches_only=True, at=at) for at in (0, waterfall.ROWS_LIMIT)]
    assert [len(page.lines) for page in pages] == [1000, 988]


def test_a_large_closed_group_is_one_row_and_uses_up_no_page() -> None:
    """1,500 hidden members filled the page, so that what came after them was not shown."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    spans += [span(n, 1, "a", "again", start_ms=n, ms=1) for n in range(2, 1502)]
    spans += [span(n, 1, "a", f"after {n}", start_ms=n, ms=1, error=n == 1511) for n in range(1502, 1512)]
    fall = _build(spans)
    assert [line.group for line in fall.lines] == [0, 1500, *[0] * 10]
    group = fall.lines[1]
    assert (group.below, group.open, fall.cut) == (1500, False, 0)
    opened = _build(spans, unfolded=frozenset({group.key}))
    assert (opened.total, len(opened.lines)) == (1512, waterfall.ROWS_LIMIT + 1)


def test_a_match_inside_a_closed_group_opens_it_unless_all_of_it_matches() -> None:
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    spans += [
        span(n, 1, "a", "again", start_ms=n, ms=1, attributes={"row": f"<{n}>"}) for n in range(2, 1502)
    ]
    one = _build(spans, text="row=<1400>")
    assert [line.row.span.span_id for line in _shown(one) if line.matches and not line.group] == [
        span_id(1400)
    ]
    assert [line.group for line in _build(spans, text="again").lines] == [0, 1500]


def test_everything_unfolded_can_be_paged() -> None:
    spans = _deep(400)
    pages = [_build(spans, unfolded=frozenset({"all"}), at=at) for at in (0, 1000, 2000)]
    seen = {line.row.span.span_id for page in pages for line in page.lines}
    assert seen == {each.span_id for each in spans}


def test_a_service_is_asked_for_by_its_exact_name() -> None:
    """Its chip searched for the name as text, which stands in other services' tags too."""
    spans = [span(1, 0, "cart", "GET"), span(2, 1, "cart2", "GET", attributes={"peer": "cart"})]
    fall = _build(spans, service="cart")
    assert [line.matches for line in fall.lines] == [True, False]


def test_the_counts_of_the_choices_follow_the_other_filters() -> None:
    spans = failing_checkout()
    fall = _build(spans, service="paymentservice", errors="root")
    assert fall.counts["root"] == fall.matching
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
    assert [(x.level, x.error, x.colour, x.bar) for x in before.lines] == [
        (x.level, x.error, x.colour, x.bar) for x in after.lines
    ]


def test_a_trace_of_browser_spans_alone_has_no_row() -> None:
    fall = _build([span(1, browser=True, session="s")])
    assert fall.lines == ()
