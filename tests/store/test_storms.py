"""What happens to a store's files while it is written: noticed at once, said, and gone on from."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import store
from store.api import Batch, StoreError, StoreUnavailable
from store.sqlite.write import setting_aside
from tests.helpers import REPO, eventually
from tests.store.build import log_row, row, span
from tests.store.house import held
from tests.store.parts import spans_in
from tests.store.place import Place

_NOTICED_S = 1.0


def _delete(path: Path) -> None:
    # As one act: a writer that notices between two of them begins a new store, whose files would be deleted.
    names = [os.fsencode(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]
    unlink = ctypes.PyDLL(None).unlink
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        assert [unlink(name) for name in names] == [0, 0, 0]
    finally:
        sys.setswitchinterval(interval)


def _delete_file_only(path: Path) -> None:
    path.unlink()


def _delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def _move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def _move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def _replace_with_nothing(path: Path) -> None:
    path.unlink()
    path.touch()


def _replace_with_garbage(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"this is no database " * 1000)
    other.replace(path)


def _cut(path: Path) -> None:
    os.truncate(path, 0)


def _cut_in_half(path: Path) -> None:
    os.truncate(path, max(1, path.stat().st_size // 2))


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))


_LOSSES = (
    (_delete, "deleted or moved away"),
    (_delete_file_only, "deleted or moved away"),
    (_delete_folder, "deleted or moved away"),
    (_move_folder, "deleted or moved away"),
    (_move, "deleted or moved away"),
    (_replace_with_nothing, "Another file was put in the place"),
    (_replace_with_garbage, "Another file was put in the place"),
    (_cut, "damaged"),
    (_cut_in_half, "damaged"),
    (_overwrite, "damaged"),
)


@pytest.mark.parametrize(("harm", "said"), _LOSSES, ids=[each[0].__name__.strip("_") for each in _LOSSES])
def test_a_store_that_goes_away_is_noticed_without_any_traffic(
    place: Place, harm: Callable[[Path], None], said: str
) -> None:
    """Within a second, with a word about what it held; what is acknowledged from then on is there."""
    _checkpoint(place)
    harm(place.path)
    eventually(lambda: said in place.notes(), "it is noticed", within_s=_NOTICED_S + 1.0)
    assert "3 spans and 2 logs" in place.notes()
    place.writer.write(Batch([row(span(7))], [log_row("c", ms=3)]))
    assert place.writer.health().reason == ""
    assert place.counts() == (1, 1)


@pytest.mark.parametrize(("harm", "said"), _LOSSES, ids=[each[0].__name__.strip("_") for each in _LOSSES])
def test_what_is_sent_right_after_is_kept_or_refused(
    place: Place, harm: Callable[[Path], None], said: str
) -> None:
    """Whatever is acknowledged after the file went away stands in the file that is there."""
    _checkpoint(place)
    harm(place.path)
    kept = 0
    for number in range(10, 30):
        try:
            place.writer.write(Batch([row(span(number))]))
        except StoreError:
            continue
        kept += 1
    assert kept > 0
    assert said in place.notes()
    assert place.counts()[0] == kept


def _checkpoint(place: Place) -> None:
    """Bring everything into the file, as a while of writing does."""
    other = sqlite3.connect(place.path)
    other.execute("PRAGMA wal_checkpoint(PASSIVE)")
    other.close()
    eventually(
        lambda: place.writer._store is not None and _at_rest(place), "the writer has seen it", within_s=5
    )


def _at_rest(place: Place) -> bool:
    opened = place.writer._store
    return opened is not None and opened.guard.look(own_change=False) is None


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "both"])
def test_a_deleted_log_loses_nothing(place: Place, suffix: str) -> None:
    """The write-ahead log holds what is not in the file yet: it is brought in from the open descriptor."""
    for each in ("-wal", "-shm") if suffix == "both" else (suffix,):
        Path(f"{place.path}{each}").unlink()
    eventually(lambda: Path(f"{place.path}-wal").exists(), "a new log is begun", within_s=_NOTICED_S + 1.0)
    place.writer.write(Batch([row(span(7))]))
    assert place.counts() == (4, 2)
    place.close()
    with sqlite3.connect(place.path) as direct:
        assert direct.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(spans_in(direct)) == 4
    direct.close()


def test_a_moved_file_is_whole_where_it_is(place: Place) -> None:
    """What only stood in the log is in the moved file, too; moved back, it is the store again."""
    moved = place.path.with_name("moved.db")
    place.path.rename(moved)
    eventually(place.notes, "it is noticed", within_s=_NOTICED_S + 1.0)
    with sqlite3.connect(moved) as direct:
        assert len(spans_in(direct)) == 3
    direct.close()


def test_damaged_files_are_set_aside_and_not_deleted(place: Place) -> None:
    """Under a dated name that the sentence names."""
    _checkpoint(place)
    _overwrite(place.path)
    damaged = place.path.read_bytes()
    eventually(lambda: "set aside as" in place.notes(), "it is said", within_s=_NOTICED_S + 1.0)
    (aside,) = place.set_aside("damaged")
    assert str(aside) in place.notes()
    assert aside.read_bytes()[:4096] == damaged[:4096] or aside.stat().st_size >= len(damaged)


def test_another_whole_store_in_its_place_is_gone_on_with(place: Place, tmp_path: Path) -> None:
    """A backup that is moved over the store is not overwritten and not set aside."""
    backup = tmp_path / "backup.db"
    other = store.open_writer(backup)
    other.write(Batch([row(span(number)) for number in range(40, 46)]))
    other.close()
    backup.replace(place.path)
    eventually(place.notes, "it is noticed", within_s=_NOTICED_S + 1.0)
    place.writer.write(Batch([row(span(1))]))
    assert place.counts() == (7, 0)


def test_another_programs_file_in_its_place_is_left_alone_and_said(place: Place, tmp_path: Path) -> None:
    """Nothing is acknowledged over it; when it is gone, a new store is begun."""
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as direct:
        direct.execute("CREATE TABLE t (a)")
    direct.close()
    content = foreign.read_bytes()
    foreign.replace(place.path)
    eventually(lambda: place.writer.health().reason == "mismatch", "it is noticed", within_s=_NOTICED_S + 1.0)
    with pytest.raises(StoreError, match="another program"):
        place.writer.write(Batch([row(span(5))]))
    assert place.path.read_bytes() == content
    place.path.unlink()
    eventually(lambda: not place.writer.health().reason, "it writes again")
    place.writer.write(Batch([row(span(5))]))


def test_another_programs_harmless_write_harms_nothing(place: Place) -> None:
    """Somebody tidies up with SQLite's own tools while the lab runs."""
    other = sqlite3.connect(place.path, isolation_level=None)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.execute("VACUUM")
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    place.writer.write(Batch([row(span(8))]))
    assert place.counts() == (4, 2)
    assert place.notes() == ""


