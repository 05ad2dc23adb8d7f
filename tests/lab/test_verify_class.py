"""`lab verify --class`: each door of a class that does not hold is named, and no student is disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from incidents.checks import Outcome
from lab import verify
from lab.errors import LabError, StartError
from lab.state import seat_secret
from lab.verify import class_run, class_steps, class_under_test, command, lab_under_test
from lab.verify.class_under_test import ClassUnderTest
from lab.verify.polling_client import Unreachable
from lab.verify.report_formats import Verification
from tests.helpers import REPO, free_port
from tests.lab.conftest import Running
from tests.lab.fakes.fake_class import CODE, OWN, PASSCODE, FakeClass, served
from tests.lab.test_lab_under_test import OBSERVER, SHOP, Commands, status

NAMES = tuple(step.name for step in class_run.STEPS)


def after(door: str) -> set[str]:
    """The steps that depend on this one, and on those that do."""
    found: set[str] = set()
    for step in class_run.STEPS:
        if ({door} | found) & set(step.needs):
            found.add(step.name)
    return found


def commands_of(
    monkeypatch: pytest.MonkeyPatch, printed: str, **outputs: list[str | BaseException]
) -> Commands:
    """The command line of a lab whose `lab class` prints this."""
    outputs = {"status": [status()], "seats": [LINK], "class": [printed], **outputs}
    return Commands(monkeypatch, **outputs)


def drop(_: str) -> None:
    """A listener for messages that do not matter."""


def verified(fake: FakeClass, *, own: bool = True) -> Verification:
    with served(fake, own=own) as found:
        return class_run.verify_class(found, drop)


def test_of_a_class_whose_doors_hold_every_step_holds() -> None:
    found = verified(FakeClass())
    assert [(step.name, step.detail) for step in found.results if step.outcome is not Outcome.HOLDS] == []
    assert tuple(step.name for step in found.results) == NAMES
    assert (found.name, found.seat, found.passed) == ("class", OWN, True)


@pytest.mark.parametrize("door", NAMES)
def test_a_door_that_does_not_hold_is_named(door: str) -> None:
    """That step alone is broken; what depends on it is then not reached."""
    found = verified(FakeClass({door}))
    broken = {step.name: step.detail for step in found.of(Outcome.BROKEN)}
    assert set(broken) == {door}
    assert broken[door].startswith("expected ")
    assert "; saw " in broken[door]
    assert not found.passed
    unreached = {step.name for step in found.of(Outcome.NOT_REACHED)}
    assert unreached == after(door)


def test_in_a_class_that_runs_no_seat_is_taken() -> None:
    """Joining is not checked there, and a student's link is only looked at."""
    fake = FakeClass()
    found = verified(fake, own=False)
    assert fake.taken == []
    unchecked = [step.name for step in found.of(Outcome.NOT_CHECKED)]
    assert unchecked == ["join", "join-again", "claimed", "freed", "joining-closed"]
    assert (fake.freed, fake.joining) == ([], True)
    assert found.passed


def test_screens_that_are_away_are_one_sentence() -> None:
    absent = f"http://127.0.0.1:{free_port()}"
    where = ClassUnderTest(absent, absent, CODE, PASSCODE, (), OWN, "", True)
    with pytest.raises(Unreachable, match="No answer from the shop"):
        class_run.verify_class(where, drop)


def test_a_shop_that_dies_underway_breaks_steps_and_no_more() -> None:
    """A door that does not answer is broken, not an error of the command."""
    with served(FakeClass()) as found:
        away = f"http://127.0.0.1:{free_port()}"
        broken = ClassUnderTest(found.shop, away, CODE, PASSCODE, found.seats, OWN, found.entry, True)
        step = class_run.STEPS[NAMES.index("wrong-code")]
        done = class_run._taken(step, class_steps.Walk(broken), {})
    assert done.outcome is Outcome.BROKEN
    assert "saw no answer from" in done.detail


PRINTED = json.dumps(
    {
        "join_code": CODE,
        "passcode": PASSCODE,
        "seats": [{"seat": "anna", "name": "Anna", "url": f"{OBSERVER}/workshop?seat=anna&sig=ab"}],
    }
)
LINK = f"{OWN}\thttp://192.168.1.20:8080/?seat={OWN}&sig=cd\n"


