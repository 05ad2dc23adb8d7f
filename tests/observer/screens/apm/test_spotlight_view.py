"""Tag Spotlight's cards: which tags, in which order, how their bars compare. Pure; no store, no template."""

from __future__ import annotations

import re

import pytest

from observer.screens.apm.spotlight import view
from store.api import Breakdown, Latency, Measure, TagValue

HREFS = view.CardHrefs(lambda tag, value: f"/{tag}={value}", lambda tag: f"/api/{tag}")
VALUES = (
    TagValue("v1", Measure(100, 10, 5, Latency(p90_ns=50))),
    TagValue("v2", Measure(50, 20, 20, Latency(p90_ns=100))),
)


def _cards(
    *breakdowns: Breakdown, requested: tuple[str, ...] = (), metric: str = "requests"
) -> list[view.Card]:
    return list(view.build_cards(breakdowns, requested, metric, HREFS))


def _widths(card: view.Card) -> list[float]:
    return [float(re.findall(r'rect[^>]*width="([\d.]+)"', row.bar)[0]) for row in card.rows]


@pytest.mark.parametrize(
    ("metric", "widths"),
    [("requests", [1000, 500]), ("errors", [500, 1000]), ("root", [250, 1000]), ("p90", [500, 1000])],
)
def test_bars_compare_the_values_with_the_largest(metric: str, widths: list[float]) -> None:
    (card,) = _cards(Breakdown("version", VALUES), metric=metric)

    assert _widths(card) == widths


def test_bars_of_nothing_are_empty() -> None:
    (card,) = _cards(Breakdown("version", (TagValue("v1", Measure(5)),)), metric="errors")

    assert _widths(card) == [0]


def test_tags_that_no_request_carries_have_no_card_unless_requested() -> None:
    absent = Breakdown("rare", (TagValue("", Measure(5)),))

    assert _cards(absent) == []
    assert [card.tag for card in _cards(absent, requested=("rare",))] == ["rare"]


def test_requested_tags_go_first_then_those_that_separate_errors() -> None:
    dull = Breakdown("host", (TagValue("x", Measure(150, 30, 0)),))

    assert [card.tag for card in _cards(dull, Breakdown("version", VALUES))] == ["version", "host"]
    found = _cards(dull, Breakdown("version", VALUES), requested=("host",))
    assert [card.tag for card in found] == ["host", "version"]


def test_values_beyond_the_limit_are_in_the_api() -> None:
    many = tuple(TagValue(f"v{n}", Measure(10)) for n in range(view.VALUES_LIMIT + 1))
    (card,) = _cards(Breakdown("version", many))

    assert len(card.rows) == view.VALUES_LIMIT
    assert (card.more, card.api_href) == ("The 8 most frequent values", "/api/version")


@pytest.mark.parametrize(
    ("scanned", "truncated", "note"),
    [
        (0, False, ""),
        (0, True, "most frequent values"),
        (9, False, "from 9 requests"),
        (1, True, "from 1 request, newest only"),
    ],
)
def test_a_card_notes_how_much_of_it_was_counted(scanned: int, truncated: bool, note: str) -> None:
    (card,) = _cards(Breakdown("version", VALUES, scanned, truncated))

    assert card.note == note


def test_fewer_cards_are_shown_while_a_filter_makes_each_of_them_a_scan() -> None:
    known = [f"tag{n:02}" for n in range(20)]

    assert len(view.select_tags(known, [], {}).shown) == 12
    filtered = view.select_tags(known, [], {"tag00": "x"})
    assert len(filtered.shown) == 6
    assert "tag00" not in filtered.shown + filtered.left_out, "it has one value only"
    assert view.select_tags(known, ["own"], {}).shown[0] == "own"