def test_a_folder_that_cannot_be_made_again_is_trouble_until_it_can(place: Place) -> None:
    """A file stands where the folder was: nothing is acknowledged; the sentence says what to do."""
    place.path.parent.rename(place.path.parent.with_name("away"))
    place.path.parent.write_text("in the way", "utf-8")
    eventually(lambda: place.writer.health().reason, "it is noticed", within_s=_NOTICED_S + 1.0)
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        place.writer.write(Batch([row(span(5))]))
    since = place.writer.health().since_unix_nano
    assert 0 < since <= time.time_ns()
    place.path.parent.unlink()
    eventually(lambda: not place.writer.health().reason, "it writes again")
    place.writer.write(Batch([row(span(5))]))
    assert place.counts() == (1, 0)


def test_a_lock_is_answered_soon_and_the_batch_is_not_kept(place: Place) -> None:
    """Within 2 s for each of many senders; none of the refused is there afterwards."""
    took: list[float] = []

    def send(number: int) -> None:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked by another program") as refused:
            place.writer.write(Batch([row(span(number))], [log_row(f"refused {number}")]))
        assert refused.value.reason == "locked"
        took.append(time.monotonic() - began)

    with held(place.path):
        threads = [threading.Thread(target=send, args=(number,)) for number in range(20, 40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert place.writer.health().reason == "locked"
    assert len(took) == 20
    assert max(took) < 2.0
    place.writer.write(Batch([row(span(9))]))
    assert place.writer.health().reason == ""
    assert place.counts() == (4, 2)


def test_a_reader_says_that_the_store_is_gone(tmp_path: Path) -> None:
    """An empty answer would say that nothing ever came."""
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    writer.write(Batch([row(span(1))]))
    reader = store.open_reader(path)
    assert reader.status().spans == 1
    writer.close()
    path.unlink()
    with pytest.raises(StoreUnavailable, match="is gone or was emptied"):
        reader.status()
    path.mkdir()
    with pytest.raises(StoreUnavailable):
        reader.status()
    path.rmdir()
    writer = store.open_writer(path)
    assert reader.status().spans == 0
    writer.close()
    reader.close()


def test_a_check_that_takes_too_long_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer does not wait for the reading of gigabytes."""
    monkeypatch.setattr(setting_aside, "CHECK_S", -1.0)
    monkeypatch.setattr(setting_aside, "_CHECK_STEPS", 1)
    assert not setting_aside.is_damaged(place.path)


_CHILD = """
import sys
import store
from store.api import Batch
from tests.store.build import row, span
writer = store.open_writer(sys.argv[1])
for line in sys.stdin:
    writer.write(Batch([row(span(int(line)))]))
    sys.stdout.write("written\\n")
    sys.stdout.flush()
writer.close()
"""


class Readers:
    """Three threads that read the count of spans whenever they are asked."""

    def __init__(self, path: Path) -> None:
        self._reader = store.open_reader(path)
        self._counts: list[int] = []
        self._done, self._go_on = threading.Semaphore(0), threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._read_twice, daemon=True) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def _read_twice(self) -> None:
        for _ in range(2):
            self._go_on.acquire()
            self._counts.append(self._reader.status().spans)
            self._done.release()

    def read(self) -> list[int]:
        self._counts.clear()
        for _ in self._threads:
            self._go_on.release()
        for _ in self._threads:
            assert self._done.acquire(timeout=10)
        return list(self._counts)

    def close(self) -> None:
        self._reader.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "both"])
def test_readers_of_another_process_follow_when_the_log_is_deleted(tmp_path: Path, suffix: str) -> None:
    """Each of their threads: SQLite shares the index of the log within a process, the deleted one too."""
    path = tmp_path / "store.db"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def write(number: int) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{number}\n")
        child.stdin.flush()
        assert child.stdout.readline() == "written\n"

    readers = Readers(path)
    write(1)
    assert readers.read() == [1, 1, 1]
    for each in ("-wal", "-shm") if suffix == "both" else (suffix,):
        Path(f"{path}{each}").unlink()
    eventually(lambda: Path(f"{path}-wal").exists() and Path(f"{path}-shm").exists(), "new ones are begun")
    write(2)
    write(3)
    assert readers.read() == [3, 3, 3]
    child.communicate(timeout=10)
    readers.close()
