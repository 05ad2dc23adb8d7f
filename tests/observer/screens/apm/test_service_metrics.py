"""A service's page and the map's panel show its metrics; its latency has the exemplars of its requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures import seed
from tests.fixtures.foreign import foreign
from tests.fixtures.html import attribute, one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, pairs

SERVICE = "checkoutservice"


def gauge(world: World, name: str, unit: str, *values: tuple[str, float]) -> None:
    """A gauge of the service with a series for each state."""
    points = [
        {
            "timeUnixNano": str(world.now_unix_nano - n * 10 * S),
            "asDouble": value,
            "attributes": pairs({"pool.state": state} if state else {}),
        }
        for n in range(20)
        for state, value in values
    ]
    world.metric(SERVICE, name=name, unit=unit, gauge={"dataPoints": points})


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    world = seed.measured(seed.hostile(seed.story()))
    gauge(world, "process.memory.usage", "By", ("", 80_700_000.0))
    gauge(world, "db.pool.connections", "{connection}", ("used", 3.0), ("idle", 5.0))
    for number in range(8):
        gauge(world, f"jvm.thread.kind{number}", "{thread}", ("", 1.0 + number))
    with observing(world, tmp_path_factory.mktemp("service-metrics")) as found:
        yield found


def page(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return LexborHTMLParser(answer.text)


def metrics_of(client: FlaskClient, path: str) -> LexborHTMLParser:
    """What the page asks for after it is shown."""
    place = one(page(client, path), "[id^=service-metrics-]")
    assert attribute(place, "hx-trigger") == "load"
    return page(client, attribute(place, "hx-get"))


@pytest.mark.parametrize("path", [f"/apm/services/{SERVICE}", f"/apm?service={SERVICE}"])
def test_runtime_and_own_metrics_are_told_apart(client: FlaskClient, path: str) -> None:
    found = metrics_of(client, path)
    own, runtime = found.css("[aria-labelledby=metrics-own]"), found.css("[aria-labelledby=metrics-runtime]")
    assert [text(link) for link in own[0].css(".metric-small > p a")] == ["shop.orders"]
    names = [text(link) for link in runtime[0].css(".metric-small > p a")]
    assert names[0] == "process.memory.usage"
    assert "80.7 MB" in text(runtime[0])
    assert "more metrics of this kind" in text(runtime[0])
    assert "http.server.request.duration" not in text(one(found, "body")), "what the page's charts show"


def test_series_of_one_service_are_lines_by_what_differs(client: FlaskClient) -> None:
    """By an attribute of the points, whatever its name; each line says its newest value."""
    found = metrics_of(client, f"/apm/services/{SERVICE}")
    orders = one(found, '[aria-label="shop.orders"]')
    assert "by version" in text(orders)
    assert len(orders.css(".legend li")) == 2
    assert "orders/s" in text(orders)


def test_each_leads_to_its_page_narrowed_to_the_service(client: FlaskClient) -> None:
    found = metrics_of(client, f"/apm/services/{SERVICE}")
    for link in found.css(".metric-small > p a"):
        answer = page(client, attribute(link, "href"))
        assert text(link) in text(one(answer, "main"))
        assert SERVICE in text(one(answer, "main"))


def test_without_a_script_a_link_shows_them_in_place(client: FlaskClient) -> None:
    for path in (f"/apm/services/{SERVICE}", f"/apm?service={SERVICE}"):
        place = one(page(client, path), "[id^=service-metrics-]")
        shown = page(client, attribute(one(place, "a"), "href"))
        assert "process.memory.usage" in text(one(shown, "main"))
        assert not shown.css("[id^=service-metrics-]"), "they are not asked for again"


def test_the_related_content_counts_what_the_list_has(client: FlaskClient) -> None:
    link = one(page(client, f"/apm/services/{SERVICE}"), "#related [data-key=metrics]")
    listed = one(page(client, attribute(link, "href")), "[data-total][data-of=metrics]")
    assert attribute(link, "data-count") == attribute(listed, "data-total")


def test_exemplars_are_dots_on_the_latency_and_a_list(client: FlaskClient) -> None:
    """The dots are for the pointer; the list is the keyboard's way to the same traces."""
    found = page(client, f"/apm/services/{SERVICE}")
    dots = found.css("svg.chart a:has(circle.exemplar)")
    assert dots
    assert all(f"/apm/traces/{seed.TRACE}" in attribute(dot, "href") for dot in dots)
    assert "Exemplar 400 ms" in text(one(dots[0], "title"))
    listed = found.css(".exemplar-list a")
    assert [attribute(link, "href") for link in listed] == [attribute(dot, "href") for dot in dots]


def test_a_service_without_metrics_has_no_place_for_them(client: FlaskClient) -> None:
    for path in ("/apm/services/paymentservice", "/apm?service=paymentservice"):
        found = page(client, path)
        assert not found.css("[id^=service-metrics-]")
        assert not found.css("[data-key=metrics]")
        assert not found.css(".exemplar-list")
    assert not page(client, "/apm/service-metrics?name=paymentservice").css("section")


def test_hostile_names_are_text(client: FlaskClient) -> None:
    answer = client.get("/apm/service-metrics?name=frontend")
    assert "by tes?&amp;#%2F&lt;b&gt;" in answer.text.replace("<wbr>", "")
    assert "<b>allocs" not in answer.text


def test_another_application_has_the_same(tmp_path: Path) -> None:
    world = foreign()
    service = next(
        attribute["value"]["stringValue"]
        for spans in world.resource_spans
        for attribute in spans["resource"]["attributes"]
        if attribute["key"] == "service.name"
    )
    point = {"timeUnixNano": str(world.now_unix_nano - S), "asInt": "12"}
    world.metric(service, name="go.goroutine.count", unit="{goroutine}", gauge={"dataPoints": [point]})
    world.metric(service, name="bookings", unit="{booking}", gauge={"dataPoints": [point]})
    with observing(world, tmp_path) as client:
        found = metrics_of(client, f"/apm/services/{service}")
    assert "12 goroutines" in text(one(found, "[aria-labelledby=metrics-runtime]"))
    assert "12 bookings" in text(one(found, "[aria-labelledby=metrics-own]"))


def test_metrics_of_a_service_are_those_of_the_headers_environment(tmp_path: Path) -> None:
    """Their number, their charts, and the link to all of them."""
    world = seed.story()
    for environment in ("hipster-lab", "elsewhere"):
        at = [str(world.now_unix_nano - n * 10 * S) for n in range(9)]
        for name in ("queue.size", f"only.{environment}"):
            points = [{"timeUnixNano": each, "asDouble": 2.0 + len(environment)} for each in at]
            world.metric(SERVICE, environment, name=name, gauge={"dataPoints": points})
    with observing(world, tmp_path) as other:
        path = f"/apm/services/{SERVICE}?env=hipster-lab"
        charts = metrics_of(other, path)
        assert "only.hipster-lab" in text(one(charts, "body"))
        assert "only.elsewhere" not in text(one(charts, "body"))
        link = one(page(other, path), "[data-key=metrics]")
        assert attribute(link, "data-count") == "2"
        listed = page(other, attribute(link, "href"))
        assert len(listed.css("tr[data-row]")) == 2
        assert (
            attribute(one(page(other, f"/apm/services/{SERVICE}"), "[data-key=metrics]"), "data-count") == "3"
        )
