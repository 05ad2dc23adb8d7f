"""Whether anything has an attribute of a name: "nothing" is said only where it is true."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import store
from signals.model import SpanKind, TraceId
from store.api import (
    AttributeNames,
    Batch,
    LogQuery,
    Reader,
    SessionQuery,
    SpanRow,
    StoreUnavailable,
    TraceQuery,
)
from store.sqlite.read import attribute_scan
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, log_row, row, span
from tests.store.contract.test_browsers import event
from tests.store.house import WINDOW


class Place:
    """A store that is written by rows with and without names, and opened again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = AttributeNames()
        self._next = 1
        self.open()

    def open(self, at: int = T0, age_s: float = 1e9) -> None:
        self.writer = SqliteWriter(self.path, max_bytes=1 << 30, max_age_s=age_s, clock=lambda: at)
        self.reader: Reader = store.open_reader(self.path)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()

    def rows(self, *attributes: str) -> list[SpanRow]:
        self._next += 1
        number = self._next
        one = span(
            number,
            0,
            "shop",
            kind=SpanKind.SERVER,
            trace_id=TraceId(f"{number:032x}"),
            attributes=dict.fromkeys(attributes, "x"),
        )
        return [row(one)]

    def send(self, *attributes: str, named: bool = True) -> None:
        self.names.add_all(attributes)
        self.writer.write(Batch(self.rows(*attributes), names=self.names if named else None))

    def never(self, *names: str) -> list[str]:
        return list(self.reader.never_seen(names))

    def sql(self, statement: str) -> None:
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture(name="place")
def a_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "store.db")


def test_a_name_that_no_row_has_was_never_seen_and_no_other(place: Place) -> None:
    """In the order in which they are asked for, each once; a field's name is nobody's attribute."""
    assert place.never("colour") == ["colour"]
    place.send("colour", "größe")
    place.send("colour")
    assert place.never("size", "colour", "Colour", "size", "größe") == ["size", "Colour"]
    assert place.never("event.name", "scope.version", "otel.status_description") == []
    assert place.never("service.name") == [], "a resource's"


def test_what_is_sought_by_it_is_answered_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it would have stopped at a bound; what leaves out those that have it leaves out nothing."""
    for bound in ("MAX_TRACES", "MAX_LOGS", "MAX_SESSIONS"):
        monkeypatch.setattr(attribute_scan, bound, 1)
    place.names.add_all(("colour", "splunk.rumSessionId"))
    logs = [log_row(str(number), ms=number) for number in range(3)]
    browsers = [event(number, "click", f"s{number}") for number in range(60, 63)]
    place.writer.write(
        Batch([*place.rows("colour"), *place.rows(), *map(row, browsers)], logs, names=place.names)
    )
    reader = place.reader
    eventually(lambda: len(reader.find_sessions(SessionQuery(WINDOW)).items) == 3, "the sessions")
    eventually(lambda: len(reader.find_traces(TraceQuery(WINDOW)).items) == 2, "the traces")
    for sought in ({"attributes": {"size": "x"}}, {"like": {"size": "x"}}):
        traces = reader.find_traces(TraceQuery(WINDOW, **sought))  # type: ignore[arg-type]
        sessions = reader.find_sessions(SessionQuery(WINDOW, **sought))  # type: ignore[arg-type]
        found = reader.find_logs(LogQuery(WINDOW, **sought))  # type: ignore[arg-type]
        for page in (traces, sessions, found):
            assert (list(page.items), page.next_cursor, page.truncated) == ([], None, False)
        assert reader.log_histogram(LogQuery(WINDOW, **sought)).since_unix_nano is None  # type: ignore[arg-type]
    left = reader.find_logs(LogQuery(WINDOW, excluded=[("size", "x")]))
    assert (len(left.items), left.truncated) == (3, False)
    assert reader.count_sessions(SessionQuery(WINDOW, excluded={"size": "x"})) == (3, False)
    assert reader.find_traces(TraceQuery(WINDOW, attributes={"colour": "y"})).truncated, "one that is there"


def _restart(place: Place, at: int = T0, age_s: float = 1e9) -> None:
    place.close()
    place.names = AttributeNames()
    place.open(at, age_s)


def _roll_back(place: Place) -> None:
    """A transaction that fails takes its names with it, and a new slot begins."""
    place.sql("CREATE TRIGGER refuse BEFORE INSERT ON trace_parts BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(StoreUnavailable):
        place.send("lost")
    place.sql("DROP TRIGGER refuse")


def _rotate(place: Place) -> None:
    """The time of a slot is over."""
    assert place.writer._store is not None
    place.writer._store.ingest.names._ends_s = 0.0


@pytest.mark.parametrize("happens", [_restart, _rotate, _roll_back])
def test_names_of_before_stay_and_new_ones_come(place: Place, happens: Callable[[Place], None]) -> None:
    """A decoder says a name once: a new slot has all that it said."""
    place.send("colour")
    happens(place)
    place.send("size")
    place.send()
    assert place.never("colour", "size", "weight") == ["weight"]


def test_rows_without_names_may_have_any(place: Place) -> None:
    """Until they are gone; those that come later do not change it."""
    place.send("colour")
    place.send("size", named=False)
    place.send("weight")
    assert place.never("nobody") == []
    traces = place.reader.find_traces
    eventually(lambda: len(traces(TraceQuery(WINDOW)).items) == 3, "the traces")
    assert len(traces(TraceQuery(WINDOW, attributes={"size": "x"})).items) == 1


def test_a_file_that_an_older_program_wrote_may_have_any(place: Place) -> None:
    """Also one that it wrote after this program had: its rows are beyond what the last slot covers."""
    place.send("colour")
    place.close()
    place.sql("DELETE FROM slot_names")
    place.sql("DELETE FROM name_slots")
    place.reader = store.open_reader(place.path)
    assert place.never("colour", "nobody") == [], "before a writer opened it"
    place.open()
    place.send("size")
    assert place.never("colour", "nobody") == []


def test_more_names_than_are_kept_may_be_any(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that met too many says so; the next one begins anew, and old rows stay unknown."""
    monkeypatch.setattr("store.attribute_names.MOST_NAMES", 3)
    place.send("a", "b")
    assert place.never("nobody") == ["nobody"]
    place.send("c", "d")
    place.send("a")
    assert place.never("nobody", "d") == []


def test_names_go_with_their_rows(tmp_path: Path) -> None:
    """What was unknown is known again when the rows without names were pruned; their slots go, too."""
    place = Place(tmp_path / "store.db")
    for hour, (name, named) in enumerate([("size", False), ("former", True), ("colour", True)]):
        _restart(place, T0 + hour * 3600 * SECOND)
        place.send(name, named=named)
        assert place.never("nobody") == [], "rows without names are there"
    _restart(place, T0 + 2 * 3600 * SECOND, age_s=1800.0)
    eventually(lambda: place.reader.status().spans == 1, "what is old is pruned")
    asked = ("former", "colour", "nobody")
    eventually(lambda: place.never(*asked) == ["former", "nobody"], "its names are gone")
