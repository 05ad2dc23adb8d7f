"""Sessions by what happened in them, exact percentiles of few samples, and errors that count once."""

from __future__ import annotations

from typing import Any

import pytest

from signals.model import SessionId
from store.api import CountedEvents, SessionQuery, SpanRow
from tests.store.build import MS, row
from tests.store.contract.test_browsers import event, fill
from tests.store.house import House


def _measured(house: House) -> int:
    measure = house.reader.rum_measures(house.window).get("custom_events")
    return measure.requests if measure else 0


def test_percentiles_of_few_samples_are_exact(house: House) -> None:
    """Two orders of 1.85 and 2.5 s: the slower is not dropped, and each alone is what its span says."""
    house.write(
        [
            row(event(1, "PlaceOrder", "s1", ms=1850, plan="a", tenant__level="gold")),
            row(event(2, "PlaceOrder", "s2", ms=2500, plan="b", tenant__level="silver")),
        ]
    )
    house.until(lambda: _measured(house) == 2, "both orders are measured")
    for where in (None, {"operation": "PlaceOrder"}, {"environment": "lab"}):
        latency = house.reader.rum_measures(house.window, where)["custom_events"].latency
        assert (latency.p50_ns, latency.p99_ns) == (2175 * MS, 2_493_500_000)
    parts = house.reader.rum_breakdowns("custom_events", ("tenant.level", "plan"), house.window)
    for part in parts.values():
        found = {value.value: value.measure.latency for value in part.values}
        slow = found.get("silver") or found["b"]
        assert slow.p50_ns == slow.p99_ns == 2500 * MS
    points = house.reader.rum_series("custom_events", house.window, 1)
    assert points[0].measure.latency.p99_ns == 2_493_500_000


def test_percentiles_of_vitals_and_of_first_bytes_are_exact(house: House) -> None:
    fill(house)
    measures = house.reader.rum_measures(house.window)
    assert measures["lcp"].latency.p75_ns == 512 * MS
    assert measures["cls"].latency.p75_ns == 250_000_000
    assert measures["ttfb"].latency.p50_ns == 20 * MS
    assert measures["page_load"].latency.p90_ns == 400 * MS


def _error(number: int, name: str, message: str, *, at_ms: float = 0, kind: str = "TypeError") -> SpanRow:
    error: dict[str, Any] = {
        "error__object": "String" if name == "console.error" else kind,
        "error__message": message,
    }
    return row(event(number, name, at_ms=at_ms, component="error", **error))


@pytest.mark.parametrize(
    ("errors", "counted"),
    [
        (
            [
                ("onerror", "x is not a function", 0),
                ("console.error", "Uncaught TypeError: x is not a function", 3),
            ],
            1,
        ),
        ([("console.error", "TypeError: x is not a function", 0), ("onerror", "x is not a function", 3)], 1),
        (
            [
                ("console.error", "Uncaught TypeError: in other words", 0),
                ("onerror", "x is not a function", 3),
            ],
            1,
        ),
        ([("onerror", "x is not a function", 0), ("console.error", "the cart is empty", 3)], 2),
        ([("onerror", "x is not a function", 0), ("console.error", "x is not a function", 1500)], 2),
        ([("onerror", "x is not a function", 0), ("onerror", "x is not a function", 3)], 2),
        ([("console.error", "x is not a function", 0), ("console.error", "x is not a function", 3)], 2),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_an_error_that_was_logged_too_counts_once(
    house: House, errors: list[tuple[str, str, float]], counted: int, together: bool
) -> None:
    """In the session and in the metric, whichever of the two arrives first, in one beacon or in two."""
    rows = [_error(number, name, text, at_ms=at) for number, (name, text, at) in enumerate(errors, 1)]
    for batch in [rows] if together else [[one] for one in rows]:
        house.write(batch)
        arrived = rows.index(batch[-1]) + 1

        def aggregated(expected: int = arrived) -> bool:
            session = house.reader.session(SessionId("s1"))
            return session is not None and session.events == expected

        house.until(aggregated, "the batch is aggregated")
    session = house.reader.session(SessionId("s1"))
    assert session is not None
    assert session.errors == counted
    assert house.reader.rum_measures(house.window)["js_errors"].requests == counted
    groups, _ = house.reader.rum_errors(house.window)
    assert sum(group.count for group in groups) == counted


def _sessions(house: House, **conditions: object) -> list[str]:
    query = SessionQuery(house.window, **conditions)  # type: ignore[arg-type]  # tests name them
    found: list[str] = [one.session_id for one in house.reader.find_sessions(query).items]
    assert house.reader.count_sessions(query) == (len(found), False)
    return found


def test_sessions_are_found_by_what_happened_in_them(house: House) -> None:
    fill(house)
    for attributes, expected in (
        ({"page": "/product/<??>"}, ["s2", "s1"]),
        ({"page": "/nowhere"}, []),
        ({"operation": "POST /cart/checkout"}, ["s1"]),
        ({"operation": "AddToCart"}, ["s2"]),
        ({"http.status_code": "500", "operation": "onerror"}, ["s1"]),
        ({"link.traceId": "AB" * 16}, ["s1"]),
        ({"link.traceId": "ab" * 8}, []),
        ({"link.traceId": "no id"}, []),
    ):
        assert _sessions(house, attributes=attributes) == expected, attributes


def test_sessions_stand_behind_each_number_of_rum(house: House) -> None:
    """Those of the events that a metric counts, all conditions of one event at once."""
    fill(house)
    group = house.reader.rum_errors(house.window)[0][0]
    for counted, expected in (
        (CountedEvents("js_errors"), ["s1"]),
        (CountedEvents("js_errors", error_id=group.error_id), ["s1"]),
        (CountedEvents("js_errors", error_id="another"), []),
        (CountedEvents("js_errors", {"page": "/"}, group.error_id), []),
        (CountedEvents("custom_events", {"plan": "b"}), ["s2"]),
        (CountedEvents("custom_events", {"user_agent.synthetic.type": ""}), []),
        (CountedEvents("network_errors", {"page": "/product/<??>"}), ["s1"]),
        (CountedEvents("network_requests", {"http.status_code": "500", "operation": "GET /"}), []),
        (CountedEvents("page_views", {"page": "/never"}), []),
    ):
        assert _sessions(house, counted=counted) == expected, counted
