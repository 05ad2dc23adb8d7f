"""Log files: rotation, the last lines, following across rotation, a readable form, and `lab logs`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab import cli
from lab.commands import logs
from lab.errors import LabError
from lab.state import log_follow, logfiles


def write(folder: Path, name: str, *lines: str) -> Path:
    """Append lines to a process's log."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.log"
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def test_a_full_log_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    """One generation is kept; the writer's open file continues at the new start."""
    writer = logfiles.open_log(tmp_path / "logs", "observer")
    os.write(writer, b"old\n" * 30)
    write(tmp_path / "logs", "collector", "short")
    assert logfiles.rotate(tmp_path / "logs", limit_bytes=100) == ["observer.log"]
    os.write(writer, b"new\n")
    os.close(writer)

    assert (tmp_path / "logs" / "observer.log").read_bytes() == b"new\n"
    assert (tmp_path / "logs" / "observer.log.1").read_bytes() == b"old\n" * 30
    assert logfiles.rotate(tmp_path / "logs", limit_bytes=100) == []


def test_the_last_lines_are_oldest_first_without_empty_ones(tmp_path: Path) -> None:
    """Of a long file only its end is read; of an absent one there are none."""
    path = write(tmp_path, "a", *(f"line {number} {'x' * 200}" for number in range(2000)), "", "  ", "end")

    assert [line[:9] for line in logfiles.tail(path, 2)] == ["line 1999", "end"]
    assert logfiles.tail(tmp_path / "absent.log", 5) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ""),
        (["starting", "still starting"], "still starting"),
        (["Error: the disk is full", "ended"], "Error: the disk is full"),
        (["port 8080 is in use", "Traceback"], "port 8080 is in use"),
    ],
)
def test_the_reason_of_a_failed_start_is_its_last_error(
    tmp_path: Path, lines: list[str], expected: str
) -> None:
    """Else its last line, else nothing."""
    write(tmp_path, "bad", *lines)

    assert logfiles.last_error(tmp_path, "bad") == expected


def test_a_json_record_becomes_time_level_message_and_fields() -> None:
    """Fields that every line has are left out, texts with blanks are quoted."""
    record = {
        "timestamp": "2026-03-01T12:13:14.567891Z",
        "level": "warn",
        "event": "Trying again",
        "service.name": "checkoutservice",
        "service.version": "0.1.0",
        "trace_id": "ab" * 4,
        "reason": "no answer",
        "attempts": [1, 2],
    }
    line = logfiles.readable(json.dumps(record))

    assert line.startswith("12:13:14.567 checkoutservice")
    assert line.endswith('WARN  Trying again trace_id=abababab reason="no answer" attempts="[1, 2]"')


@pytest.mark.parametrize("timestamp", [1772367194.5, 1772367194500, 1772367194500000000])
def test_a_time_in_any_unit_is_a_time_of_the_day(timestamp: float) -> None:
    """Seconds, milliseconds and nanoseconds since 1970."""
    line = logfiles.readable(json.dumps({"timestamp": timestamp, "message": "x"}))

    assert line.startswith("12:13:14.500")


@pytest.mark.parametrize("text", ["plain text", "[1, 2]", "{broken"])
def test_text_that_is_not_a_record_is_unchanged(text: str) -> None:
    """With the process's name in front where there is one."""
    assert logfiles.readable(f"{text}\n") == text
    assert logfiles.readable(text, "frontend").endswith(text)


@pytest.fixture(name="steps")
def _steps(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Called one by one instead of each pause of `follow`; the last one ends it as Ctrl-C does."""
    steps: list[object] = []

    def pause(_: float) -> None:
        if not steps:
            raise KeyboardInterrupt
        step = steps.pop(0)
        assert callable(step)
        step()

    monkeypatch.setattr("lab.state.log_follow.time.sleep", pause)
    return steps


def test_following_prints_new_lines_across_rotation(
    tmp_path: Path, steps: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a line twice nor one lost, a line without its end not before it is whole."""
    path = write(tmp_path, "observer", "before")

    def append_half() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("fir")

    def complete() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("st\n\n")

    def rotate() -> None:
        logfiles.rotate(tmp_path, limit_bytes=0)
        write(tmp_path, "observer", "2nd")

    steps += [append_half, complete, rotate, lambda: write(tmp_path, "late", "new")]
    with pytest.raises(KeyboardInterrupt):
        log_follow.follow(tmp_path, [], from_start=False, raw=True)

    assert capsys.readouterr().out.splitlines() == ["first", "2nd", "new"]


def test_following_from_the_start_prints_what_is_there(
    tmp_path: Path, steps: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """`lab up --logs` shows each process from its first line."""
    write(tmp_path, "observer", "one")
    write(tmp_path, "collector", "two")
    with pytest.raises(KeyboardInterrupt):
        log_follow.follow(tmp_path, ["observer"])

    assert not steps
    assert capsys.readouterr().out.split() == ["observer", "one"]


@pytest.fixture(name="folder")
def _folder(run_dir: Path) -> Path:
    write(run_dir / "logs", "observer", *(f'{{"message": "page {number}"}}' for number in range(30)))
    write(run_dir / "logs", "collector", "ready")
    return run_dir / "logs"


def command(*words: str) -> int:
    return logs.run(cli.parse(cli.BY_NAME["logs"], words))


@pytest.mark.parametrize(
    ("words", "count", "last"),
    [
        (["observer"], 20, "page 29"),
        (["observer", "-n", "3"], 3, "page 29"),
        (["observer", "-n", "0"], 0, ""),
        (["observer", "-n", "-1"], 0, ""),
        ([], 21, "page 29"),
        (["--raw", "-n", "1", "observer"], 1, '{"message": "page 29"}'),
    ],
)
def test_lab_logs_prints_the_last_lines(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], count: int, last: str
) -> None:
    """Of the named processes or of all, readable or raw."""
    assert command(*words) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == count
    assert not lines or lines[-1].endswith(last)


def test_lab_logs_of_an_unknown_process_names_the_known_ones(folder: Path) -> None:
    """And one of no lab says how to start one."""
    with pytest.raises(LabError, match=r"no log of nonsense\.") as raised:
        command("observer", "nonsense")
    assert "collector, observer" in raised.value.remedy
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(LabError, match="no logs") as raised:
        command()
    assert "lab up" in raised.value.remedy


def test_lab_logs_follows_until_ctrl_c(
    folder: Path, steps: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines first, then new ones only."""
    steps.append(lambda: write(folder, "collector", "new line"))
    with pytest.raises(KeyboardInterrupt):
        command("collector", "-f", "--raw")

    assert capsys.readouterr().out.splitlines() == ["ready", "new line"]
