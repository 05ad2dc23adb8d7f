"""What begins in the parts of slots at the ends of a window is counted by its own start."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

import store
from signals.model import Span, SpanKind, TraceId
from store.api import Window
from store.sqlite.read import cut_slots
from tests.store.build import MS, SECOND, T0, span
from tests.store.house import House

_TRACES = 60


def _order(number: int, at_ms: float, charged_after_ms: float) -> list[Span]:
    """A request of the shop and one of the bank, of one of two environments."""
    trace_id, attributes = TraceId(f"{number:032x}"), {"deployment.environment.name": f"e{number % 2}"}
    return [
        span(
            1, 0, "shop", "order", kind=SpanKind.SERVER, start_ms=at_ms, ms=number + 1,
            error=number % 3 == 0, attributes=attributes, trace_id=trace_id,
        ),
        span(
            2, 1, "bank", "charge", kind=SpanKind.SERVER, start_ms=at_ms + charged_after_ms, ms=number + 1,
            error=number % 5 == 0, attributes=attributes, trace_id=trace_id,
        ),
    ]  # fmt: skip


def _fill(house: House, longest_s: float) -> list[Span]:
    """Orders of a minute, every seventh of which is charged up to so many seconds later."""
    draw = random.Random(7)
    spans: list[Span] = []
    for number in range(1, _TRACES + 1):
        after_ms = draw.uniform(0, longest_s * 1e3) if number % 7 == 0 else draw.uniform(0, 400)
        spans += _order(number, draw.uniform(0, 60_000), after_ms)
    # Data after every window: a last slot after which none follows is taken whole.
    spans += _order(_TRACES + 1, 3_600_000, 0)
    house.write(spans)
    for trace_id in {one.trace_id for one in spans}:
        house.settled(trace_id, 2)
    return spans


def _windows(longest_s: float) -> list[Window]:
    """Within a slot, over the border of two, and over many."""
    draw = random.Random(11)
    windows = []
    for _ in range(60):
        begin = T0 + round(draw.uniform(-5, 60 + draw.choice([0.0, longest_s])) * SECOND)
        windows.append(Window(begin, begin + round(draw.choice([0.7, 4, 9, 13, 47]) * SECOND)))
    return windows


def _requests(spans: list[Span], window: Window, environment: str | None) -> dict[str, tuple[int, int]]:
    """(requests, errors) by service, counted one by one."""
    found: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for one in spans:
        of_environment = environment in (None, one.attributes["deployment.environment.name"])
        if of_environment and window.from_unix_nano <= one.start_unix_nano < window.to_unix_nano:
            found[one.service] += 1
            errors[one.service] += one.error
    return {name: (n, errors[name]) for name, n in found.items()}


@pytest.mark.parametrize("longest_s", [30, 300, 1_500])
@pytest.mark.parametrize("kept", [6_000, 3])
def test_requests_are_counted_by_their_start(
    house: House, longest_s: float, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether their slot is kept or not, and however long before it their trace began."""
    monkeypatch.setattr(cut_slots, "_MOST_KEPT", kept)
    spans = _fill(house, longest_s)
    for window in _windows(longest_s):
        for environment in (None, "e1"):
            found = house.reader.services(window, environment)
            assert {name: (one.requests, one.errors) for name, one in found.items()} == _requests(
                spans, window, environment
            )


@pytest.mark.parametrize("kept", [6_000, 3])
def test_calls_are_counted_by_their_start(house: House, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of the map is in the windows in which it begins, and in its environment."""
    monkeypatch.setattr(cut_slots, "_MOST_KEPT", kept)
    spans = _fill(house, 300)
    for window in _windows(300):
        for environment in (None, "e1"):
            edges = house.reader.service_map(window, environment).edges
            expected = _requests(spans, window, environment).get("bank", (0, 0))
            assert [(one.measure.requests, one.measure.errors) for one in edges] == [expected] * (
                expected[0] > 0
            )


def test_both_windows_of_a_page_have_what_is_between_them_once(house: House) -> None:
    """A window and the one before it cut one slot: each call of it is in one of them."""
    _fill(house, 30)
    whole = Window(T0, T0 + 90 * SECOND)
    expected = house.reader.service_map(whole).edges[0].measure.requests
    for cut_ms in range(500, 90_000, 1_700):
        middle = T0 + cut_ms * MS
        halves = Window(whole.from_unix_nano, middle), Window(middle, whole.to_unix_nano)
        edges = [one for half in halves for one in house.reader.service_map(half).edges]
        assert sum([one.measure.requests for one in edges]) == expected


@pytest.mark.parametrize("kept", [6_000, 3])
def test_a_call_long_after_its_trace_began_is_counted_as_ever(
    house: House, tmp_path: Path, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its slot was read for another window before makes no difference."""
    monkeypatch.setattr(cut_slots, "_MOST_KEPT", kept)
    house.write([*_order(1, 0, 604_000), *_order(2, 3_600_000, 0)])
    house.settled(TraceId(f"{1:032x}"), 2)
    house.settled(TraceId(f"{2:032x}"), 2)
    fresh = store.open_reader(tmp_path / "store.db")
    for first_s in (596, 599.9, 600.1, 603, 605):
        window = Window(T0 + round(first_s * SECOND), T0 + round(609 * SECOND))
        # Traces that began up to ten minutes before what is asked for are looked at.
        expected = first_s <= 600
        for reader in (house.reader, fresh):
            assert bool(reader.service_map(window).edges) == expected
        fresh.close()
        fresh = store.open_reader(tmp_path / "store.db")
    fresh.close()
