"""The embedded engine's promises for metrics: nothing is lost, bounds hold, old files take them."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import store
from signals.metrics import Distribution, MetricKind
from store.api import Batch, MetricQuery, MetricRow, Window
from store.metric_points import Spots
from store.sqlite.metric_columns import (
    column_between,
    column_bytes,
    read_column,
    read_doubles,
    write_column,
    write_doubles,
)
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import REPO, eventually
from tests.store.build import SECOND, T0, row, span
from tests.store.build_metrics import point, series

WINDOW = Window(T0, T0 + 3600 * SECOND)
_CHILD = """
import sys
import store
from store.api import Batch
from tests.store.build_metrics import point, series
writer = store.open_writer(sys.argv[1])
for n in range(100):
    writer.write(Batch(metrics=[point(series("m"), n, n)]))
sys.stdout.write("written\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def _writer(path: Path, **more: float) -> SqliteWriter:
    writer = store.open_writer(path, **{"max_age_s": 1e9, **more})  # type: ignore[arg-type]  # numbers of its own
    assert isinstance(writer, SqliteWriter)
    return writer


def _settled(writer: SqliteWriter) -> None:
    opened = writer._store
    assert opened is not None
    opened.ingest.metrics.waiting_since = 1
    eventually(
        lambda: not opened.ingest.metrics.waiting and not opened.settling.is_due(), "the points settled"
    )


def _counts(path: Path, agg: str = "count") -> float:
    reader = store.open_reader(path)
    chart = reader.metric_chart(MetricQuery(WINDOW, "m", agg, columns=1))  # type: ignore[arg-type]  # a word
    reader.close()
    return chart.groups[0].points[0][1] or 0 if chart.groups else 0


def _write_and_be_killed(path: Path) -> None:
    """A hundred points of `m`, most of which are not settled."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], cwd=REPO, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def test_a_point_that_is_sent_again_after_kill_9_is_kept_once(tmp_path: Path) -> None:
    """Its sender may have missed the answer; whether it was settled before makes no difference."""
    path = tmp_path / "store.db"
    _write_and_be_killed(path)
    writer = _writer(path)
    again = Batch(metrics=[point(series("m"), 99, 99)])
    writer.write(again)
    assert again.repeated_points == 1
    writer.close()
    assert _counts(path) == 100


def test_points_that_were_acknowledged_survive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _write_and_be_killed(path)
    assert _counts(path) == 100
    writer = _writer(path)
    _settled(writer)
    assert _counts(path) == 100
    writer.close()
    assert _counts(path) == 100


def test_settling_that_fails_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it came before: points stay where they were until all of a round is done."""
    path = tmp_path / "store.db"
    writer = _writer(path)
    opened = writer._store
    assert opened is not None
    right = opened.settling._write
    failures = iter([True, True])

    def failing(*args: object, **more: object) -> int:
        found: int = right(*args, **more)  # type: ignore[arg-type]  # as it was called
        if next(failures, False):
            raise RuntimeError("as if killed")
        return found

    monkeypatch.setattr(opened.settling, "_write", failing)
    for n in range(50):
        writer.write(Batch(metrics=[point(series("m", attributes={"n": n % 5}), n, n)]))
    for _ in range(3):
        opened.ingest.metrics.waiting_since = 1
        eventually(
            lambda: opened.ingest.metrics.waiting_since != 1 or not opened.ingest.metrics.waiting, "a try"
        )
        assert _counts(path) == 50
    _settled(writer)
    assert _counts(path) == 50
    assert _status_points(path) == 50
    writer.close()


def _status_points(path: Path) -> int:
    reader = store.open_reader(path)
    found = reader.status().metric_points
    reader.close()
    return found


def test_chunks_are_merged_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = _writer(path)
    opened = writer._store
    assert opened is not None
    of = series("m", MetricKind.HISTOGRAM)
    for n in range(20):
        value = Distribution(n, n / 3, 0.0, 1.0 * n, (1.0, 2.0), (n, 0, 0))
        writer.write(Batch(metrics=[point(of, n * 10, value, start=-5), point(series("g"), n * 10, n)]))
        _settled(writer)
    levels = opened.connection.execute("SELECT level, count(*) FROM metric_chunks GROUP BY level").fetchall()
    assert dict(levels) == {0: 4, 1: 2}
    assert _counts(path) == 19
    assert _counts(path, "sum") == pytest.approx(19 / 3)
    assert _status_points(path) == 40
    writer.close()


def test_a_metric_that_explodes_is_bounded_and_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = _writer(path, max_series_of_metric=3, max_series=5)
    batch = Batch(metrics=[point(series("m", attributes={"n": n}), 1, n) for n in range(10)])
    writer.write(batch)
    ((reason, count),) = batch.folded.items()
    assert reason.metric == "m"
    assert "metric 'm' has 3 series" in reason.message
    assert count == 7
    others = Batch(metrics=[point(series(f"o{n}"), 1, n) for n in range(4)])
    writer.write(others)
    assert sum(others.folded.values()) == 2
    assert all("the store has 5 series" in each.message and "'o" in each.message for each in others.folded)
    again = Batch(metrics=[point(series("m", attributes={"n": n}), 2, n) for n in range(3)])
    writer.write(again)
    assert not again.folded
    reader = store.open_reader(path)
    (name,) = reader.metric_names(WINDOW, text="m")[0]
    assert (name.series, name.folded) == (3, 7)
    reader.close()
    writer.close()
    # After a restart the living ones still count.
    writer = _writer(path, max_series_of_metric=3, max_series=5)
    more = Batch(metrics=[point(series("m", attributes={"n": "new"}), 3, 1)])
    writer.write(more)
    assert sum(more.folded.values()) == 1
    writer.close()


def test_old_points_go_by_age_and_their_metric_with_them(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    now = [T0]
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: now[0])
    writer.write(Batch(metrics=[point(series("old"), n, n) for n in range(50)]))
    _settled(writer)
    writer.close()
    now[0] += 7200 * SECOND
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: now[0])
    writer.write(Batch(metrics=[point(series("new"), 7200, 1)]))
    reader = store.open_reader(path)
    eventually(
        lambda: [name.info.name for name in reader.metric_names(Window.ALL)[0]] == ["new"], "the old one gone"
    )
    status = reader.status()
    assert (status.metric_points, status.pruned_metric_points) == (1, 50)
    reader.close()
    writer.close()


