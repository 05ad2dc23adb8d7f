"""The filters of logs: chips with their opposites, the window of the histogram, links."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from observer.request.context import reader as current_reader
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.logs import filter_links
from observer.screens.logs.field_panel import MatchingField, PanelField
from observer.screens.logs.filters import Selection, read_selection
from observer.screens.logs.log_window import histogram_window, wider
from store.api import HistogramColumn, Page, Window
from tests.fixtures import seed
from tests.observer.screens import Screens

S = 10**9


@pytest.fixture
def app(screens: Screens) -> Flask:
    return screens.app


def selected(app: Flask, query: str) -> Selection:
    with app.test_request_context(f"/logs?{query}") as request_context:
        return read_selection(Query(request_context.request.args, 0), current_reader(), current_scope())


def test_an_excluded_minority_of_severities_names_the_chip(app: Flask) -> None:
    (some,) = selected(app, "severity=error,fatal").chips
    assert (some.sign, some.value) == ("=", "error or fatal")
    (most,) = selected(app, "severity=trace,info,warn,error,fatal").chips
    assert (most.sign, most.value, most.opposite_sign) == ("≠", "debug", "=")
    assert ("severity", "debug") in most.inverted
    (every,) = selected(app, "severity=trace,debug,info,warn,error,fatal").chips
    assert every.inverted == ()


def test_a_chip_removes_and_inverts_its_filter(app: Flask) -> None:
    one, other = selected(app, "attr=a:1&exclude=b:2&cursor=x").chips
    assert (one.opposite_title, other.opposite_title) == ("Leave these out instead", "Only logs with this")
    assert list(one.removed) == [("exclude", "b:2")]
    assert ("exclude", "a:1") in one.inverted
    assert ("attr", "b:2") in other.inverted


@pytest.mark.parametrize(
    ("query", "subject"),
    [
        (f"trace_id={'a' * 32}", "this trace"),
        (f"trace_id={'a' * 32}&span_id={'b' * 16}", "this span"),
        ("session_id=s", "this session"),
    ],
)
def test_an_id_without_a_time_range_means_all_of_it(app: Flask, query: str, subject: str) -> None:
    found = selected(app, query)
    assert (found.by_id, found.tailable, found.has_id, found.subject) == (True, False, True, subject)
    assert found.query.window == Window.ALL
    assert not selected(app, f"{query}&since=1h").by_id


def test_the_histogram_of_an_id_spans_its_logs_with_a_margin(screens: Screens) -> None:
    found = selected(screens.app, f"trace_id={seed.TRACE}")
    page = screens.reader.find_logs(found.query)
    times = [log.time_unix_nano for log in page.items]
    window = histogram_window(found, page, screens.reader)
    assert window.from_unix_nano < min(times) <= max(times) < window.to_unix_nano
    assert window.duration_ns == pytest.approx(S), "the least"
    first = screens.reader.find_logs(replace(found.query, limit=1))
    assert histogram_window(found, first, screens.reader) == window, "a page that does not hold all of them"


def test_the_histogram_of_other_logs_is_the_time_range(screens: Screens) -> None:
    found = selected(screens.app, "q=x")
    assert histogram_window(found, Page(()), screens.reader) == found.query.window
    empty = selected(screens.app, "session_id=none")
    assert histogram_window(empty, Page(()), screens.reader) == Window.ALL


def test_a_wider_window_never_reaches_beyond_now() -> None:
    assert wider(Window(10, 20), 1_000) == Window(0, 30)
    assert wider(Window(10, 20), 22) == Window(0, 23)
    assert wider(Window(10, 20), 5) == Window(0, 20)


def test_fields_link_to_their_values_by_argument_or_attribute(app: Flask) -> None:
    fields = [PanelField(name, "a", 1, (), argument) for name, argument in FIELDS]
    with app.test_request_context("/logs?service=x&log=7"):
        service, severity, token = (filter_links.linked_field(field) for field in fields)
    assert service.add == "/logs?service="
    assert severity.add == "/logs?service=x&severity="
    assert severity.exclude == ""
    assert token.add == "/logs?service=x&attr=token%3A"
    assert token.exclude == "/logs?service=x&exclude=token%3A"


FIELDS = (("service.name", "service"), ("severity", "severity"), ("token", "attr"))


def test_links_keep_the_filters_and_change_the_rest(app: Flask) -> None:
    with app.test_request_context("/logs?q=usd&service=x&since=1h&log=7"):
        matching = filter_links.matching_field_link(MatchingField("currency", "USD", "1 log"))
        columns = filter_links.column_links(
            [HistogramColumn(0, {}), HistogramColumn(S, {})], Window(0, 2 * S)
        )
        out = filter_links.zoom_out_link(Window(10 * S, 20 * S), 100 * S)
        whole = filter_links.without_range_link()
    assert matching == "/logs?service=x&since=1h&attr=currency%3AUSD"
    assert len(columns) == 2
    assert all("from=" in link and "since=" not in link for link in columns)
    assert "log=7" not in out
    assert whole == "/logs?q=usd&service=x"
