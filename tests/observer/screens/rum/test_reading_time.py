"""A browser's span that is open while its reader reads is labelled as waiting."""

from __future__ import annotations

from observer.screens.rum.session.reading_time import reading_ns, with_reading
from signals.model import Span
from signals.session_events import SessionEvent, events_of
from tests.fixtures.world import MS, S
from tests.store.contract.test_browsers import event


def events(*spans: Span) -> list[SessionEvent]:
    return list(events_of(spans, {}))


def waited(*spans: Span) -> list[int]:
    found = events(*spans)
    return [reading_ns(one, found) for one in found]


def test_a_form_that_is_open_while_somebody_types_waits_for_its_reader() -> None:
    form = event(1, "checkout form", at_ms=0, ms=20_000, workflow__name="checkout")
    click = event(2, "click", at_ms=19_000, ms=100, event_type="click")
    request = event(3, "HTTP POST", at_ms=19_000, ms=800, http__url="http://shop/cart", component="fetch")
    found = waited(form, click, request)
    assert max(found) == 20 * S - 800 * MS
    assert found.count(0) == 2


def test_a_request_that_takes_long_is_no_reading_time() -> None:
    slow = event(1, "HTTP POST", at_ms=0, ms=20_000, http__url="http://shop/cart", component="fetch")
    assert waited(slow) == [0]


def test_a_short_action_is_no_reading_time() -> None:
    assert waited(event(1, "click", ms=200, event_type="click")) == [0]


def test_the_label_says_how_much_of_it_is_reading() -> None:
    assert with_reading("20 s", 19 * S) == "20 s, 19 s of it reading"
    assert with_reading("20 s", 0) == "20 s"
