"""What is readable of a damaged store file is saved: never a crash, never a wrong row, the right counts."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import store
from signals.metrics import MetricKind
from store.api import Batch, ExemplarRow, LogQuery, StoreUnavailable
from store.metric_points import value_at
from store.salvage import main, report
from store.sqlite import store_file
from store.sqlite.metric_blocks import ChunkTimes, read_block
from store.sqlite.store_file import SUFFIXES
from store.sqlite.write import log_tables
from store.sqlite.write.salvage import Salvaged, salvage_file
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import TRACE, failing_checkout, log_row, row, span
from tests.store.build_metrics import point, series
from tests.store.house import WINDOW
from tests.store.parts import contents, log_contents, logs_in, spans_in
from tests.store.place import Place

SPANS, LOGS, POINTS, EXEMPLARS = 410, 301, 400, 50
Rows = set[tuple[object, ...]]


def _exemplars(number: int) -> tuple[ExemplarRow, ...]:
    """One of every fourth point: whole numbers, fractions and none; with a trace and without."""
    if number % 4:
        return ()
    value = (float(number), number / 7, math.nan, -0.0)[number // 4 % 4]
    ids = (b"", b"") if number % 3 == 0 else (bytes([number]) * 16, bytes([number]) * 8)
    return (ExemplarRow(point_time(number), value, *ids, {"who": f"n{number}"}),)


def _kept_exemplars(path: Path) -> Rows:
    return _rows(
        path,
        "SELECT s.digest, e.time, e.value, e.trace_id, e.span_id, e.attributes FROM metric_exemplars e "
        "JOIN metric_series s ON s.id = e.series",
    )


@pytest.fixture(name="whole", scope="module")
def a_whole_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with spans, logs and metrics, a part of them in its log only; 270 of the logs are packed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_tables, "ROUND", 90)
        return _whole_file(tmp_path_factory.mktemp("whole"))


def _whole_file(folder: Path) -> Path:
    path, kept = folder / "store.db", folder / "kept.db"
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    long = "x" * 9_000
    writer.write(Batch([row(one) for one in failing_checkout()], [log_row(long, ms=1)]))
    for begin in range(0, 400, 100):
        spans = [row(span(1_000 + number, attributes={"n": number})) for number in range(begin, begin + 100)]
        writer.write(
            Batch(spans, [log_row(f"line {number}", ms=number) for number in range(begin, begin + 75)])
        )
    writer.close()
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    one, other = series("jobs", MetricKind.SUM, {"n": 1}), series("load", attributes={"of": "cpu"})
    writer.write(Batch(metrics=[point(one, n, n, exemplars=_exemplars(n)) for n in range(200)]))
    writer.write(Batch(metrics=[point(other, number, number / 7) for number in range(200)]))
    for suffix in SUFFIXES[:2]:
        shutil.copy(f"{path}{suffix}", f"{kept}{suffix}")
    writer.close()
    return kept


def _rows(path: Path, question: str) -> Rows:
    connection = sqlite3.connect(path)
    found = set(connection.execute(question))
    connection.close()
    return found


def _points(path: Path) -> Rows:
    connection = sqlite3.connect(path)
    names = dict(
        connection.execute("SELECT s.id, m.name FROM metric_series s JOIN metrics m ON m.id = s.metric")
    )
    found: Rows = set()
    for times, body in connection.execute(
        "SELECT c.body, b.body FROM metric_blocks b JOIN metric_chunks c ON c.id = b.chunk"
    ):
        for number, run in read_block(body, ChunkTimes(times)):
            found.update((names[number], time, value_at(run, at)) for at, time in enumerate(run.times))
    connection.close()
    return found


def _copy(whole: Path, folder: Path) -> Path:
    path = folder / "damaged.db"
    for suffix in SUFFIXES[:2]:
        shutil.copy(f"{whole}{suffix}", f"{path}{suffix}")
    return path


def _salvage(path: Path) -> tuple[Path, Salvaged]:
    into = path.with_name("saved.db")
    return into, salvage_file(path, into, lambda what, count: None)


def test_a_whole_file_is_saved_whole(whole: Path, tmp_path: Path) -> None:
    """Spans, logs and points, those in its log too; the rest is computed anew."""
    path = _copy(whole, tmp_path)
    into, found = _salvage(path)
    assert tuple(found.carried) == (SPANS, LOGS, POINTS, EXEMPLARS)
    assert _kept_exemplars(into) == _kept_exemplars(path)
    assert f"and {POINTS} metric points with {EXEMPLARS} exemplars." in report(found, into)[0]
    assert found.held == (SPANS, LOGS)
    assert (found.spans.wrong, found.logs.wrong, found.wrong_blocks) == (set(), set(), 0)
    assert contents(into) == contents(path)
    assert log_contents(into) == log_contents(path)
    assert len(_points(into)) == POINTS
    writer, reader = store.open_writer(into), store.open_reader(into)
    eventually(lambda: "frontend" in reader.services(WINDOW), "what is derived is computed")
    assert reader.services(WINDOW)["checkoutservice"].requests == 1
    assert len(reader.spans_of_trace(TRACE)) == SPANS
    assert reader.count_logs(LogQuery(WINDOW, text="line 7")) > 0
    writer.close()
    reader.close()


def _flip(body: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 40)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return body


def _cut(body: bytearray, chance: random.Random) -> bytearray:
    return body[: chance.randrange(len(body))]


def _overwrite(body: bytearray, chance: random.Random) -> bytearray:
    at, size = chance.randrange(len(body)), chance.randint(1, 20_000)
    body[at : at + size] = chance.randbytes(len(body[at : at + size]))
    return body


def _behead(body: bytearray, chance: random.Random) -> bytearray:
    size = chance.choice((16, 100, 4096))
    body[:size] = chance.randbytes(size)
    return body


@pytest.mark.parametrize("damage", [_flip, _cut, _overwrite, _behead])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_damaged_nothing_wrong_is_saved(
    whole: Path, tmp_path: Path, damage: Callable[[bytearray, random.Random], bytearray], seed: int
) -> None:
    """Bytes flipped, cut off or overwritten, in the file or its log: each saved row is one that was there."""
    chance = random.Random(f"{damage.__name__} {seed}")
    path = _copy(whole, tmp_path)
    target = Path(f"{path}-wal") if seed % 3 == 2 else path
    target.write_bytes(damage(bytearray(target.read_bytes()), chance))
    into, found = _salvage(path)
    original = _copy(whole, tmp_path).rename(tmp_path / "whole.db")
    Path(f"{path}-wal").rename(tmp_path / "whole.db-wal")
    spans, logs, points = contents(into), log_contents(into), _points(into)
    exemplars = _kept_exemplars(into)
    assert exemplars <= _kept_exemplars(original)
    assert spans <= contents(original)
    assert logs <= log_contents(original)
    sent: Rows = {("jobs", point_time(number), number) for number in range(200)}
    sent |= {("load", point_time(number), number / 7) for number in range(200)}
    assert points <= sent
    connection = sqlite3.connect(into)
    counts = [len(spans_in(connection)), len(logs_in(connection))]
    connection.close()
    assert (*counts, len(points), len(exemplars)) == tuple(found.carried)
    assert found.held in (None, (SPANS, LOGS))
    words = " ".join(report(found, into))
    assert f"{counts[0]:,} spans, {counts[1]:,} logs and {len(points):,} metric points" in words
    if found.held:
        assert f"Lost: {SPANS - counts[0]:,} of {SPANS:,} spans" in words


def point_time(number: int) -> int:
    """When the point of this number was."""
    return point(series(), number, 0).time_unix_nano


def test_one_flipped_byte_costs_one_part(whole: Path, tmp_path: Path) -> None:
    """In the compressed spans of a trace and request: all others are saved, and those are said to be lost."""
    path = _copy(whole, tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    part, n = connection.execute("SELECT body, n FROM trace_parts ORDER BY seq DESC LIMIT 1").fetchone()
    connection.close()
    body = bytearray(path.read_bytes())
    at = body.index(part[-100:])
    body[at + 99] ^= 4
    path.write_bytes(body)
    _, found = _salvage(path)
    assert (found.carried.spans, len(found.spans.wrong), found.carried.logs) == (SPANS - n, n, LOGS)
    assert f"Lost: {n} of 410 spans and 0 of 301 logs." in report(found, path)


def test_one_flipped_byte_costs_one_row(whole: Path, tmp_path: Path) -> None:
    """In the raw message of a log: all others are saved."""
    path = _copy(whole, tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = connection.execute("SELECT raw FROM logs ORDER BY seq DESC LIMIT 1").fetchone()[0]
    connection.close()
    body = bytearray(path.read_bytes())
    at = body.index(raw)
    body[at + len(raw) - 1] ^= 4
    path.write_bytes(body)
    _, found = _salvage(path)
    assert (found.carried.spans, len(found.logs.wrong), found.carried.logs) == (SPANS, 1, LOGS - 1)
    assert "Lost: 0 of 410 spans and 1 of 301 logs." in report(found, path)


@pytest.mark.parametrize("column", ["first", "newest", "columns", "traces", "spans", "texts", "raws"])
def test_one_flipped_bit_costs_one_part_of_the_logs(whole: Path, tmp_path: Path, column: str) -> None:
    """In any of its columns: all others are saved, and those are said to be lost."""
    path = _copy(whole, tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        value, n = connection.execute(f"SELECT {column}, n FROM log_parts WHERE id = 2").fetchone()
        flipped = value ^ 4 if isinstance(value, int) else bytes([*value[:-1], value[-1] ^ 4])
        connection.execute(f"UPDATE log_parts SET {column} = ? WHERE id = 2", (flipped,))
    _, found = _salvage(path)
    assert (found.carried.spans, len(found.logs.wrong), found.carried.logs) == (SPANS, n, LOGS - n)
    assert f"Lost: 0 of 410 spans and {n} of 301 logs." in report(found, path)


def test_a_saved_file_is_added_to_a_store(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there already is kept once; and a store that is being written is left alone."""
    path = _copy(whole, tmp_path)
    place = Place(tmp_path)
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT_S", 0.1)
    with pytest.raises(StoreUnavailable, match="already has a writer"):
        salvage_file(path, place.path, lambda what, count: None)
    place.writer.close()
    assert salvage_file(path, place.path, lambda what, count: None).carried.spans == SPANS - 3
    points = _points(place.path)
    for _ in range(2):
        again = salvage_file(path, place.path, lambda what, count: None)
        assert tuple(again.carried) == (0, 0, 0, 0)
        assert f"{LOGS} logs and {POINTS} metric points." in "\n".join(report(again, place.path))
    assert _points(place.path) == points
    # Three of the ids were taken.
    assert place.counts()[0] == SPANS
    place.reader.close()


