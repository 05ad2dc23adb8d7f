"""The command line itself: verbs, their environment, errors, interruptions and output."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import __main__ as entry, cli, paths, terminal
from lab.errors import LabError, NotRunning, SetupError
from lab.run import early
from lab.setup import bootstrap, environment


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_lists_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a verb as with --help."""
    with pytest.raises(SystemExit) as ended:
        cli.choose(words)
    printed = capsys.readouterr().out

    assert ended.value.code == 0
    assert all(f"    {verb.name} " in printed and verb.help[:30] in printed for verb in cli.VERBS)


def test_a_word_that_is_not_a_verb_ends_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, the word in the message."""
    with pytest.raises(SystemExit) as ended:
        cli.choose(["nonsense"])

    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err


def verb_that(run: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch, **more: Any) -> cli.Verb:
    """A verb whose module runs this function."""
    module = SimpleNamespace(run=run, configure=lambda parser: parser.add_argument("word", nargs="?"))
    monkeypatch.setattr(cli.Verb, "module", lambda _: module)
    return cli.Verb("fake", "help", cli.LAB, **more)


def test_a_verb_gets_its_parsed_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or all its words where they go to another program."""
    received: list[Any] = []

    def run(given: Any) -> int:
        received.append(given)
        return 3

    assert cli.run(verb_that(run, monkeypatch), ["x"]) == 3
    assert cli.run(verb_that(run, monkeypatch, passes_on=True), ["--any", "x"]) == 3

    assert received == [argparse.Namespace(word="x"), ["--any", "x"]]


def raising(error: BaseException) -> Callable[[Any], int]:
    def run(_: Any) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (LabError("It is broken.", "Mend it."), 1, "It is broken.\nMend it.\n"),
        (NotRunning(), 1, "No lab is running"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_printed_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    printed: str,
) -> None:
    """No stack trace; Ctrl-C is the shell's code for it."""
    assert cli.run(verb_that(raising(error), monkeypatch), []) == code
    assert printed in capsys.readouterr().err


