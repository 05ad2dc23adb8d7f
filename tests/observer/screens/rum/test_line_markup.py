"""The HTML of a session's lines, marks and pages: what an event holds stays text, each link leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from markupsafe import Markup
from selectolax.lexbor import LexborHTMLParser

from observer.screens.rum.session.event_detail import EventDetail
from observer.screens.rum.session.event_links import SessionLinks, links_of
from observer.screens.rum.session.line_markup import DIALOG, HERE, waterfall_markup
from observer.screens.rum.session.overview_markup import marks_markup, pages_markup
from observer.screens.rum.session.session_pages import pages_of
from observer.screens.rum.session.timeline import timeline_of
from observer.screens.rum.session.view import PageEntry
from observer.screens.rum.session.waterfall_lines import Drawing, waterfall_of
from signals.model import SessionId, Span, SpanId, TraceId
from tests.observer.screens import Screens
from tests.observer.screens.rum.browser_events import START, events, span

HOSTILE = "<img src=x>\"'&\u202e"
SHOP = "http://shop.test"
OPENS = Markup(f'href="{DIALOG}" hx-get="{DIALOG}" data-dialog="{HERE}"')
ICON = Markup("<svg></svg>")


@pytest.fixture(name="links")
def _links(screens: Screens) -> Iterator[SessionLinks]:
    with screens.app.test_request_context("/rum/sessions/a?env=x%26y"):
        yield links_of(SessionId("a?b/{span}"), frozenset(), {"env": "x&y"})


def _detail(detail: EventDetail, links: SessionLinks) -> Markup:
    return Markup("<p class=detail>{} {}</p>").format(detail.span_id, links.base)


def _drawn(links: SessionLinks, *spans: Span, **changes: Any) -> LexborHTMLParser:
    drawing = Drawing(kind="", opened="", links=links, arrived=(), missing_trace="", session_start_ns=START)
    pages = waterfall_of(pages_of(events(*spans), ""), replace(drawing, **changes))
    return LexborHTMLParser(str(waterfall_markup(pages, links, OPENS, ICON, _detail)))


def _fetch(number: int, **tags: Any) -> Span:
    asked: dict[str, Any] = {"component": "fetch", "http__method": "GET", "http__url": f"{SHOP}/{HOSTILE}"}
    return span(number, "HTTP GET", 5, 20, **asked, **tags)


def _with_id(made: Span, span_id: str) -> Span:
    return replace(made, span_id=SpanId(span_id))


LINK: dict[str, Any] = {"link__traceId": "a" * 32, "link__spanId": "b" * 16}


@pytest.mark.parametrize("span_id", ["00000000000000ab", 'a"<b', "{span}", DIALOG, HERE, "é", "a/b?c"])
def test_a_row_leads_to_its_event_and_its_backend(links: SessionLinks, span_id: str) -> None:
    """Whatever its id is made of: an engine may keep ids that are no digits."""
    page = _drawn(links, _with_id(_fetch(1, **LINK), span_id), arrived={TraceId("a" * 32)})
    (row,) = page.css("div[data-row]")
    assert row.attributes["id"] == f"e-{span_id}"
    opening, apm = (link.attributes for link in row.css("a"))
    assert opening["href"] == links.open_event(SpanId(span_id))
    assert opening["data-shut"] == links.closed
    assert apm["href"] == apm["hx-get"] == links.dialog(span_id)
    assert unquote((apm["href"] or "").partition("?")[0]).endswith(f"/apm/{span_id}")
    assert apm["data-dialog"] == links.dialog_here(span_id)
    assert row.attributes["data-trace"] == f"/apm/traces/{'a' * 32}?env=x%26y&span={'b' * 16}"
    assert row.attributes["data-logs"] == f"/logs?env=x%26y&trace_id={'a' * 32}"


def test_a_hostile_event_is_text_in_its_row_and_in_its_page(links: SessionLinks) -> None:
    loaded = span(1, "documentLoad", 0, 30, http__url=f"{SHOP}/{HOSTILE}", _trace=9)
    failed = span(2, "onerror", 9, component="error", error__message=HOSTILE, error__object=HOSTILE, _trace=9)
    page = _drawn(links, loaded, failed, _fetch(3, http__status_code="500", _trace=9, **LINK))
    assert not page.css("img")
    assert "<img src=x>" in page.css(".wf-page-name strong")[0].text()
    assert all("<img src=x>" in title.text() for title in page.css(".wf-title"))
    assert "<img src=x>" in (page.css(".wf-page")[0].attributes["aria-label"] or "")
    assert "<img src=x>" in (page.css("a.apm-link")[0].attributes["aria-label"] or "")
    assert [row.attributes.get("data-mark") for row in page.css("div[data-row]")] == [
        None,
        "error origin",
        "error",
    ]
    assert page.css(".badge.bad")[0].text() == "500"


def test_an_opened_event_has_its_detail_and_closes(links: SessionLinks) -> None:
    page = _drawn(links, _fetch(1), _fetch(2), opened=f"{1:016x}")
    assert [detail.text() for detail in page.css(".detail")] == [f"{1:016x} {links.base}"]
    opened, shut = page.css("div[data-row]")
    assert [row.attributes["tabindex"] for row in (opened, shut)] == ["0", "-1"]
    link, other = opened.css("a")[0].attributes, shut.css("a")[0].attributes
    assert (link["href"], link["aria-expanded"]) == (links.close_event(SpanId(f"{1:016x}")), "true")
    assert link["data-opens"] == links.open_event(SpanId(f"{1:016x}"))
    assert (other["aria-expanded"], "data-opens" in other) == ("false", False)
    assert "no APM link" in opened.css("a.no-apm")[0].text()


def test_a_folded_run_names_its_slowest_and_hides_its_rows(links: SessionLinks) -> None:
    answered: dict[str, Any] = {"http__method": "GET", "http__status_code": "200"}
    files = [span(n, "resourceFetch", n, n, http__url=f"{SHOP}/{HOSTILE}{n}", **answered) for n in (1, 2)]
    page = _drawn(links, *files)
    run, *rows = page.css("div[data-row]")
    assert run.attributes["data-fold"] == f"{1:016x}"
    assert run.css("a")[0].attributes["href"] == links.toggle_run(f"{1:016x}")
    assert "2 resources · slowest 2 ms" in run.css(".wf-title")[0].text()
    assert not page.css("img")
    assert ["hidden" in row.attributes for row in rows] == [True, True]


def test_marks_and_pages_hold_hostile_text_as_text(links: SessionLinks) -> None:
    failed = span(1, "onerror", 9, component="error", error__message=HOSTILE)
    tracks = timeline_of(events(failed, _with_id(_fetch(2), 'a"b'))).tracks
    drawn = [LexborHTMLParser(f"<svg>{marks_markup(track.marks, links)}</svg>") for track in tracks]
    assert not any(page.css("img") for page in drawn)
    (request,), (error,) = drawn[1].css("a"), drawn[2].css("a")
    assert (error.attributes["aria-label"] or "").endswith("<img src=x>\"'&⟨U+202E⟩")
    assert (request.attributes["href"], "tabindex" in request.attributes) == (links.show_event('a"b'), True)
    assert "tabindex" not in error.attributes
    entry = PageEntry("2", HOSTILE, START, 3, "3 events", "1 error", "", current=True)
    page = LexborHTMLParser(f"<ol>{pages_markup([entry, replace(entry, errors='', current=False)])}</ol>")
    current, other = page.css("a")
    assert not page.css("img")
    assert current.attributes["href"] == "/rum/sessions/a?env=x%26y&page=2"
    assert ["aria-current" in link.attributes for link in (current, other)] == [True, False]
    assert [len(link.css(".bad-text")) for link in (current, other)] == [1, 0]
