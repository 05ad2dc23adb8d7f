"""The HTML of rows of logs and of values of fields: whatever a log holds stays text."""

from __future__ import annotations

from datetime import UTC

from flask import Flask
from markupsafe import Markup
from selectolax.lexbor import LexborHTMLParser

from observer.components.number_format import NOTHING
from observer.screens.logs import log_rows
from observer.screens.logs.field_panel import FieldPanel, FieldValue, PanelField
from observer.screens.logs.filter_links import LinkedField
from observer.screens.logs.row_markup import rows_markup, values_markup
from signals.model import Log, Severity
from store.api import Window
from tests.observer.screens.logs.test_log_view import log

S = 10**9
NOW = 10**18
HOSTILE = "<img src=x>\"'&\u202e"


def _rows(*logs: Log, chosen: str = "") -> LexborHTMLParser:
    table = log_rows.log_rows(logs, Window(NOW - S, NOW + S), NOW, UTC)
    link = Markup('href="/logs?a=1&amp;log={log}" hx-get="/logs?a=1&amp;log={log}" data-shows-detail')
    with Flask(__name__).test_request_context():
        return LexborHTMLParser(f"<table><tbody>{rows_markup(table, link, chosen)}</tbody></table>")


def test_a_row_leads_to_its_log() -> None:
    page = _rows(log(log_id="7"), log(log_id="8"), chosen="8")
    rows = page.css("tr[data-row]")
    assert [row.attributes["id"] for row in rows] == ["log-7", "log-8"]
    assert ["aria-selected" in row.attributes for row in rows] == [False, True]
    link = rows[0].css("a[data-main]")[0].attributes
    assert (link["href"], link["hx-get"]) == ("/logs?a=1&log=7",) * 2
    assert "data-shows-detail" in link


def test_a_hostile_log_is_text_in_its_row() -> None:
    """Its id, service, message and severity's name, and what is wrong with its clock, each in its place."""
    page = _rows(
        log(log_id=HOSTILE, service=HOSTILE, body=HOSTILE, severity_text=HOSTILE, trace_id=None),
        log(service="", severity=Severity.INFO, clock_shift_ns=-600 * S),
    )
    assert not page.css("img")
    row, plain = page.css("tr[data-row]")
    assert "<img src=x>" in row.css(".service-name")[0].text()
    assert "<img src=x>" in row.css("a[data-main]")[0].text()
    assert "<img" in row.css(".severity .soft")[0].text()
    assert "no trace" in row.css(".message .badge")[0].text()
    assert (row.attributes["id"] or "").startswith("log-<img")
    assert "%3Cimg" in (row.css("a[data-main]")[0].attributes["href"] or "")
    assert plain.css(".service-name")[0].text() == NOTHING
    assert "clock" in plain.css(".badge.warn")[0].text()


def _values(*values: FieldValue, cut: bool = False, exclude: str = "/logs?exclude=x%3A") -> LexborHTMLParser:
    linked = LinkedField(PanelField(HOSTILE, "a", 3, values, "attr"), "/logs?b=1&attr=x%3A", exclude)
    panel = FieldPanel((linked.field,), cut, "", "")
    meter = values_markup(linked, panel, lambda share: Markup(f"<meter value={share}></meter>"))
    return LexborHTMLParser(f"<ul>{meter}</ul>")


def test_a_hostile_value_is_text_in_its_links() -> None:
    page = _values(FieldValue(HOSTILE, 2, 0.5, linked=True))
    assert not page.css("img")
    add, off = page.css("a")
    assert (add.attributes["href"] or "").startswith("/logs?b=1&attr=x%3A%3Cimg")
    assert (off.attributes["href"] or "").startswith("/logs?exclude=x%3A%3Cimg")
    assert (off.attributes["aria-label"] or "").count("<img") == 2
    assert (add.attributes["data-count"], add.attributes["data-of"]) == ("2", "logs")
    assert page.css("meter")[0].attributes["value"] == "0.5"


def test_a_value_that_cannot_be_linked_or_left_out_has_no_link() -> None:
    page = _values(
        FieldValue("a" * 2_000, 2, 0.5, linked=False), FieldValue("b", 1, 0.2, linked=True), exclude=""
    )
    assert len(page.css("a")) == 1
    assert "Too long" in (page.css("span.soft")[0].attributes["title"] or "")
    assert "data-count" not in _values(FieldValue("b", 1, 0.2, linked=True), cut=True).css("a")[0].attributes
