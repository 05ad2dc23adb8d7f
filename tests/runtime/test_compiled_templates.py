"""Templates are compiled once for the sources that there are, and work wherever nothing can be kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jinja2
import pytest

from runtime import compiled_templates
from runtime.compiled_templates import CompiledTemplates


@pytest.fixture(name="room")
def _room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A room with a template and a module beside another room."""
    monkeypatch.setattr(compiled_templates, "_ROOMS", tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for name in ("screens", "screens/parts", "below"):
        (tmp_path / name).mkdir()
    (tmp_path / "screens" / "page.html").write_text("{{ 'a' | shown }} {{ value }}", "utf-8")
    (tmp_path / "screens" / "parts" / "part.py").write_text("1", "utf-8")
    (tmp_path / "below" / "filters.py").write_text("1", "utf-8")
    return tmp_path / "screens"


class Application(jinja2.Environment):
    """As a process makes it at its start; `compiled` are the templates that it did not find."""

    def __init__(self, room: Path, suffix: str = "!") -> None:
        super().__init__(
            loader=jinja2.FileSystemLoader(room),
            autoescape=True,
            bytecode_cache=CompiledTemplates("screens", ("screens", "below")),
        )
        self.filters["shown"] = lambda text: text + suffix
        self.compiled: list[str | None] = []

    def _compile(self, source: str, filename: str) -> object:  # type: ignore[override]
        self.compiled.append(Path(filename).name)
        return super()._compile(source, filename)

    def page(self) -> str:
        """The page, rendered."""
        return self.get_template("page.html").render(value="<b>")


def _kept(room: Path) -> list[Path]:
    return list(room.rglob("__pycache__/template-*.pyc"))


def test_the_next_process_compiles_nothing(room: Path) -> None:
    first, second = Application(room), Application(room)
    assert first.page() == second.page() == "a! &lt;b&gt;"
    assert (first.compiled, second.compiled) == (["page.html"], [])
    assert len(_kept(room)) == 1


@pytest.mark.parametrize("changed", ["page.html", "parts/part.py", "../below/filters.py"])
def test_a_change_of_text_or_code_compiles_anew(room: Path, changed: str) -> None:
    """A template has results of filters in it, so that their code counts, too; only the newest is kept."""
    Application(room).page()
    path = room / changed
    path.write_text(path.read_text("utf-8") + " ", "utf-8")
    second = Application(room, "?")

    assert second.page().strip() == "a? &lt;b&gt;"
    assert second.compiled == ["page.html"]
    assert len(_kept(room)) == 1
    third = Application(room, "?")
    assert third.page() == second.page()
    assert third.compiled == []


def test_code_that_was_written_anew_counts_as_changed(room: Path) -> None:
    """Also where it is as long as before."""
    Application(room).page()
    os.utime(room / "parts" / "part.py", ns=(1, 1))
    second = Application(room)
    assert second.page()
    assert second.compiled == ["page.html"]


@pytest.mark.parametrize("left", [0, 3, 20, 60, -1])
def test_a_damaged_file_is_made_anew(room: Path, left: int) -> None:
    Application(room).page()
    [path] = _kept(room)
    path.write_bytes(path.read_bytes()[:left])
    second, third = Application(room), Application(room)

    assert second.page() == third.page() == "a! &lt;b&gt;"
    assert (second.compiled, third.compiled) == (["page.html"], [])


def test_where_nothing_can_be_kept_templates_work(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that cannot be written, and where Python is told to write nothing."""
    (room / "__pycache__").write_text("in the way", "utf-8")
    assert Application(room).page() == "a! &lt;b&gt;"
    (room / "__pycache__").unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert Application(room).page() == "a! &lt;b&gt;"
    assert _kept(room) == []
