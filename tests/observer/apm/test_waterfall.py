"""The waterfall's rows: what is folded, grouped, matched and marked. Pure; no service has a meaning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.apm import waterfall
from observer.apm.waterfall import Line
from observer.apm.waterfall import Waterfall
from observer.apm.waterfall import Wish
from store.model import Span
from store.model import SpanError
from store.model import SpanKind
from store.trace import analyse
from tests.store.build import failing_checkout
from tests.store.build import span
from tests.store.build import span_id


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


def test_a_page_holds_no_more_rows_than_it_can_and_says_so() -> None:
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    spans += [span(n, 1, "a", f"step {n}", start_ms=n, ms=1) for n in range(2, 1900)]
    fall = _build(spans)
    assert len(fall.lines) == waterfall.ROWS_LIMIT
    assert fall.cut == len(spans) - waterfall.ROWS_LIMIT
    opened = _build(spans, opened=span_id(1850))
    assert opened.lines[-1].row.span.span_id == span_id(1850)


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