def test_no_store_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything may be given; nothing ends in a traceback."""
    noise = tmp_path / "noise"
    for body in (b"", b"SQLite format 3\0", random.Random(1).randbytes(100_000), bytes(8_192)):
        noise.write_bytes(body)
        assert main([str(noise), "--into", str(tmp_path / "into.db")]) == 0
        assert "0 spans, 0 logs and 0 metric points" in capsys.readouterr().out
    assert main([str(tmp_path / "nothing")]) == 1
    assert main([str(noise), "--into", str(noise)]) == 1


def test_damage_that_the_first_read_finds_is_set_aside(tmp_path: Path) -> None:
    """Flipped while no lab ran, where the start does not look: the read fails, then a new store answers."""
    place = Place(tmp_path)
    chance = random.Random(1)
    for begin in range(1_000, 1_200, 5):
        names = {number: chance.randbytes(100).hex() for number in range(begin, begin + 5)}
        place.writer.write(Batch([row(span(number, name=name)) for number, name in names.items()]))
    place.writer.close()
    with closing(sqlite3.connect(place.path)) as connection:
        parts = [part for (part,) in connection.execute("SELECT body FROM trace_parts WHERE n = 5")]
    body = bytearray(place.path.read_bytes())
    pages = range(0, len(body), 4_096)
    leaves = [at for at in pages if body[at] == 13 and any(part in body[at : at + 4_096] for part in parts)]
    assert len(leaves) > 3
    for at in leaves[1:-1]:
        body[at] = 0xFF
    place.path.write_bytes(body)
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert place.notes() == ""
    with pytest.raises(StoreUnavailable, match="lab store salvage"):
        place.reader.spans_of_trace(TRACE)
    eventually(lambda: "damaged" in place.notes(), "the writer looks at the file")
    (kept,) = place.set_aside("damaged")
    assert f"python3 -m lab store salvage {kept}" in place.notes()
    eventually(lambda: _answers_empty(place), "the new store answers")
    _, found = _salvage(kept)
    assert (found.held, found.spans.wrong) == ((203, 2), set())
    assert 0 < found.carried.spans < 203
    place.close()


def _answers_empty(place: Place) -> bool:
    try:
        return place.counts() == (0, 0)
    except StoreUnavailable:
        return False


def test_a_file_that_was_cut_while_no_lab_ran_is_found_at_the_start(tmp_path: Path) -> None:
    """Without the word of the last run, too: it still begins like one of ours."""
    place = Place(tmp_path)
    place.writer.close()
    place.path.write_bytes(place.path.read_bytes()[:-9_000])
    place.path.with_name(place.path.name + ".last").unlink()
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert "lab store salvage" in place.notes()
    assert len(place.set_aside("damaged")) == 1
    place.close()
