"""The API answers about metrics: names, one metric over time, exemplars that lead to traces."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.fixtures.seed import CHARGE_SPAN, SEAT, TRACE
from tests.observer.api.conftest import Ask

DURATION = "http.server.request.duration"


def test_the_metrics_are_found_by_service_text_and_time(ask: Ask) -> None:
    found = ask("/metrics", since="15m")["metrics"]
    kinds = {one["name"]: (one["kind"], one["unit"], one["series"]) for one in found}
    assert kinds[DURATION] == ("histogram", "s", 2)
    assert kinds["shop.orders"] == ("sum", "{order}", 2)
    by_text = ask("/metrics", q="HTTP server requests")
    assert [one["name"] for one in by_text["metrics"]] == [DURATION]
    (one,) = ask("/metrics", service="checkoutservice", q="orders")["metrics"]
    assert one["services"] == ["checkoutservice"]
    assert (one["temporality"], one["monotonic"], one["folded"]) == ("cumulative", True, 0)
    assert ask("/metrics", to="2001-01-01")["metrics"] == []


def test_a_counter_is_a_rate_by_default_and_grouped(ask: Ask) -> None:
    answer = ask("/metrics/shop.orders", by="version", since="5m", columns=10)
    assert (answer["aggregation"], answer["unit"], answer["truncated"]) == ("rate", "{order}", False)
    assert sorted(one["attributes"]["version"] for one in answer["series"]) == ["v350.10", "v350.9"]
    values = [value for _, value in answer["series"][0]["points"] if value is not None]
    assert values == pytest.approx([0.5] * len(values))
    assert len(values) >= 8
    one = ask("/metrics/shop.orders", attr="version:v350.9", since="5m", columns=10, agg="sum")
    assert sum(value or 0 for _, value in one["series"][0]["points"]) == pytest.approx(145, abs=10)
    assert ask("/metrics/shop.orders", attr="version:none", since="5m")["series"] == []


def test_a_histogram_has_percentiles_and_exemplars(ask: Ask) -> None:
    answer = ask(f"/metrics/{DURATION}", agg="p50", attr="service.name:frontend", since="5m", columns=5)
    values = [value for _, value in answer["series"][0]["points"] if value is not None]
    assert values == pytest.approx([0.1] * len(values))
    (exemplar,) = answer["exemplars"]
    assert (exemplar["trace_id"], exemplar["span_id"]) == (TRACE, CHARGE_SPAN)
    assert exemplar["attributes"] == {"enduser.id": SEAT}
    assert exemplar["series_attributes"]["http.route"] == "/cart/checkout"


def test_what_does_not_fit_is_said_with_what_does(ask: Ask) -> None:
    refused = ask("/metrics/shop.orders", expect=400, agg="p99")["error"]
    assert "rate, sum, avg, min, max, last, count" in refused["message"]
    refused = ask(f"/metrics/{DURATION}", expect=400, agg="median")["error"]
    assert "p50" in refused["message"] + refused["remedy"]
    unknown = ask("/metrics/http.server.request.durations", expect=404)["error"]
    assert "no metric 'http.server.request.durations'" in unknown["message"]
    near = ask("/metrics/shop_orders", expect=404)["error"]
    assert "shop.orders" in near["remedy"]
    other = ask("/metrics/shop.orders", expect=404, unit="s")["error"]
    assert "sum in {order}" in other["remedy"]


def test_without_a_time_range_it_is_that_of_the_metrics_points(ask: Ask) -> None:
    """And one interval before them: the first increase happened before the first point came."""
    (name,) = ask("/metrics", q="shop.orders")["metrics"]
    answer = ask("/metrics/shop.orders", agg="sum", attr="version:v350.9")
    points = answer["series"][0]["points"]
    assert points[0][0] == name["first_unix_nano"] - 10 * 10**9
    end = points[-1][0] + answer["column_ns"]
    assert name["last_unix_nano"] < end <= name["last_unix_nano"] + answer["column_ns"]
    assert sum(value for _, value in points) == pytest.approx(5 * 29)
    assert all(value for _, value in points)


def test_a_single_point_has_a_minute(ask: Ask) -> None:
    (name,) = ask("/metrics", q="/gc/")["metrics"]
    answer = ask("/metrics/" + quote(name["name"], safe="/"))
    points = answer["series"][0]["points"]
    assert points[-1][1] == 7.5
    assert (
        points[-1][0]
        <= name["last_unix_nano"]
        < points[-1][0] + answer["column_ns"]
        == points[0][0] + (60 * 10**9)
    )


def test_metrics_are_narrowed_by_environment(ask: Ask) -> None:
    """As everything else: an environment that nobody is in has none."""
    every = ask("/metrics")["metrics"]
    assert every
    assert ask("/metrics", environment="elsewhere")["metrics"] == []
    assert ask("/metrics/shop.orders", environment="elsewhere")["series"] == []


def test_any_name_can_be_asked_for(ask: Ask) -> None:
    """Slashes, also at the beginning and doubled, blanks, question marks, percent signs."""
    (name,) = (one["name"] for one in ask("/metrics", q="/gc/")["metrics"])
    answer = ask("/metrics/" + quote(name, safe="/"))
    assert answer["name"] == name
    assert answer["series"][0]["points"][-1][1] in (7.5, None)
    assert [value for _, value in answer["series"][0]["points"] if value is not None] == [7.5]


def test_a_stream_is_chosen_by_all_that_tells_it_from_others(ask: Ask) -> None:
    """A blank is the unit of a stream without one; values of one attribute are left out one by one."""
    assert ask("/metrics/shop.orders", temporality="cumulative", monotonic="1")["kind"] == "sum"
    refused = ask("/metrics/shop.orders", expect=404, unit=" ")["error"]
    assert "of this unit and kind" in refused["message"]
    ask("/metrics/shop.orders", expect=404, temporality="delta")
    ask("/metrics/shop.orders", expect=404, monotonic="0")
    excluded = ["version:v350.9", "version:none"]
    one = ask("/metrics/shop.orders", exclude=excluded, by="version", since="5m")
    assert [group["attributes"]["version"] for group in one["series"]] == ["v350.10"]


def test_a_trace_names_the_metrics_that_it_is_an_exemplar_of(ask: Ask) -> None:
    """By all of its id or the last 16 digits; a trace of none has none."""
    for trace in (TRACE, TRACE[-16:]):
        answer = ask(f"/apm/traces/{trace}/exemplars")
        assert answer["trace_id"] == TRACE
        assert {(one["metric"], one["value"], one["unit"]) for one in answer["exemplars"]} == {
            (DURATION, 0.4, "s")
        }
        assert answer["exemplars"][0]["series_attributes"] == {"http.route": "/cart/checkout"}
    assert ask(f"/apm/traces/{'f' * 32}/exemplars")["exemplars"] == []