def test_the_class_that_runs_is_verified(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the codes that its own commands print; it is neither stopped nor changed."""
    running(seats=True)
    seat_secret.read_or_make(run_dir)
    commands = commands_of(monkeypatch, PRINTED)
    with class_under_test.class_under_test(OWN, drop) as found:
        assert (found.shop, found.observer, found.own) == (SHOP, OBSERVER, False)
        assert (found.join_code, found.passcode, found.entry) == (CODE, PASSCODE, f"seat={OWN}&sig=cd")
        assert [(each.seat, each.query) for each in found.seats] == [("anna", "seat=anna&sig=ab")]
    assert set(commands.verbs()) == {"status", "class", "seats"}


@pytest.mark.parametrize("open_lab", [True, False])
def test_without_a_class_one_of_its_own_is_started_and_stopped(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch, open_lab: bool
) -> None:
    """Also beside an open lab, which has no doors to try."""
    if open_lab:
        running()
    commands = commands_of(monkeypatch, PRINTED, up=["Ready"], down=["Stopped."])
    with class_under_test.class_under_test(OWN, drop) as found:
        assert found.own
    assert commands.verbs() == ["up", "status", "class", "seats", "down"]
    assert {"--class", "--host", "127.0.0.1", "--free-ports", "--no-load"} <= set(commands.calls[0])
    assert {environment["LAB_RUN_DIR"] for environment in commands.environments} != {str(run_dir)}


@pytest.mark.parametrize("printed", ["", "[]", "{}", "!The lab that runs is not a class."])
def test_codes_that_cannot_be_read_are_one_sentence(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    running(seats=True)
    commands_of(monkeypatch, printed)
    with pytest.raises(LabError, match="lab class"), class_under_test.class_under_test(OWN, drop):
        pytest.fail("there is no class")


def test_a_class_without_seats_is_one_sentence(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(seats=True)
    commands_of(monkeypatch, json.dumps({"join_code": CODE, "passcode": PASSCODE, "seats": []}))
    with pytest.raises(LabError, match="no seats"), class_under_test.class_under_test(OWN, drop):
        pytest.fail("there is no class")


def test_a_class_of_its_own_that_does_not_start_is_one_sentence(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(monkeypatch, up=["!The disk is full."], down=["No lab is running."])
    with pytest.raises(StartError, match="for a class: The disk is full"):  # noqa: SIM117
        with class_under_test.class_under_test(OWN, drop):
            pytest.fail("there is no class")
    assert commands.verbs() == ["up", "down"]


@pytest.fixture(name="fake")
def _fake(monkeypatch: pytest.MonkeyPatch) -> FakeClass:
    """The class that the command meets."""
    fake = FakeClass()

    @contextmanager
    def found(seat: str, _notify: Callable[[str], None]) -> Iterator[ClassUnderTest]:
        assert seat.startswith("verify-"), "a seat that is no student's"
        with served(fake) as where:
            yield where

    monkeypatch.setattr(command, "class_under_test", found)
    for variable in ("LAB_VERIFY_SHOP", "LAB_VERIFY_OBSERVER"):
        monkeypatch.delenv(variable, raising=False)
    return fake


def test_text_has_one_line_per_step(fake: FakeClass, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--class"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("  ok")] == list(NAMES)
    assert lines[-1].startswith("class: every link holds (21 steps")


def test_a_broken_door_exits_1(fake: FakeClass, capsys: pytest.CaptureFixture[str]) -> None:
    fake.open_doors.add("flags")
    assert verify.main(["--class", "--format", "json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    [found] = printed["incidents"]
    assert (printed["passed"], found["name"], found["passed"]) == (False, "class", False)
    assert [step["name"] for step in found["steps"] if not step["passed"]] == ["flags"]
    assert verify.main(["--class", "--format", "junit"]) == 1
    suite = ET.fromstring(capsys.readouterr().out).find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("failures")) == ("class", "1")


def test_the_class_comes_after_the_incidents(
    fake: FakeClass, run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --all and with --incident; alone where neither is given."""

    def holds(incident: object, where: lab_under_test.Addresses, *_: object) -> Verification:
        return Verification(getattr(incident, "name", ""), "", "by a test", "seat", where.shop, 1.0, ())

    monkeypatch.setattr(command, "verify", holds)
    Commands(monkeypatch, up=["Ready"], status=[status()], down=["Stopped."])
    assert verify.main(["--class", "--incident", "none", "--format", "json"]) == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)["incidents"]]
    assert names == ["none", "class"]
    assert verify.main(["--class", "--all", "--format", "json"]) == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)["incidents"]]
    assert len(names) > 10
    assert names[-1] == "class"


def test_another_installation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Its codes are known on its own machine only."""
    assert verify.main(["--class", "--shop", SHOP]) == 2
    assert "on its own machine" in capsys.readouterr().err


@pytest.mark.lab
@pytest.mark.timeout(180)
def test_a_class_of_its_own_holds_and_leaves_nothing(tmp_path: Path) -> None:
    """The real thing, in a folder from which no lab runs."""
    done = subprocess.run(
        [sys.executable, "-m", "lab.verify", "--class"],
        cwd=REPO,
        env={**os.environ, "LAB_RUN_DIR": str(tmp_path / "none"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "class: every link holds (21 steps" in done.stdout
    assert not list(tmp_path.glob("hipster-lab-verify-*")), "no file of that lab may be left"
