"""What a lab keeps on disk: its lock and run file, its status, its data folder, its flags."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from lab.errors import AlreadyRunning, LabError, NotRunning, UsageError, unwritable
from lab.state import atomic_write, data_folder, flag_file, procfs, run_folder, runfile, statusfile
from lab.state.statusfile import Row, StatusFile
from tests.lab.conftest import Running, row

NO_SUCH_PID = 2**22 + 1
"""Above the highest process id of Linux."""


def run_of(pid: int, started: str = "") -> runfile.RunFile:
    return runfile.RunFile(pid, started, "/data", "none", "127.0.0.1", False)


def test_a_second_holder_of_the_lock_is_refused(run_dir: Path) -> None:
    """The error names the process that holds it, once it has written its run file."""
    claim = runfile.Claim(run_dir)
    with pytest.raises(AlreadyRunning, match="already starting or stopping"):
        runfile.Claim(run_dir)
    claim.write(run_of(os.getpid(), procfs.start_ticks(os.getpid())))
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\)"):
        runfile.Claim(run_dir)
    claim.release()

    runfile.Claim(run_dir).release_lock_only()


def test_a_release_removes_the_files_and_the_lock(run_dir: Path) -> None:
    """Nothing says afterwards that a lab runs."""
    claim = runfile.Claim(run_dir)
    claim.write(run_of(os.getpid()))
    (run_dir / run_folder.STATUS).write_text("{}", "utf-8")
    claim.release()
    claim.release()

    assert runfile.read(run_dir) is None
    assert {path.name for path in run_dir.iterdir()} == {run_folder.LOCK}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A file stands where the run folder should be."""
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(LabError, match=r"cannot be used: File exists\.|cannot be used"):
        runfile.Claim(blocked)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"text"', '{"pid": 1}', '{"pid": 1, "started": "0", "unknown": 1}']
)
def test_a_damaged_run_file_counts_as_none(run_dir: Path, text: str) -> None:
    """A lab that was killed while writing does not block the next one."""
    (run_dir / run_folder.RUN).write_text(text, "utf-8")

    assert runfile.read(run_dir) is None


def test_a_run_file_of_a_process_that_has_ended_counts_as_none(run_dir: Path) -> None:
    """Neither an id that does not exist nor one that was given to another process."""
    claim = runfile.Claim(run_dir)
    for run in (run_of(NO_SUCH_PID, "1"), run_of(NO_SUCH_PID), run_of(os.getpid(), "1")):
        claim.write(run)

        assert not run.is_alive()
        assert runfile.read(run_dir) is None
    claim.release_lock_only()


def test_without_a_start_time_the_process_id_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc is missing; a process of another user is alive, too."""
    assert run_of(os.getpid()).is_alive()

    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert run_of(1).is_alive()


def test_a_switched_incident_is_in_the_run_file(run_dir: Path, running: Running) -> None:
    """Everything else of it stays."""
    run = running(host="0.0.0.0", seats=True)
    runfile.set_incident(run_dir, run, "price-typo")
    changed = runfile.read(run_dir)

    assert changed is not None
    assert (changed.incident, changed.host, changed.seats) == ("price-typo", "0.0.0.0", True)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is one sentence, and no partial file stays."""
    file = tmp_path / "run.json"
    atomic_write.write_atomically(file, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LabError, match="is full"):
        atomic_write.write_atomically(file, "new")

    assert file.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "The disk that holds /x is full."),
        (errno.EDQUOT, "The disk that holds /x is full."),
        (errno.EROFS, "/x cannot be written."),
        (errno.EACCES, "/x cannot be written."),
        (errno.ENOTDIR, "/x cannot be used: Not a directory."),
    ],
)
def test_an_unusable_folder_has_a_sentence_and_a_remedy(number: int, message: str) -> None:
    """By the kind of the error."""
    error = unwritable(Path("/x"), OSError(number, os.strerror(number)))

    assert error.message == message
    assert error.remedy


def test_status_is_read_with_memory_measured_now(run_dir: Path, running: Running) -> None:
    """A process without an id has none."""
    running([row("observer", pid=os.getpid()), row("loadgen", "off")])
    first, second = statusfile.read(run_dir)["processes"]

    assert second["pss_bytes"] is None
    assert first["pss_bytes"] is None or first["pss_bytes"] > 1_000_000


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_status_that_cannot_be_read_means_not_running(
    run_dir: Path, running: Running, content: str | None
) -> None:
    """A lab that has just begun has written none yet."""
    running()
    status = run_dir / run_folder.STATUS
    if content is None:
        status.unlink()
    else:
        status.write_text(content, "utf-8")
    with pytest.raises(NotRunning):
        statusfile.read(run_dir)


