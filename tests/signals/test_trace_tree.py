"""The tree of a trace, for friendly and hostile sets of spans."""

from __future__ import annotations

import random

import pytest

from signals.model import Span, SpanError, SpanKind
from signals.trace_tree import ABSENT, Call, calls_of, outline, requests_of, services_of
from tests.store.build import failing_checkout, span

SERVER, CLIENT, INTERNAL = SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL


def hostile(seed: int, count: int = 40) -> list[Span]:
    """Spans with missing, circular and doubled parents, of any kind and time."""
    draw = random.Random(seed)
    return [
        span(
            draw.randrange(1, count),
            draw.randrange(0, count + 5),
            draw.choice("abc"),
            f"n{number}",
            kind=SpanKind(draw.randrange(6)),
            start_ms=draw.uniform(-100, 100),
            ms=draw.uniform(0, 100),
            error=draw.random() < 0.3,
            peer=draw.choice(["", "a", "x"]),
            browser=draw.random() < 0.1,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_every_backend_span_has_one_place_in_the_tree(seed: int) -> None:
    """Depth first, parents before children, every link both ways, and no circle."""
    spans = hostile(seed)
    tree = outline(spans)
    count = len(tree.spans)
    assert count == sum(not one.browser for one in spans)
    assert sorted(tree.order) == list(range(count))
    rank = {place: position for position, place in enumerate(tree.order)}
    for place, parent in enumerate(tree.parents):
        if parent == ABSENT:
            assert tree.depths[place] == 0
        else:
            assert place in tree.children[parent]
            assert tree.depths[place] == tree.depths[parent] + 1
            assert rank[parent] < rank[place]
    assert sum(map(len, tree.children)) == sum(parent != ABSENT for parent in tree.parents)


@pytest.mark.parametrize("seed", range(20))
def test_requests_are_a_partition_of_the_spans(seed: int) -> None:
    """Each span belongs to one request, of its own service."""
    tree = outline(hostile(seed))
    requests = requests_of(tree)
    assert sorted(place for request in requests for place in request.members) == list(range(len(tree.spans)))
    for request in requests:
        assert request.place in request.members
        assert {tree.spans[place].service for place in request.members} == {tree.spans[request.place].service}
        begun = [tree.origins[place] is SpanError.ORIGIN for place in request.members]
        assert request.origin == any(begun)


@pytest.mark.parametrize("seed", range(20))
def test_the_tree_depends_on_no_order_of_arrival(seed: int) -> None:
    """Spans that differ in anything are ranked by it."""
    spans = hostile(seed)
    expected = outline(spans)
    random.Random(seed).shuffle(spans)
    found = outline(spans)
    assert found.spans == expected.spans
    assert (found.parents, found.order, found.entries) == (expected.parents, expected.order, expected.entries)
    assert (found.lost, found.circular, found.doubled) == (expected.lost, expected.circular, expected.doubled)
    assert sorted(calls_of(found)) == sorted(calls_of(expected))


@pytest.mark.parametrize("seed", range(20))
def test_an_error_begins_somewhere_or_there_is_none(seed: int) -> None:
    """A span in error is an origin or has a child in error; counts by service add up."""
    tree = outline(hostile(seed))
    for place, error in enumerate(tree.origins):
        assert (error is not SpanError.NONE) == tree.spans[place].error
        below = any(tree.spans[child].error for child in tree.children[place])
        assert (error is SpanError.RECEIVED) == (tree.spans[place].error and below)
    assert sum(count for _, count, _ in services_of(tree)) == len(tree.spans)
    assert any(error is SpanError.ORIGIN for error in tree.origins) == any(one.error for one in tree.spans)


def test_calls_of_the_failing_checkout() -> None:
    """One for each caller's span and service that answered; unanswered ones by their peer."""
    calls = calls_of(outline(failing_checkout()))
    assert sorted((call.source, call.target, call.error, call.inferred) for call in calls) == [
        ("checkoutservice", "paymentservice", True, False),
        ("checkoutservice", "paymentservice", True, False),
        ("checkoutservice", "paymentservice", True, False),
        ("frontend", "checkoutservice", True, False),
        ("paymentservice", "ButtercupPayments", False, True),
        ("paymentservice", "ButtercupPayments", False, True),
    ]


def test_a_service_entered_without_a_calling_span_is_a_call_by_the_entered_span() -> None:
    """Some libraries make no client span."""
    tree = outline([span(1, service="a", kind=SERVER), span(2, 1, "b", kind=SERVER, start_ms=2, ms=3)])
    entered = tree.spans[1]
    assert calls_of(tree) == [
        Call("a", "b", entered.start_unix_nano, entered.duration_ns, False, False, False)
    ]


@pytest.mark.parametrize(
    ("spans", "initiating", "complete"),
    [
        ([span(1, kind=SERVER), span(2, 1)], 1, True),
        ([span(2, 1, kind=SERVER)], 2, True),
        ([span(2, 1, kind=CLIENT)], 2, False),
        ([span(2, 9, kind=INTERNAL), span(3, 8, kind=SERVER, start_ms=1)], 3, False),
        ([span(2, 9, kind=SERVER), span(3, kind=INTERNAL, start_ms=1)], 3, False),
        ([span(2, 9, kind=SERVER), span(3, 9, kind=SERVER, start_ms=1)], 2, False),
        ([span(2, 9, kind=SERVER), span(3, 8, "b", kind=SERVER, start_ms=1)], 2, False),
    ],
)
def test_the_initiating_span_and_whether_anything_is_missing(
    spans: list[Span], initiating: int, complete: bool
) -> None:
    """A root first, else a served span, whose outside caller is not missed."""
    tree = outline(spans)
    assert int(tree.spans[tree.initiating].span_id, 16) == initiating
    assert tree.complete is complete
