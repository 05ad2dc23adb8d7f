"""Read sessions: one snapshot each, of whichever file is at the path."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import store
from store.api import Batch, StoreUnavailable
from store.sqlite.read import read_connection
from store.sqlite.read.read_connection import ReadConnections, ReadSession
from store.sqlite.read.tag_set_search import TagSetCache, read_sets
from store.sqlite.settled_file import settled_path
from store.sqlite.store_file import SUSPECT_SUFFIX, connect_reader
from tests.store.build import failing_checkout, row, span

COUNT = "SELECT coalesce(sum(n), 0) FROM trace_parts"


@pytest.fixture(name="path")
def a_path(tmp_path: Path) -> Path:
    """Where a store will be."""
    return tmp_path / "store.db"


@pytest.fixture(name="connections")
def its_connections(path: Path) -> Iterator[ReadConnections]:
    """Connections to it, opened before it exists."""
    connections = ReadConnections(path)
    yield connections
    connections.close()


def _count(connections: ReadConnections) -> int:
    with connections.session() as db:
        return int((db.one(COUNT) or (0,))[0])


def _remove(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def _write(path: Path, spans: int) -> None:
    writer = store.open_writer(path)
    writer.write(Batch([row(span(number + 1)) for number in range(spans)]))
    writer.close()


def test_a_session_sees_one_snapshot_and_the_next_one_what_came_since(
    path: Path, connections: ReadConnections
) -> None:
    """However many statements a reader needs, they agree."""
    writer = store.open_writer(path)
    writer.write(Batch([row(span(1))]))
    with connections.session() as db:
        assert db.one(COUNT) == (1,)
        writer.write(Batch([row(span(2))]))
        assert db.one(COUNT) == (1,)
    assert _count(connections) == 2
    writer.close()


def test_a_file_that_is_made_replaced_or_removed_is_noticed(path: Path, connections: ReadConnections) -> None:
    """By the next session: empty before, an error while it is gone, and then what the new file holds."""
    assert _count(connections) == 0
    _write(path, 1)
    assert _count(connections) == 1
    _remove(path)
    with pytest.raises(StoreUnavailable, match="is gone"):
        _count(connections)
    _write(path, 3)
    assert _count(connections) == 3


def test_an_empty_file_is_a_store_whose_tables_are_about_to_come(
    path: Path, connections: ReadConnections
) -> None:
    """A reader that comes between the two steps of a writer does not fail."""
    path.touch()
    assert _count(connections) == 0
    _write(path, 1)
    assert _count(connections) == 1


def test_cached_tag_sets_are_those_of_the_file(path: Path, connections: ReadConnections) -> None:
    """A new file hands out the same ids for other sets."""

    def services() -> set[object]:
        with connections.session() as db:
            ids = [number for (number,) in db.all("SELECT id FROM tagsets")]
            return {tags[":service"] for tags in read_sets(db, ids).values()}

    for service in ("red", "blue"):
        _remove(path)
        writer = store.open_writer(path)
        writer.write(Batch([row(span(1, service=service))]))
        writer.close()
        assert services() == {service}
        with connections.session() as db:
            assert len(db.shared.of(TagSetCache)) == 1


def test_every_thread_has_a_connection_of_its_own(path: Path, connections: ReadConnections) -> None:
    """Sessions of two threads may be open at once; closing ends them all."""
    writer = store.open_writer(path)
    writer.write(Batch([row(one) for one in failing_checkout()]))
    writer.close()
    found: list[int] = []
    with connections.session():
        thread = threading.Thread(target=lambda: found.append(_count(connections)))
        thread.start()
        thread.join()
    assert found == [10]
    connections.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        _count(connections)


def test_a_session_cannot_write(path: Path, connections: ReadConnections) -> None:
    """Not even by SQL."""
    _write(path, 1)

    def write(db: ReadSession) -> None:
        db.one("DELETE FROM trace_parts")

    with pytest.raises(StoreUnavailable), connections.session() as db:
        write(db)
    assert _count(connections) == 1


def test_a_settled_file_that_appears_while_the_store_is_opened_is_read(
    path: Path, connections: ReadConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for one that had been attached, and every list stayed empty."""
    _write(path, 1)
    settled, hidden = settled_path(path), path.with_name("hidden")
    settled.rename(hidden)

    def opened_just_before(*given: Any, **named: Any) -> object:
        connection = connect_reader(*given, **named)
        if hidden.exists():
            hidden.rename(settled)
        return connection

    monkeypatch.setattr(read_connection, "connect_reader", opened_just_before)
    marks = "SELECT count(*) FROM marks"
    with connections.session() as db:
        assert db.one(marks) == (0,)
    with connections.session() as db:
        assert db.one(marks) != (0,)


@pytest.mark.parametrize("derived", [True, False], ids=["what is derived", "the store"])
def test_damage_names_both_files_that_a_reader_reads(path: Path, derived: bool) -> None:
    """SQLite does not say which of them it met the damage in."""
    _write(path, 20)
    damaged = settled_path(path) if derived else path
    body = bytearray(damaged.read_bytes())
    for at in range(4_096, len(body), 4_096):
        body[at : at + 16] = b"\xff" * 16
    damaged.write_bytes(body)
    connections = ReadConnections(path)
    table = "traces" if derived else "trace_parts"
    named = r"store\.db is damaged, or store\.db\.settled, which"
    with pytest.raises(StoreUnavailable, match=named) as found, connections.session() as db:
        db.all(f"SELECT * FROM {table}")
    connections.close()
    assert found.value.reason == "damaged"
    told = [damaged.with_name(damaged.name + SUSPECT_SUFFIX) for damaged in (path, settled_path(path))]
    assert all(each.exists() for each in told), "the writers are told"
