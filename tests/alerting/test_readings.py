"""The value of every kind of signal, against telemetry whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from alerting import values_over_time
from alerting.model import Rule, Signal
from alerting.readings import Reading, began, read_groups
from alerting.rules import parse
from signals.metrics import MetricKind
from signals.model import TraceId
from store.api import Window
from tests.alerting.receiving import receiving
from tests.alerting.telemetry import NOW_S, Desk, Telemetry, rule_text
from tests.helpers import eventually
from tests.store.build import SECOND, T0, span
from tests.store.build_metrics import point, series

WINDOW = Window(T0 + round((NOW_S - 60) * SECOND), T0 + round(NOW_S * SECOND))


def rule(signal: Mapping[str, object], **condition: object) -> Rule:
    return parse("r", "r.toml", rule_text(signal, condition or {"above": 0.5}))


def signal(**parts: object) -> Signal:
    return rule(parts).signal


def ungrouped(shop: Telemetry, **parts: object) -> Reading:
    return read_groups(receiving(shop, WINDOW.to_unix_nano), signal(**parts), WINDOW).groups[()]


@pytest.fixture(name="orders")
def _orders(shop: Telemetry) -> Telemetry:
    """30 orders, 6 of which failed; 10 pages; another service; an order of long before."""
    shop.requests(
        at_s=[NOW_S - 50 + n for n in range(30)], errors=6, ms=100, attributes={"tenant.level": "gold"}
    )
    shop.requests(at_s=[NOW_S - 40 + n for n in range(10)], operation="/", ms=20)
    shop.requests(at_s=[NOW_S - 40 + n for n in range(5)], service="email", operation="Send", errors=5)
    shop.requests(at_s=[NOW_S - 400], errors=1)
    return shop


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"measure": "error_share", "service": "frontend", "operation": "/cart/checkout"}, 0.2),
        ({"measure": "error_share", "service": "frontend"}, 6 / 40),
        ({"measure": "origin_share", "service": "email"}, 1.0),
        ({"measure": "error_share"}, 11 / 45),
        ({"measure": "errors", "service": "frontend"}, 6),
        ({"measure": "count", "service": "frontend", "operation": "/"}, 10),
        ({"measure": "rate", "service": "frontend"}, 40 / 60),
        ({"measure": "rate", "service": "nobody"}, 0),
        ({"measure": "p50", "service": "frontend", "operation": "/"}, 20),
        ({"measure": "p99", "service": "frontend", "operation": "/cart/checkout"}, 100),
        ({"measure": "error_share", "where": {"tenant.level": "gold"}}, 0.2),
    ],
)
def test_requests_are_measured(orders: Telemetry, parts: dict[str, object], expected: float) -> None:
    """Rates, counts, shares and percentiles in milliseconds, of a service, an operation, a tag."""
    found = ungrouped(orders, kind="requests", **parts)

    assert found.value == pytest.approx(expected, rel=0.05)


def test_too_few_requests_are_no_data(orders: Telemetry) -> None:
    """The reason says how many there were and how many are needed."""
    chosen = signal(kind="requests", measure="error_share", service="email")
    [found] = read_groups(orders.reader, chosen, WINDOW, minimum=6).groups.values()

    assert (found.value, found.reason) == (None, "There were 5 of the 6 requests that are needed.")


def test_a_count_of_nothing_is_zero_only_while_telemetry_arrives(shop: Telemetry) -> None:
    """A shop without visitors and a collector that is down look alike, except for what else arrives."""
    chosen = signal(kind="requests", measure="rate", service="frontend")
    assert read_groups(shop.reader, chosen, WINDOW).groups[()].reason == "No telemetry was received."
    long_ago = receiving(shop, WINDOW.from_unix_nano - 1)
    assert read_groups(long_ago, chosen, WINDOW).groups[()].value is None
    assert read_groups(receiving(shop, WINDOW.to_unix_nano), chosen, WINDOW).groups[()].value == 0


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("service", {"frontend": 0.15, "email": 1.0}),
        ("operation", {"/cart/checkout": 0.2, "/": 0.0, "Send": 1.0}),
        ("tenant.level", {"gold": 0.2}),
    ],
)
def test_requests_are_grouped(orders: Telemetry, by: str, expected: dict[str, float]) -> None:
    """By service, by operation and by a tag; requests without the tag are in no group."""
    found = read_groups(orders.reader, signal(kind="requests", measure="error_share", by=[by]), WINDOW)

    assert {dict(group)[by]: each.value for group, each in found.groups.items()} == pytest.approx(expected)


def gauge_and_counter(shop: Telemetry) -> None:
    used = [series("pool.used", attributes={"pool": name}, unit="{thread}", service="shop") for name in "ab"]
    refused = [
        series("charges", MetricKind.SUM, {"outcome": "refused", "version": name}, unit="{charge}")
        for name in ("v1", "v2")
    ]
    shop.points(
        [
            *(point(used[0], NOW_S - second, 3.0) for second in (50, 40, 30, 20, 10)),
            *(point(used[1], NOW_S - second, 9.0) for second in (50, 40, 30, 20, 10)),
            *(
                point(refused[0], NOW_S - second, 10, start=NOW_S - 900)
                for second in (60, 50, 40, 30, 20, 10)
            ),
            *(
                point(refused[1], NOW_S - second, 60 - second, start=NOW_S - 900)
                for second in (60, 50, 40, 30, 20, 10)
            ),
        ]
    )


def test_metrics_are_measured_by_name_filter_and_group(shop: Telemetry) -> None:
    """A gauge's mean and maximum, a counter's rate by version, with the unit of the sender."""
    gauge_and_counter(shop)
    assert ungrouped(shop, kind="metric", metric="pool.used", measure="max").value == 9
    assert ungrouped(shop, kind="metric", metric="pool.used", measure="avg", where={"pool": "a"}).value == 3
    assert ungrouped(shop, kind="metric", metric="pool.used", measure="avg", service="none").reason
    assert ungrouped(shop, kind="metric", metric="none", measure="avg").reason == "There is no metric none."

    rates = signal(
        kind="metric", metric="charges", measure="rate", where={"outcome": "refused"}, by=["version"]
    )
    found = read_groups(shop.reader, rates, WINDOW)
    assert found.unit == "{charge}/s"
    assert {dict(group)["version"]: each.value for group, each in found.groups.items()} == {
        "v1": 0,
        "v2": pytest.approx(1.0),
    }
    enough = read_groups(shop.reader, replace(rates, measure="sum"), WINDOW, minimum=100)
    assert {each.value for each in enough.groups.values()} == {None}


def browser_errors(shop: Telemetry) -> None:
    common = {
        "splunk.rumSessionId": "s1",
        "app": "shop",
        "environment": "lab",
        "location.href": "http://shop/cart",
    }
    spans = []
    for place in range(4):
        attributes = {
            **common,
            "error": "true",
            "error.object": "TypeError",
            "error.message": f"no price {place}",
        }
        spans.append(
            span(
                9_000 + place,
                service="",
                name="onerror",
                start_ms=(NOW_S - 30 + place) * 1000,
                browser=True,
                session="s1",
                attributes=attributes,
                trace_id=TraceId(f"{9_000 + place:032x}"),
            )
        )
    for place, lcp in enumerate((1000, 2000, 3000, 4000)):
        spans.append(
            span(
                9_100 + place,
                service="",
                name="webvitals",
                start_ms=(NOW_S - 30 + place) * 1000,
                browser=True,
                session="s1",
                attributes={**common, "lcp": str(lcp)},
                trace_id=TraceId(f"{9_100 + place:032x}"),
            )
        )
    shop.spans(spans)
    eventually(lambda: len(shop.reader.rum_measures(WINDOW)) >= 2, "browsers' measures")


def test_browsers_are_measured(shop: Telemetry) -> None:
    """Errors by number, vitals by percentile in milliseconds, by the tags of RUM."""
    browser_errors(shop)
    assert ungrouped(shop, kind="rum", metric="js_errors", measure="count").value == 4
    lcp = ungrouped(shop, kind="rum", metric="lcp", measure="p75")
    assert lcp.value == pytest.approx(3000, rel=0.1)
    assert lcp.amount == 4
    assert ungrouped(shop, kind="rum", metric="inp", measure="p75").reason == "There were no samples."
    assert ungrouped(shop, kind="rum", metric="js_errors", measure="count", environment="x").value == 0

    by_page = read_groups(
        shop.reader, signal(kind="rum", metric="js_errors", measure="count", by=["page"]), WINDOW
    )
    assert [each.value for each in by_page.groups.values()] == [4]


def test_a_signal_is_compared_with_the_hour_before(desk: Desk) -> None:
    """Three times as many requests as in the hour before; an open alert keeps that hour."""
    shop = desk.telemetry
    text = rule_text(
        {"kind": "requests", "measure": "rate", "service": "frontend"},
        {"above_hour_before": 3, "window": "60s", "minimum_before": 20},
    )
    desk.rule("busy", text)
    shop.requests(at_s=[NOW_S - 5 + n / 10 for n in range(10)])
    desk.evaluate()
    [group] = desk.detector("busy").groups
    assert (group.state, group.reason) == ("no_data", "The hour before has 0 of the 20 that are needed.")

    shop.requests(at_s=[NOW_S - 3000 + 50 * n for n in range(36)])
    desk.start()
    desk.evaluate(NOW_S + 1)
    assert desk.only.threshold == pytest.approx(3 * 36 / 3600)
    assert desk.only.value == pytest.approx(10 / 60)
    assert desk.only.state == "firing"


def test_the_begin_is_where_the_values_turn() -> None:
    """One bad value among good ones long before is not the begin; the first of the lasting ones is."""
    columns = [
        (0, 0.0, 10),
        (1, 0.3, 10),
        (2, 0.0, 10),
        (3, 0.0, 30),
        (4, 0.5, 10),
        (5, None, 0),
        (6, 0.9, 9),
    ]

    assert began(columns, 0.1, 1) == 4
    assert began(columns[:4], 0.5, 1) is None
    assert began([(0, 5.0, 1), (1, 1.0, 1), (2, 0.5, 1)], 2.0, -1) == 1
    assert began([], 1.0, 1) is None


def test_values_over_time_are_those_of_the_group(orders: Telemetry) -> None:
    """A chart of one group: a value for each column, none where there was no request."""
    chosen = rule({"kind": "requests", "measure": "error_share", "by": ["service"]})
    found = values_over_time(orders.reader, chosen, {"service": "email"}, WINDOW, columns=6)

    assert [value for _, value in found] == [None, None, 1.0, None, None, None]
    assert found[0][0] == WINDOW.from_unix_nano
    assert json.dumps(found)


def test_values_of_a_metric_over_time(shop: Telemetry) -> None:
    """The same of a metric."""
    gauge_and_counter(shop)
    chosen = rule({"kind": "metric", "metric": "pool.used", "measure": "avg", "by": ["pool"]})
    found = values_over_time(shop.reader, chosen, {"pool": "a"}, WINDOW, columns=6)

    assert {value for _, value in found if value is not None} == {3.0}
