"""Trace, session and log lead to the metrics of their service and time; a trace names its exemplars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.app import create_app
from observer.components.related_metrics import MOST, around, related_metrics
from observer.request.time_range import parse_range
from store import open_reader, open_writer
from store.api import Batch, Reader, Window
from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.fixtures.scene import observing
from tests.observer.screens import Screens
from tests.store.build import SECOND, T0
from tests.store.build_metrics import metric_row

NOW = Window(T0, T0 + SECOND)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The story, and the metrics of two of its services."""
    world = seed.measured(seed.hostile(seed.story()))
    with observing(world, tmp_path_factory.mktemp("measured")) as found:
        yield found


def page_of(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200
    return LexborHTMLParser(answer.text)


def reader_of(client: FlaskClient) -> Reader:
    found: Reader = client.application.extensions["observer"].reader
    return found


def metric_link(client: FlaskClient, path: str) -> tuple[int, str, Window]:
    """(number, service, window) of the one link of a page to metrics."""
    link = one(page_of(client, path), "[data-key=metrics]")
    query = {name: values[0] for name, values in parse_qs(urlsplit(attribute(link, "href")).query).items()}
    found = parse_range(query, 0, UTC)
    assert found is not None
    assert f"({attribute(link, 'data-count')})" in text(link)
    return int(attribute(link, "data-count")), query["service"], found.window


def a_log(client: FlaskClient) -> str:
    """The address of a log of a service that sends metrics."""
    listed = page_of(client, f"/logs?trace_id={seed.TRACE}&service=checkoutservice")
    return attribute(listed.css("table.logs-table a[data-main]")[0], "href")


def test_trace_session_and_log_lead_to_the_metrics_of_their_service(measured: FlaskClient) -> None:
    for path, service in (
        (f"/apm/traces/{seed.TRACE}", "frontend"),
        (f"/rum/sessions/{seed.SESSION}", "frontend"),
        (a_log(measured), "checkoutservice"),
    ):
        number, of, window = metric_link(measured, path)
        found, more = reader_of(measured).metric_names(window, service)
        assert (number, of, more) == (len(found), service, False), path
        assert number


def test_nothing_is_offered_where_no_metric_came(bare: Screens, measured: FlaskClient) -> None:
    """Neither of a service that sends none, nor of a store without any."""
    with bare.app.test_request_context("/"):
        assert related_metrics(bare.reader, ["frontend", ""], NOW) is None
    with measured.application.test_request_context("/"):
        assert related_metrics(reader_of(measured), ["paymentservice"], Window(0, 2**62)) is None
    assert not page_of(measured, f"/apm/traces/{seed.HOSTILE_TRACE}").css("#exemplars-title")


def test_more_than_are_listed_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    writer = open_writer(path)
    writer.write(Batch(metrics=[metric_row(f"m.{n}", 1) for n in range(MOST + 1)]))
    writer.close()
    reader = open_reader(path)
    with create_app(reader).test_request_context("/"):
        found = related_metrics(reader, ["none", "shop"], NOW)
    reader.close()
    assert found is not None
    assert found.count is None
    assert found.label == "Metrics of shop, more than 1,000"


@pytest.mark.parametrize("time", [0, T0, 2**63 - 1])
def test_a_window_around_any_moment_can_be_asked_for(time: int) -> None:
    """A sender's clock may say anything; the window stays what the store takes, in whole seconds."""
    window = around(Window(time, min(time + 1, 2**63 - 1)))
    assert 0 <= window.from_unix_nano < window.to_unix_nano < 2**63
    assert window.from_unix_nano % SECOND == window.to_unix_nano % SECOND == 0


def test_a_trace_names_the_metrics_that_it_is_an_exemplar_of(measured: FlaskClient) -> None:
    panel = one(page_of(measured, f"/apm/traces/{seed.TRACE}"), "[aria-labelledby=exemplars-title]")
    rows = panel.css("li")
    assert [text(one(row, "b")) for row in rows] == ["400 ms", "400 ms"]
    assert "frontend" in text(rows[0])
    assert "http.route /cart/checkout" in text(rows[0])
    assert f"span={seed.CHARGE_SPAN}" in attribute(rows[0].css("a")[1], "href")
