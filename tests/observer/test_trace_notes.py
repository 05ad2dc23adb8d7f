"""Sentences about irregular traces: their words, and that pages and API show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.app import create_app
from observer.settings import Settings
from observer.trace_notes import row_notes, trace_notes
from signals.model import Attributes, Span, SpanKind
from signals.trace_analysis import analyse
from store import open_reader, open_writer
from store.api import Batch
from tests.store.build import T0, TRACE, row, span, span_id

SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT


@pytest.mark.parametrize(
    ("kind", "attributes", "note"),
    [
        (
            SERVER,
            {"http.response.status_code": 404},
            "it answered 404: the span's status is unset, as to",
        ),
        (
            SERVER,
            {"http.status_code": 500},
            "it answered 500: the span's status is unset, as its",
        ),
        (
            CLIENT,
            {"http.status_code": "401"},
            "it was answered 401: the span's status is unset",
        ),
        (CLIENT, {"rpc.grpc.status_code": 5}, "its gRPC status is not 0"),
        (CLIENT, {"http.status_code": 200}, ""),
        (SERVER, {}, ""),
    ],
)
def test_an_unset_status_beside_an_error_code_explains_itself(
    kind: SpanKind, attributes: Attributes, note: str
) -> None:
    (row_,) = analyse([span(1, kind=kind, attributes=attributes)]).rows
    notes = row_notes(row_)
    assert (note in " ".join(notes)) if note else not notes
    (failed,) = analyse([span(1, kind=kind, attributes=attributes, error=True)]).rows
    assert not row_notes(failed), "a span in error needs no such word"


@pytest.mark.parametrize(
    ("spans", "of_trace", "of_last_row"),
    [
        ([span(1, kind=SERVER), span(2, 1)], "", ""),
        ([], "No backend span of this trace has arrived yet.", ""),
        (
            [span(2, kind=SERVER), span(5, 4, "other", kind=SERVER, start_ms=2)],
            "Incomplete: one span whose parent has not arrived.",
            f"Its parent {span_id(4)} has not arrived",
        ),
        (
            [span(1, kind=SERVER), span(4, 4, start_ms=3)],
            "One span in a circle of parents",
            "itself or one of its own descendants",
        ),
        (
            [span(1), span(1, name="again", start_ms=1), span(1, name="thrice", start_ms=2)],
            "2 spans with an id that another span has too.",
            f"Another span has the same id {span_id(1)}",
        ),
        (
            [span(1, kind=CLIENT, peer="bank")],
            "",
            "bank sent no spans of its own: this row is what shop saw of it.",
        ),
    ],
)
def test_irregularities_are_explained(spans: list[Span], of_trace: str, of_last_row: str) -> None:
    """Each in one sentence; a regular trace has none."""
    found = analyse(spans)
    assert len(trace_notes(found)) == bool(of_trace)
    assert of_trace in " ".join(trace_notes(found))
    notes = row_notes(found.rows[-1]) if found.rows else ()
    assert len(notes) == bool(of_last_row)
    assert of_last_row in " ".join(notes)


@pytest.mark.parametrize(
    ("child", "words"),
    [
        (
            span(2, 1, "b", kind=SERVER, start_ms=-50),
            "starts 50.0 ms before its parent: the clocks of a and b",
        ),
        (span(2, 1, "a", start_ms=-50), "not possible in one process"),
        (span(2, 1, "b", kind=SERVER, start_ms=300), "after the call that it answers had ended"),
    ],
)
def test_skewed_clocks_are_explained(child: Span, words: str) -> None:
    """Which clocks disagree, by how much, and that the time is shown as it came."""
    found = analyse([span(1, service="a", kind=CLIENT, ms=100), child])
    shown = found.row(span_id(2))
    assert shown is not None
    assert words in " ".join(row_notes(shown))
    assert trace_notes(found) == ("One span at a time that does not fit the parent's: clocks disagree.",)


def test_pages_and_api_show_the_notes(tmp_path: Path) -> None:
    """On the page of the trace, at the opened span, on the badge of its row, and in JSON."""
    path = tmp_path / "store.db"
    writer = open_writer(path)
    writer.write(Batch([row(span(1, kind=SERVER)), row(span(5, 4, "other", kind=SERVER, start_ms=2))]))
    writer.close()
    reader = open_reader(path)
    client = create_app(reader, Settings(store_path=path), clock=lambda: T0).test_client()
    page = client.get(f"/apm/traces/{TRACE}?span={span_id(5)}").text
    answer = client.get(f"/api/v1/apm/traces/{TRACE}").get_json()
    reader.close()
    assert page.count("Incomplete: one span whose parent has not arrived.") == 1
    assert page.count(f"Its parent {span_id(4)} has not arrived") == 2
    assert answer["notes"] == ["Incomplete: one span whose parent has not arrived."]
    assert [len(each["notes"]) for each in answer["spans"]] == [0, 1]
