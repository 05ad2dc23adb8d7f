"""What imports compile from text is compiled once, and is the same as what would be compiled."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.supervision import compiled_texts
from lab.supervision.compiled_texts import CompiledTexts

_PATTERNS: tuple[tuple[str | bytes, int], ...] = (
    (r"(?P<name>\w+)=(?P<value>[^;]*)(;|$)", 0),
    (rb"^[\x00-\x7f]+(?=\r\n)", re.MULTILINE),
    (r"(?i:straße)|[Ā-￿]{2,4}?|(?<!a)b\b", 0),
    ("  \\d+   # a number\n  (\\.\\d+)?", re.VERBOSE | re.ASCII),
    (r"(a)|b(?(1)c|d)\1?", re.IGNORECASE),
    ("", 0),
    ("\ud800", 0),
)
_SUBJECTS = ("name=value;x", "STRASSE Straße ābcd", "12.5", "abad", "a\nb\r\n", "", "\ud800")


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "folder" / "texts.bin"


@contextmanager
def _texts(file: Path) -> Iterator[CompiledTexts]:
    """As a process does it: looked up while it imports."""
    texts = CompiledTexts(file)
    re.purge()
    texts.apply()
    try:
        yield texts
        texts.keep()
    finally:
        texts.undo()
        re.purge()


def _class() -> Any:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        across: int
        down: int = 2
        more: list[int] = dataclasses.field(default_factory=list)

    return Point


def _found(pattern: re.Pattern[Any]) -> list[object]:
    """What a pattern is and does."""
    texts = [
        text if isinstance(pattern.pattern, str) else text.encode("utf-8", "surrogatepass")
        for text in _SUBJECTS
    ]
    matches = [[(m.span(), m.groups(), m.groupdict()) for m in pattern.finditer(text)] for text in texts]
    return [pattern.pattern, pattern.flags, pattern.groups, dict(pattern.groupindex), matches]


def _refuse(*_: object, **__: object) -> None:
    raise AssertionError("it was compiled again")


def test_the_next_process_compiles_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _texts(file):
        _class()
        re.compile(r"first (\d+)")
    with _texts(file) as texts:
        monkeypatch.setattr(compiled_texts, "compile", _refuse, raising=False)
        monkeypatch.setattr(re, "_parser", None)
        point = _class()
        pattern = re.compile(r"first (\d+)")
        # Also after the imports, in a process that was forked from this one.
        texts.keep()

    assert repr(point(1)).endswith("Point(across=1, down=2, more=[])")
    assert (point(3) == point(3), point(across=3, down=4, more=[5]).more) == (True, [5])
    with pytest.raises(TypeError, match="across"):
        point()
    assert pattern.findall("first 12") == ["12"]


@pytest.mark.parametrize(("pattern", "flags"), _PATTERNS)
def test_a_regular_expression_is_what_it_would_be(file: Path, pattern: str | bytes, flags: int) -> None:
    expected = _found(re.compile(pattern, flags))
    with _texts(file):
        recorded = _found(re.compile(pattern, flags))
    with _texts(file):
        read = _found(re.compile(pattern, flags))
    assert recorded == read == expected


def test_text_and_bytes_of_the_same_letters_are_two(file: Path) -> None:
    with _texts(file):
        re.compile("letters")
    with _texts(file):
        assert re.compile(b"letters").match(b"letters")
        assert re.compile("letters", re.IGNORECASE).match("LETTERS")
        assert not re.compile("letters").match("LETTERS")


def test_what_is_wrong_is_said_as_ever(file: Path) -> None:
    for _ in range(2):
        with _texts(file), pytest.raises(re.error, match="unterminated character set"):
            re.compile("[a")
    with _texts(file):
        assert re.compile("a").match("a")


def test_what_is_asked_twice_is_the_same_and_not_written_again(file: Path) -> None:
    with _texts(file):
        _class()
    written = file.stat().st_mtime_ns, file.read_bytes()
    with _texts(file):
        first, second = _class(), _class()
    assert first(1).down == second(1).down == 2
    assert (file.stat().st_mtime_ns, file.read_bytes()) == written


def test_what_is_new_is_added(file: Path) -> None:
    for pattern in ("one", "two"):
        with _texts(file):
            re.compile(pattern)
    assert {text for _, text, _ in compiled_texts._read(file)} == {"one", "two"}


def test_what_is_compiled_later_is_not_recorded(file: Path) -> None:
    """Forked processes compile what they meet, in many threads."""
    with _texts(file) as texts:
        texts.keep()
        assert re.compile("later").match("later")
        assert _class()(1).across == 1
    assert not file.exists()


def test_a_full_file_begins_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_texts, "_MOST", 2)
    for patterns in (("one", "two"), ("three",)):
        with _texts(file):
            for pattern in patterns:
                re.compile(pattern)
    assert {text for _, text, _ in compiled_texts._read(file)} == {"three"}


def test_a_very_long_text_is_not_kept(file: Path) -> None:
    with _texts(file):
        re.compile("x" * 200_000)
    assert not file.exists()


@pytest.mark.parametrize("left", [0, 3, 40, 120, -1])
def test_a_damaged_file_is_made_anew(file: Path, left: int) -> None:
    with _texts(file):
        re.compile("kept")
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    with _texts(file):
        assert re.compile("kept").match("kept")
    assert file.read_bytes() == whole


def test_a_changed_byte_is_noticed(file: Path) -> None:
    with _texts(file):
        re.compile("kept")
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        file.write_bytes(changed)
        assert compiled_texts._read(file) == {}, place


def test_another_python_s_file_is_left_out(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _texts(file):
        re.compile("kept")
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert compiled_texts._read(file) == {}


def test_where_nothing_can_be_kept_imports_work(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that cannot be written, and where Python is told to write nothing."""
    file.parent.write_text("in the way", "utf-8")
    with _texts(file):
        assert re.compile("kept").match("kept")
    file.parent.unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with _texts(file):
        assert re.compile("kept").match("kept")
    assert not file.exists()


def test_nothing_is_left_behind(file: Path) -> None:
    compiler: Any = re._compiler  # type: ignore[attr-defined]
    before = compiler.compile, compiler._sre
    with _texts(file):
        re.compile("kept")
        assert "exec" in vars(dataclasses)
    assert (compiler.compile, compiler._sre) == before
    assert "exec" not in vars(dataclasses)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_standard_place_is_beside_the_code() -> None:
    assert compiled_texts._standard_file().parent.name == "__pycache__"