def test_a_status_without_a_lab_is_not_read(run_dir: Path) -> None:
    """The file of a lab that was killed says nothing about now."""
    (run_dir / run_folder.STATUS).write_text('{"ready": true, "urls": {}, "processes": []}', "utf-8")
    with pytest.raises(NotRunning):
        statusfile.read(run_dir)


def stored(run_dir: Path) -> dict[str, object]:
    found = statusfile.stored(run_dir)
    assert found is not None
    return found


def test_the_status_file_is_written_at_most_ten_times_a_second(run_dir: Path) -> None:
    """A change within a tenth of a second of the last write is written after it."""
    file = StatusFile(run_dir, {"shop": "http://shop.test"})
    file.write_if_due(100.0, ready=False, rows=[Row("one", None, "starting", 0)])
    file.touch()
    file.write_if_due(100.05, ready=False, rows=[Row("one", None, "ready", 0)])

    assert stored(run_dir)["processes"] == [row("one", "starting")]
    assert file.next_write(100.05) == pytest.approx(100.1)
    file.write_if_due(100.11, ready=True, rows=[Row("one", None, "ready", 0)])
    assert stored(run_dir) == {
        "ready": True,
        "urls": {"shop": "http://shop.test"},
        "processes": [row("one", "ready")],
    }


def test_an_unchanged_status_is_refreshed_with_its_memory(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every 15 seconds, because measuring memory is expensive; a change alone does not measure."""
    monkeypatch.setattr(statusfile, "pss_bytes", lambda pid: pid * 1000)
    file = StatusFile(run_dir, {})
    rows = [Row("one", 5, "ready", 0)]
    file.write_if_due(100.0, ready=True, rows=rows)
    file.touch()
    file.write_if_due(101.0, ready=True, rows=rows)

    assert stored(run_dir)["processes"] == [row("one", pid=5)]
    assert file.next_write(102.0) == 116.0
    file.write_if_due(115.9, ready=True, rows=rows)
    assert stored(run_dir)["processes"] == [row("one", pid=5)]
    file.write_if_due(116.0, ready=True, rows=rows)
    assert stored(run_dir)["processes"] == [row("one", pid=5, pss_bytes=5000)]


def test_a_lab_that_becomes_ready_is_written_without_another_change(run_dir: Path) -> None:
    """Ready is a change of its own."""
    file = StatusFile(run_dir, {})
    file.write_if_due(100.0, ready=False, rows=[])
    file.write_if_due(101.0, ready=True, rows=[])

    assert stored(run_dir)["ready"] is True


def test_an_empty_start_removes_store_and_carts_only(tmp_path: Path) -> None:
    """With their write-ahead logs; a file of the user in the same folder stays."""
    for name in ("store.sqlite3", "store.sqlite3-wal", "carts.sqlite3", "notes.txt"):
        (tmp_path / name).write_text("12345", "utf-8")
    data_folder.prepare(tmp_path, empty=False)
    assert len(list(tmp_path.iterdir())) == 4
    data_folder.prepare(tmp_path, empty=True)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_data_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any process starts."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(LabError, match="cannot be written"):
        data_folder.prepare(tmp_path / "new", empty=False)


def test_a_file_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store may belong to another user."""
    (tmp_path / "store.sqlite3").write_text("1", "utf-8")

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(LabError, match=r"store\.sqlite3 could not be deleted: Operation not permitted"):
        data_folder.remove_files(tmp_path)


def test_an_incidents_flags_are_written_for_the_services(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the containers do: `python -m lab.state.flag_file NAME FOLDER`."""
    assert flag_file.main(["price-typo", str(tmp_path)]) == 0
    document = json.loads((tmp_path / run_folder.FLAGS).read_text("utf-8"))

    assert document["flags"]
    assert str(tmp_path / run_folder.FLAGS) in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["none"], ["none", "/tmp", "more"], ["no-such", "/tmp"]])
def test_a_wrong_command_of_the_flag_file_ends_with_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence on standard error."""
    assert flag_file.main(words) == 2
    assert capsys.readouterr().err


def test_an_unknown_incident_is_refused_with_the_known_ones() -> None:
    """The remedy lists them."""
    with pytest.raises(UsageError, match="no incident named no-such") as raised:
        flag_file.find("no-such")

    assert "invalid-token" in raised.value.remedy


def test_facts_of_a_process_that_does_not_exist_are_empty() -> None:
    """No error: it may have ended a moment ago."""
    assert procfs.start_ticks(NO_SUCH_PID) == ""
    assert procfs.pss_bytes(NO_SUCH_PID) is None
    assert procfs.session_members(NO_SUCH_PID) == 0


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_facts_of_this_process() -> None:
    """Its memory, its start and its session."""
    memory = procfs.pss_bytes(os.getpid())

    assert memory is not None
    assert memory > 1_000_000
    assert procfs.start_ticks(os.getpid()).isdecimal()
    assert procfs.session_members(os.getsid(0)) >= 1