def test_a_closed_pipe_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab logs | head` ends with code 0 and prints nothing more."""
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", printed)

    assert cli.run(verb_that(raising(BrokenPipeError()), monkeypatch), []) == 0
    assert printed.getvalue() == ""


# -- the entry


def test_an_unsupported_interpreter_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything else is imported."""
    monkeypatch.setattr(entry, "unsupported", lambda *_: "Not this one.")

    assert entry.main() == 1
    assert capsys.readouterr().err == "Not this one.\n"


def test_the_remedy_names_a_supported_interpreter_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest one that is on PATH, else the newest supported."""
    monkeypatch.setattr("shutil.which", lambda name: name if name == "python3.12" else None)
    assert "python3.12 -m lab" in entry.unsupported((3, 9), "linux")
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "python3.14 -m lab" in entry.unsupported((3, 9), "linux")


@pytest.mark.parametrize("checked", [False, True])
def test_the_time_of_the_command_is_recorded_once(monkeypatch: pytest.MonkeyPatch, checked: bool) -> None:
    """The first process records it; the re-executed one keeps it."""
    monkeypatch.setenv("LAB_REQUESTED_AT", "1.5")
    if checked:
        monkeypatch.setenv("LAB_SETUP_CHECKED", "1")
    else:
        monkeypatch.delenv("LAB_SETUP_CHECKED", raising=False)
    monkeypatch.setattr(sys, "argv", ["lab", "status", "--json"])
    monkeypatch.setattr(bootstrap, "main", len)

    assert entry.main() == len(["status", "--json"])
    assert (os.environ["LAB_REQUESTED_AT"] == "1.5") == checked


def test_ctrl_c_before_the_verb_runs_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at any later moment."""
    monkeypatch.setattr(bootstrap, "main", raising(KeyboardInterrupt()))

    assert entry.main() == 130


# -- set-up before a verb


class SetUp:
    """The steps of `bootstrap.main`, recorded instead of done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prepared: set[str] = set()
        self.steps: list[str] = []
        self.inside = False
        self.failure: BaseException | None = None
        self.variables: dict[str, str] = {}
        monkeypatch.delenv(bootstrap.CHECKED, raising=False)
        monkeypatch.setattr(bootstrap, "is_prepared", lambda level: level in self.prepared)
        monkeypatch.setattr(paths, "inside_environment", lambda: self.inside)
        monkeypatch.setattr(environment, "prepare", self._prepare)
        monkeypatch.setattr(os, "execve", self._execute)
        monkeypatch.setattr(cli, "run", self._run)

    def _prepare(self, level: str) -> None:
        self.steps.append(f"prepare {level}")
        if self.failure:
            raise self.failure
        self.prepared.add(level)

    def _execute(self, python: str, argv: list[str], variables: dict[str, str]) -> None:
        self.steps.append(f"execute {' '.join(argv[1:])}")
        assert variables[bootstrap.CHECKED] == os.environ[bootstrap.CHECKED]
        assert python == str(paths.environment_python())
        self.variables = variables
        self.inside = True

    def _run(self, verb: cli.Verb, words: list[str]) -> int:
        self.steps.append(f"run {verb.name} {words}")
        return 0


@pytest.fixture(name="setup")
def _setup(monkeypatch: pytest.MonkeyPatch) -> SetUp:
    return SetUp(monkeypatch)


def test_a_verb_that_needs_nothing_runs_at_once(setup: SetUp) -> None:
    """`lab status` in a fresh clone."""
    assert bootstrap.main(["status", "--json"]) == 0
    assert setup.steps == ["run status ['--json']"]


def test_a_verb_runs_inside_the_environment(setup: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made first where it is missing; the command is executed again there, marked as checked."""
    assert bootstrap.main(["incident", "none"]) == 0
    assert setup.steps == ["prepare lab", "execute -m lab incident none", "run incident ['none']"]
    assert os.environ[bootstrap.CHECKED] == "1"
    setup.steps.clear()
    assert bootstrap.main(["incident", "none"]) == 0
    assert setup.steps == ["run incident ['none']"]
    assert bootstrap.CHECKED not in os.environ
    monkeypatch.delenv(bootstrap.CHECKED, raising=False)


def test_the_fork_server_begins_before_the_command_is_executed_again(
    setup: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And belongs to the command inside, which is the same process."""
    begun: list[Path] = []

    def begin(run_dir: Path) -> dict[str, str]:
        begun.append(run_dir)
        return {early.HANDED_OVER: "5:6"}

    monkeypatch.setattr(early, "for_the_next_program", begin)
    monkeypatch.setenv(early.HANDED_OVER, "")
    setup.prepared = {cli.LAB}
    assert bootstrap.main(["up", "--logs"]) == 0

    assert begun == [paths.run_dir()]
    assert setup.steps == ["execute -m lab up --logs", "run up ['--logs']"]
    assert setup.variables[early.HANDED_OVER] == "5:6"
    monkeypatch.delenv(bootstrap.CHECKED, raising=False)


def test_a_lab_in_the_background_needs_no_second_command(setup: SetUp) -> None:
    """Only the background process is inside the environment; this one waits for it."""
    assert bootstrap.main(["up", "--detach"]) == 0
    assert setup.steps == ["prepare lab", "run up ['--detach']"]
    assert bootstrap.CHECKED not in os.environ


def test_invalid_options_are_refused_before_set_up(setup: SetUp) -> None:
    """A typing error must not cost a download."""
    with pytest.raises(SystemExit):
        bootstrap.main(["up", "--nonsense"])

    assert setup.steps == []


def test_set_up_that_fails_ends_the_command(setup: SetUp, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own sentence, or with Ctrl-C's code."""
    setup.failure = SetupError("The disk is full.", "Free some.")
    assert bootstrap.main(["up"]) == 1
    assert "The disk is full." in capsys.readouterr().err
    setup.failure = KeyboardInterrupt()
    assert bootstrap.main(["up"]) == 130

    assert setup.steps == ["prepare lab", "prepare lab"]


def test_verify_runs_without_its_browser_driver(setup: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the driver could not be installed, the browserless student takes its place."""
    monkeypatch.setattr(bootstrap, "level_needed", lambda *_: cli.BROWSER)
    setup.failure = SetupError("The package index cannot be reached.")
    setup.prepared = {cli.LAB}
    setup.inside = True

    assert bootstrap.main(["verify"]) == 0
    assert setup.steps == ["prepare browser", "run verify []"]


# -- the terminal


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_one_line_that_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it is a line per step."""
    monkeypatch.setenv("TERM", "xterm")
    screen, file = Screen(), io.StringIO()
    for stream in (screen, file):
        progress = terminal.Progress(stream)
        progress.step("one")
        progress.step("two")
        progress.close()
        progress.close()

    assert screen.getvalue() == "\r\x1b[2Kone\r\x1b[2Ktwo\r\x1b[2K"
    assert file.getvalue() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_colour_only_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    """A terminal that can show it, and no NO_COLOR; never in a file."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert terminal.paint("ok", "green", Screen()) == ("\x1b[32mok\x1b[0m" if coloured else "ok")
    assert terminal.paint("ok", "green", io.StringIO()) == "ok"


def test_a_reader_that_has_gone_stops_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines to a closed stream are dropped."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", closed)
    terminal.write_line("lost")
    terminal.note("lost")
    assert terminal.fail(LabError("lost", "lost")) == 1


def test_an_error_reads_as_message_and_remedy() -> None:
    """In logs and in tests."""
    assert str(LabError("It is broken.", "Mend it.")) == "It is broken. Mend it."
    assert str(LabError("It is broken.")) == "It is broken."


def test_the_paths_of_the_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LAB_RUN_DIR names another run folder; the environment is inside the clone."""
    monkeypatch.delenv("LAB_RUN_DIR", raising=False)
    assert paths.run_dir() == paths.ROOT / ".lab"
    monkeypatch.setenv("LAB_RUN_DIR", "relative")
    assert paths.run_dir() == Path.cwd() / "relative"
    assert paths.environment_python(tmp_path) == tmp_path / "bin" / "python"
    monkeypatch.setattr(sys, "prefix", str(paths.ENVIRONMENT))
    assert paths.inside_environment()