def test_the_oldest_points_go_by_size(tmp_path: Path) -> None:
    """Beside spans that came later, which stay while there are older points."""
    path = tmp_path / "store.db"
    now = [T0]
    writer = SqliteWriter(path, max_bytes=700_000, max_age_s=1e9, clock=lambda: now[0])
    rng = random.Random(1)
    for n in range(20):
        rows = [point(series("m", attributes={"n": at % 50, "k": n}), at, rng.random()) for at in range(2000)]
        writer.write(Batch(metrics=rows))
        _settled(writer)
    writer.write(Batch([row(span(1))]))
    reader = store.open_reader(path)
    eventually(lambda: reader.status().pruned_metric_points > 0, "points pruned")
    eventually(lambda: reader.status().bytes <= 750_000, "the store small enough")
    assert reader.status().spans == 1
    assert reader.status().metric_points > 0
    reader.close()
    writer.close()


def test_a_file_of_an_earlier_version_takes_metrics(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(gzip.decompress((REPO / "tests/data/stores/schema-6.sqlite3.gz").read_bytes()))
    reader = store.open_reader(path)
    assert reader.metric_names(Window.ALL) == ([], False)
    assert reader.metric_chart(MetricQuery(WINDOW, "m")).info is None
    writer = _writer(path, max_age_s=1e10)
    writer.write(Batch(metrics=[MetricRow(series("m"), 0, T0, 1)]))
    assert [name.info.name for name in reader.metric_names(Window.ALL)[0]] == ["m"]
    assert reader.status().metric_points == 1
    reader.close()
    writer.close()


@pytest.mark.parametrize(
    "values",
    [
        [0],
        [5] * 9,
        list(range(300)),
        [0, 127, -128, 0],
        [0, 300, 290, 600, 28_000, 27_999, 0],
        [0, 32_767, 0, 2**31, 5],
        [-(2**63), 2**63 - 1, 0],
        [2**64 - 1, 0, 2**63],
        [1 << (n % 63) for n in range(200)],
    ],
)
def test_columns_of_integers(values: list[int]) -> None:
    body = b"xx" + write_column(values) + b"yy"
    assert read_column(body, 2, len(values)) == values
    assert column_bytes(body, 2, len(values)) == len(body) - 4
    for step in (1, 2, 7):
        points = [place for place in range(step - 1, len(values) - 1, step) for _ in range(2)]
        parts = [(place % 4) / 4 for place in range(len(points))]
        expected = [
            values[point] + (values[point + 1] - values[point]) * part
            for point, part in zip(points, parts, strict=True)
        ]
        assert column_between(body, 2, len(values), Spots.at(points, parts)) == expected


def test_columns_of_doubles() -> None:
    rng = random.Random(3)
    for n in (1, 2, 50):
        values = [rng.choice((rng.gauss(0, 1e9), -0.0, 5e-324, float("inf"), float("nan"))) for _ in range(n)]
        for each in (values, [values[0]] * n):
            assert list(map(repr, read_doubles(write_doubles(each), 0, n))) == list(map(repr, each))


def test_names_without_end_are_bounded_too(tmp_path: Path) -> None:
    """Where all have too many series, another name leaves no row behind, and few of them are told."""
    path = tmp_path / "store.db"
    writer = _writer(path, max_series=5)
    batch = Batch(metrics=[point(series(f"name-{n}"), 1, n) for n in range(500)])
    writer.write(batch)
    assert sum(batch.folded.values()) == 495
    assert 1 < len(batch.folded) < 12
    opened = writer._store
    assert opened is not None
    assert opened.connection.execute("SELECT count(*) FROM metrics").fetchone() == (5,)
    assert len(opened.ingest.metrics._metrics) == 5
    writer.close()


def test_times_of_a_narrowed_metric_stay_when_points_are_settled(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = _writer(path)
    rows = [(1, "a", "prod"), (5, "a", "prod"), (50, "b", "dev")]
    of = {name: series("m", service=name, resource={"environment": where}) for _, name, where in rows}
    writer.write(Batch(metrics=[point(of[name], seconds, 1) for seconds, name, _ in rows]))
    _settled(writer)
    reader = store.open_reader(path)
    for narrowed in ({"service": "a"}, {"environment": "prod"}):
        ((name,), _) = reader.metric_names(WINDOW, **narrowed)  # type: ignore[arg-type]  # texts, both
        assert (name.first_unix_nano, name.last_unix_nano) == (T0 + SECOND, T0 + 5 * SECOND)
    ((name,), _) = reader.metric_names(WINDOW)
    assert name.last_unix_nano == T0 + 50 * SECOND
    reader.close()
    writer.close()
