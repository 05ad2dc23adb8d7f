"""One metric: chart, legend, table, exemplars, groups, filters; holes are gaps, and what is cut is said."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.request.links import metric_url
from store.api import Reader, TooSlow
from tests.fixtures import seed
from tests.fixtures.foreign_metrics import ODD_NAMES
from tests.fixtures.html import attribute, first, one, text
from tests.observer.screens.metrics.conftest import Page

DURATION = "http.server.request.duration"


def _legend(page: LexborHTMLParser) -> dict[str, list[str]]:
    return {
        text(first(row, "th")): [text(cell) for cell in row.css("td:not([data-at])")]
        for row in page.css("[data-metric-legend] tbody tr")
    }


def _choices(page: LexborHTMLParser) -> list[str]:
    return [attribute(option, "value") for option in page.css("#metric-agg option")]


def test_a_histogram_begins_with_percentiles_and_exemplars(page: Page) -> None:
    found = page(f"/metrics/{DURATION}")
    assert list(_legend(found)) == ["P50 2 series", "P95 2 series", "P99 2 series"]
    assert len(found.css(".only-wide svg.lines polyline")) == 3
    row = first(found, "#exemplars tr[data-row]")
    assert attribute(first(row, "a"), "href").startswith(f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}")
    assert "400 ms" in text(row)
    assert f"enduser.id = {seed.SEAT}" in text(row)
    dot = first(found, ".only-wide svg.lines a:has(circle.exemplar)")
    assert attribute(dot, "href") == attribute(first(row, "a"), "href")
    assert attribute(dot, "tabindex") == "-1", "the list is the keyboard's way"
    assert {"percentiles", "p99", "rate"} <= set(_choices(found))
    assert "last" not in _choices(found)


def test_a_counter_is_a_rate_and_what_does_not_fit_is_said(page: Page) -> None:
    found = page("/metrics/shop.orders", since="5m")
    assert _legend(found)["all 2 series"][0] == "1 orders/s"
    assert text(first(found, "#chart-title")) == "Rate orders per second"
    assert not {"percentiles", "p50"} & set(_choices(found))
    refused = page("/metrics/shop.orders", agg="p99")
    assert "A counter has no p99 : shown is Rate." in text(one(refused, ".notice.warn"))
    total = page("/metrics/shop.orders", agg="sum", since="5m")
    assert _legend(total)["all 2 series"][-1].endswith(" orders")
    assert "Total" in text(one(total, "[data-metric-legend] thead"))


def test_a_summary_has_its_quantiles(page: Page) -> None:
    found = page("/metrics/summed.up")
    assert [row[0] for row in _legend(found).values()] == ["100 ms", "900 ms", "900 ms"]
    assert {"avg", "p50", "rate"} <= set(_choices(found))
    assert not {"min", "max", "last"} & set(_choices(found))


def test_groups_are_lines_that_lead_to_themselves_alone(client: FlaskClient, page: Page) -> None:
    found = page("/metrics/shop.orders?by=version&since=5m")
    assert sorted(_legend(found)) == ["v350.10 1 series", "v350.9 1 series"]
    link = first(found, "[data-metric-legend] th a")
    alone = LexborHTMLParser(client.get(attribute(link, "href")).text)
    assert [text(chip) for chip in alone.css(".chip code")] == [f"version = {text(link)}"]
    assert list(_legend(alone)) == ["all 1 series"]
    both = page("/metrics/queue.size?by=queue&by=shard")
    assert text(first(both, "[data-metric-legend] thead th")) == "queue, shard"
    assert text(first(both, "[data-metric-legend] th[scope=row] a")) == "q119, 2"


def test_groups_that_are_left_out_are_counted(page: Page) -> None:
    found = page("/metrics/queue.size?by=queue")
    assert len(_legend(found)) == 20
    assert "100 groups left out" in text(found)
    assert len({attribute(line, "class") for line in found.css(".only-wide polyline")}) == 20
    several = page(f"/metrics/{DURATION}?by=service.name&agg=percentiles")
    assert sorted(_legend(several))[:3] == [f"checkoutservice {p} 1 series" for p in ("P50", "P95", "P99")]


def test_filters_are_typed_chosen_and_removed(client: FlaskClient, page: Page) -> None:
    typed = client.get("/metrics/shop.orders?add=Version+%3D+V350.9&by=version")
    assert typed.status_code == 303
    assert parse_qs(urlsplit(typed.location).query) == {"attr": ["version:v350.9"], "by": ["version"]}
    without = client.get("/metrics/shop.orders?add=version+!=+v350.9&exclude=version:x")
    assert parse_qs(urlsplit(without.location).query)["exclude"] == ["version:x", "version:v350.9"]
    assert list(
        _legend(page("/metrics/shop.orders?by=version&exclude=version:x&exclude=version:v350.9"))
    ) == ["v350.10 1 series"]
    wrong = page("/metrics/shop.orders?add=nonsense")
    assert "not a valid filter" in text(one(wrong, "[role=alert]"))
    found = page("/metrics/shop.orders")
    value = next(link for link in found.css(".fields a") if text(link) == "v350.9")
    assert "attr=version%3Av350.9" in attribute(value, "href")
    group = next(link for link in found.css(".group-link a") if "by=version" in attribute(link, "href"))
    grouped = page(attribute(group, "href"))
    removed = first(grouped, ".chip a")
    assert "by=" not in attribute(removed, "href")


def test_the_table_has_the_numbers_of_the_chart_and_of_the_api(client: FlaskClient, page: Page) -> None:
    found = page("/metrics/shop.orders?by=version&agg=sum&since=5m")
    rows = found.css("[data-metric-values] tbody tr")
    (link,) = (a for a in found.css(".page-head .actions a") if text(a).startswith("JSON"))
    same = client.get(attribute(link, "href")).json
    assert same is not None
    held = [sum(point[1] is not None for point in series["points"]) for series in same["series"]]
    assert max(held) == len(rows)
    newest = [series["points"] for series in same["series"]]
    last = max(start for points in newest for start, value in points if value is not None)
    assert int(attribute(rows[0], "data-start")) == last // 1_000_000
    zoomed = attribute(first(rows[0], "th a"), "href")
    assert {"from", "to", "by"} <= {name for name, _ in parse_qsl(urlsplit(zoomed).query)}


def test_the_api_is_asked_for_the_same_columns_groups_and_stream(client: FlaskClient, page: Page) -> None:
    for address in (
        "/metrics/every.minute",
        "/metrics/two.temporalities?temporality=delta&since=1h",
        f"/metrics/{DURATION}?by=service.name&agg=percentiles",
        "/metrics/-?name=/gc/heap/allocs:bytes",
    ):
        found = page(address)
        links = [a for a in found.css(".page-head .actions a") if text(a).startswith("JSON")]
        answers = [client.get(attribute(link, "href")).json for link in links]
        rows = {int(attribute(row, "data-start")) for row in found.css("[data-metric-values] tbody tr")}
        starts = {
            point[0] // 1_000_000
            for answer in answers
            for series in (answer or {})["series"]
            for point in series["points"]
            if point[1] is not None
        }
        assert rows == starts, address


def test_a_hole_is_a_gap(page: Page) -> None:
    found = page("/metrics/with.hole")
    assert len(found.css(".only-wide polyline")) == 2
    assert _legend(found)["all 1 series"] == ["5 B"] * 4


def test_columns_are_as_long_as_reports_are_apart(page: Page) -> None:
    """A point a minute made three of four columns of 15 s empty: dots instead of a line."""
    found = page("/metrics/every.minute")
    assert len(found.css(".only-wide polyline")) == 1
    assert not found.css(".only-wide circle.dot")
    assert len(found.css("[data-metric-values] tbody tr")) >= 7


def test_odd_values_are_said_and_do_not_break_the_drawing(page: Page) -> None:
    found = page("/metrics/odd.values?agg=max")
    drawn = (first(found, ".only-wide svg.lines").html or "").lower()
    assert "nan" not in drawn
    assert "too great to be drawn: see the table" in text(found)
    assert "∞" in text(one(found, "[data-metric-values]"))
    below = page("/metrics/below.zero")
    assert "-20 °C" in [text(tick) for tick in below.css(".only-wide .tick")]


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name)[:20])
def test_any_name_is_text_and_has_related_content(client: FlaskClient, page: Page, name: str) -> None:
    with client.application.test_request_context("/metrics"):
        address = metric_url(name)
    found = page(address)
    assert one(found, "h1")
    assert not found.css("main script, main b")
    labels = [text(link) for link in found.css("#related a")]
    assert labels[0] == "Traces of foreign"
    assert labels[1].startswith("Logs of foreign (")


def test_other_streams_of_the_name_are_offered(page: Page) -> None:
    found = page("/metrics/two.units")
    note = one(found, ".notice a")
    assert text(note) == "gauge, seconds"
    other = page(attribute(note, "href"))
    assert text(one(other, ".notice a")) == "gauge, no unit"
    assert _legend(other)["all 1 series"][0] == "1 s"


def test_exemplars_that_are_not_listed_are_said(page: Page) -> None:
    found = page("/metrics/two.temporalities?temporality=cumulative")
    assert len(found.css("#exemplars tr[data-row]")) == 100
    assert "100 of them, spread over time and values" in text(one(found, "#exemplars"))
    assert text(first(found, "#related a")) == "Exemplars (100)"


def test_what_there_is_not_is_said(page: Page) -> None:
    missing = page("/metrics/http.server.duration", expect=404)
    assert "There is no metric" in text(missing)
    assert DURATION in text(missing) or "http.server" in text(missing)
    page("/metrics/-?digest=abc", expect=404)
    early = page("/metrics/shop.orders?from=2001-01-01&to=2001-01-02")
    assert "No point in this time range" in text(one(early, ".empty"))
    there = page(attribute(first(early, ".empty a.primary"), "href"))
    assert _legend(there)
    filtered = page("/metrics/shop.orders?attr=version:none")
    assert "that fits the filters" in text(one(filtered, ".empty"))


def test_a_question_that_takes_too_long_says_what_helps(
    client: FlaskClient, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader: Reader = client.application.extensions["observer"].reader

    def slow(*_: object) -> None:
        raise TooSlow("The answer would take too long.")

    monkeypatch.setattr(type(reader), "metric_chart", slow)
    found = page(f"/metrics/{DURATION}")
    assert "Choose a shorter time range" in text(one(found, ".notice.bad"))
    assert page("/metrics").css("tr[data-row]"), "the list stands without its courses"


def test_a_metric_is_found_by_the_search_field(client: FlaskClient) -> None:
    whole = client.get("/search?q=QUEUE.size")
    assert urlsplit(whole.location).path == "/metrics/queue.size"
    part = client.get("/search?q=request.dur")
    assert urlsplit(part.location).path == f"/metrics/{DURATION}"
    several = LexborHTMLParser(client.get("/search?q=two.").text)
    assert "Metrics" in text(one(several, "#matches"))
    service = client.get("/search?q=checkoutservice")
    assert urlsplit(service.location).path == "/apm/services/checkoutservice"


def test_the_page_is_narrowed_to_an_environment(page: Page) -> None:
    found = page("/metrics/queue.size?env=elsewhere")
    assert "No point in this time range" in text(one(found, ".empty"))
