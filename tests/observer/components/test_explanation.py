"""`?_explain=1` lists what a page asked the store, and changes nothing else."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from observer.request import context
from observer.request.recorded_reader import RecordedCall, arguments_text, recording, rows_of
from signals.model import TraceId
from store.api import BadQuery, LogQuery, Page, ServiceMap, TraceQuery, Window
from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.observer.screens import Screens

PAGES = (
    "/",
    "/rum",
    "/rum/tags",
    "/rum/sessions",
    f"/rum/sessions/{seed.SESSION}",
    "/apm",
    "/apm/services",
    "/apm/services/paymentservice",
    "/apm/tags",
    "/apm/traces",
    f"/apm/traces/{seed.TRACE}",
    "/logs",
)
HOSTILE = "<script>alert(1)</script>\u202e"


def _methods(page: LexborHTMLParser) -> list[str]:
    return [text(node) for node in page.css("#explain tbody th")]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_lists_its_questions_without_script(screens: Screens, path: str) -> None:
    page = screens.page(f"{path}?_explain=1")
    assert len(_methods(page)) >= 1
    for row in page.css("#explain tbody tr"):
        method, _, milliseconds, rows = (text(cell) for cell in row.css("th, td"))
        assert hasattr(screens.reader, method)
        assert float(milliseconds.replace(",", "")) >= 0
        assert rows.replace(",", "").isdigit()
    assert "to the store" in text(one(page, "#explain header"))
    assert len(page.css("h1")) == 1


@pytest.mark.parametrize("path", ["/", "/logs?_explain=0", "/logs?_explain="])
def test_pages_do_not_explain_themselves_unasked(screens: Screens, path: str) -> None:
    assert not screens.page(path).css("#explain")


def test_the_argument_is_not_taken_for_a_filter_that_does_nothing(screens: Screens) -> None:
    assert "_explain" not in text(one(screens.page("/logs?_explain=1"), "main"))


def test_the_explanation_shows_hostile_text_and_does_not_obey_it(screens: Screens) -> None:
    answer = screens.client.get("/logs", query_string={"_explain": "1", "q": HOSTILE})
    explained = one(LexborHTMLParser(answer.get_data(as_text=True)), "#explain")
    assert not explained.css("script")
    assert "\u202e" not in (explained.html or "")
    assert "alert(1)" in text(explained)


def test_an_error_page_explains_itself_too(screens: Screens) -> None:
    page = screens.page(f"/apm/traces/{'a' * 32}?_explain=1", status=404)
    assert "spans_of_trace" in _methods(page)


def test_the_api_has_no_such_parameter(screens: Screens) -> None:
    assert screens.client.get("/api/v1/status?_explain=1").status_code == 400


def test_a_recorded_answer_is_the_readers_own(screens: Screens) -> None:
    calls: list[RecordedCall] = []
    reader = recording(screens.reader, calls)
    query = TraceQuery(Window.ALL, error="origin")
    assert reader.find_traces(query) == screens.reader.find_traces(query)
    assert [(call.method, call.rows) for call in calls] == [
        ("find_traces", len(screens.reader.find_traces(query).items))
    ]
    assert calls[0].arguments == "TraceQuery(window=all time, error='origin')"


def test_a_question_that_fails_is_recorded_and_fails(screens: Screens) -> None:
    calls: list[RecordedCall] = []
    with pytest.raises(BadQuery):
        recording(screens.reader, calls).find_logs(LogQuery(Window.ALL, limit=0))
    assert [(call.method, call.rows) for call in calls] == [("find_logs", None)]


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (None, 0),
        (7, 1),
        ("text", 1),
        ([1, 2], 2),
        ({"a": 1}, 1),
        ((["x", "y"], True), 2),
        ((("app", "env"), ("app", "other")), 2),
        (Page([1, 2, 3], next_cursor="x"), 3),
        (ServiceMap((), ()), 0),
    ],
)
def test_the_rows_of_an_answer_are_its_items(answer: object, rows: int) -> None:
    assert rows_of(answer) == rows


def test_arguments_are_short() -> None:
    ids = [TraceId(f"{n:032x}") for n in range(9)]
    shown = arguments_text((ids, "x" * 500), {"limit": 5, "window": Window(0, 10**9)})
    assert shown == (
        "[9 items], '" + "x" * 79 + "…, limit=5, window=1970-01-01T00:00:00.000Z to 1970-01-01T00:00:01.000Z"
    )


def test_nothing_is_recorded_when_it_is_off(screens: Screens) -> None:
    """A view gets the store's own reader."""
    with screens.app.test_request_context("/logs"):
        screens.app.preprocess_request()
        assert context.reader() is screens.reader
    with screens.app.test_request_context("/logs?_explain=1"):
        screens.app.preprocess_request()
        assert context.reader() is not screens.reader
