"""The lab that `lab verify` verifies: the running one or its own, and which incidents on which."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lab import verify
from lab.errors import LabError, StartError, UsageError
from lab.state import seat_secret
from lab.verify import command, lab_under_test
from lab.verify.lab_under_test import Addresses, RunningLab
from lab.verify.report_formats import Verification
from tests.lab.conftest import Running

SHOP = "http://127.0.0.1:8080"
OBSERVER = "http://127.0.0.1:8090"


def status(*, ready: bool = True, **states: str) -> str:
    rows = [{"name": name, "state": state} for name, state in states.items()]
    urls = {"shop": f"{SHOP}/", "observer": f"{OBSERVER}/"}
    return json.dumps({"ready": ready, "urls": urls, "processes": rows})


class Commands:
    """Stands in for the lab's command line: each verb's next output, and the calls that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **outputs: list[str | BaseException]) -> None:
        self.calls: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self._outputs = outputs
        monkeypatch.setattr(subprocess, "run", self._run)
        monkeypatch.setattr(lab_under_test, "READY_PAUSE_S", 0.0)

    def _run(self, argv: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        assert argv[:3] == [sys.executable, "-m", "lab"]
        self.calls.append(argv[3:])
        self.environments.append(more["env"])
        outputs = self._outputs[argv[3]]
        output = outputs.pop(0) if len(outputs) > 1 else outputs[0]
        if isinstance(output, BaseException):
            raise output
        failed = output.startswith("!")
        return subprocess.CompletedProcess(
            argv, int(failed), "" if failed else output, output[1:] if failed else ""
        )

    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls]


def drop(_: str) -> None:
    """A listener for messages that do not matter."""


def test_without_a_lab_there_is_none_to_verify(run_dir: Path) -> None:
    assert lab_under_test.running_lab(drop) is None


def test_the_running_lab_gives_its_addresses_and_its_incident(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(incident="price-typo")
    Commands(monkeypatch, status=[status(ready=False), status()])
    found = lab_under_test.running_lab(drop)

    assert found == RunningLab(Addresses(SHOP, OBSERVER, ""), "price-typo")


def test_the_seats_of_a_class_are_taken_by_its_secret(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(seats=True)
    secret = seat_secret.read_or_make(run_dir)
    Commands(monkeypatch, status=[status()])
    found = lab_under_test.running_lab(drop)

    assert found is not None
    assert found.addresses.seat_secret == secret


@pytest.mark.parametrize(
    ("states", "names"),
    [({"frontend": "restarting", "loadgen": "off"}, "frontend"), ({}, "no process is waiting")],
)
def test_a_lab_that_does_not_become_ready_is_verified_anyway(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch, states: dict[str, str], names: str
) -> None:
    """What keeps it from being ready may be the very link that is broken."""
    running()
    Commands(monkeypatch, status=[status(ready=False, **states)])
    monkeypatch.setattr(lab_under_test, "READY_WITHIN_S", 0.0)
    notes: list[str] = []
    assert lab_under_test.running_lab(notes.append) is not None

    assert notes == [f"The lab is not ready ({names}); verifying it anyway."]


@pytest.mark.parametrize("output", ["", "[]", "{}", "!No lab is running from this folder."])
def test_a_status_that_is_none_is_one_sentence(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    running()
    Commands(monkeypatch, status=[output])
    with pytest.raises(LabError, match="lab status` could not be read"):
        lab_under_test.running_lab(drop)


def test_a_lab_of_its_own_is_started_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """On free ports, in a folder that is removed, and without the secret of another class."""
    monkeypatch.setenv("SEAT_SECRET", "of another lab")
    commands = Commands(monkeypatch, up=["Ready"], status=[status()], down=["Stopped."])
    with lab_under_test.own_lab("price-typo") as addresses:
        assert addresses == Addresses(SHOP, OBSERVER)
        assert commands.verbs() == ["up", "status"]
        folder = Path(commands.environments[0]["LAB_RUN_DIR"]).parent
        assert folder.is_dir()

    assert commands.verbs() == ["up", "status", "down"]
    assert {"--detach", "--free-ports", "--no-load", "price-typo"} <= set(commands.calls[0])
    assert all("SEAT_SECRET" not in environment for environment in commands.environments)
    assert not folder.exists()


def test_a_lab_of_its_own_that_does_not_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last lines of its error; it is stopped all the same."""
    commands = Commands(
        monkeypatch, up=["!starting …\nThe disk is full.\nFree some."], down=["No lab is running."]
    )
    with pytest.raises(StartError, match=r"for none: The disk is full\. Free some\."):  # noqa: SIM117
        with lab_under_test.own_lab("none"):
            pytest.fail("there is no lab")

    assert commands.verbs() == ["up", "down"]


def test_a_command_that_does_not_end_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(monkeypatch, up=[subprocess.TimeoutExpired("lab", 90)], down=["Stopped."])
    with pytest.raises(LabError, match=r"lab up` did not end within 90 s\."):  # noqa: SIM117
        with lab_under_test.own_lab("none"):
            pytest.fail("there is no lab")

    assert commands.verbs() == ["up", "down"]


def test_sigterm_stops_the_lab_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes an exception, so that the lab is stopped on the way out; the handler is restored."""
    before = signal.getsignal(signal.SIGTERM)
    commands = Commands(monkeypatch, up=["Ready"], status=[status()], down=["Stopped."])
    with pytest.raises(SystemExit) as ended, lab_under_test.own_lab("none"):
        os.kill(os.getpid(), signal.SIGTERM)

    assert ended.value.code == 128 + signal.SIGTERM
    assert commands.verbs()[-1] == "down"
    assert signal.getsignal(signal.SIGTERM) == before


def test_in_a_thread_there_is_no_signal_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the main thread may set one."""
    Commands(monkeypatch, up=["Ready"], status=[status()], down=["Stopped."])
    found: list[Addresses] = []

    def use() -> None:
        with lab_under_test.own_lab("none") as addresses:
            found.append(addresses)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(5)

    assert found == [Addresses(SHOP, OBSERVER)]


@pytest.fixture(name="verified")
def _verified(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Addresses]]:
    """The incidents that were verified, each with its addresses; all hold."""
    done: list[tuple[str, Addresses]] = []

    def record(incident: Any, where: Addresses, *_: object) -> Any:
        done.append((incident.name, where))
        return Verification(incident.name, incident.title, "by a test", "seat", where.shop, 1.0, ())

    monkeypatch.setattr(command, "verify", record)
    Commands(monkeypatch, up=["Ready"], status=[status()], down=["Stopped."])
    return done


def test_the_running_incident_is_verified_on_the_running_lab(
    run_dir: Path, running: Running, verified: list[tuple[str, Addresses]]
) -> None:
    """Another one on a lab of its own, so that the running one is not switched."""
    running(incident="price-typo")
    assert verify.main(["--format", "json"]) == 0
    assert verify.main(["--incident", "none", "--format", "json"]) == 0

    assert [name for name, _ in verified] == ["price-typo", "none"]


def test_without_a_lab_the_default_incident_is_verified(
    run_dir: Path, verified: list[tuple[str, Addresses]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main(["--format", "json"]) == 0

    assert [name for name, _ in verified] == ["invalid-token"]
    assert "invalid-token: starting a lab of its own ..." in capsys.readouterr().err


def test_all_incidents_are_verified_in_turn(
    run_dir: Path, verified: list[tuple[str, Addresses]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main(["--all", "--format", "json"]) == 0
    names = [incident["name"] for incident in json.loads(capsys.readouterr().out)["incidents"]]

    assert names == [name for name, _ in verified]
    assert {"invalid-token", "price-typo", "none"} <= set(names)


def test_a_missing_address_is_that_of_the_running_lab(
    run_dir: Path,
    running: Running,
    verified: list[tuple[str, Addresses]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The secret goes with the shop: that of the lab for its own, SEAT_SECRET for another."""
    running(seats=True)
    secret = seat_secret.read_or_make(run_dir)
    assert verify.main(["--observer", "http://other.test/", "--format", "json"]) == 0
    monkeypatch.setenv("SEAT_SECRET", "of the other shop")
    assert verify.main(["--shop", "http://shop.test/", "--format", "json"]) == 0

    assert [where for _, where in verified] == [
        Addresses(SHOP, "http://other.test", secret),
        Addresses("http://shop.test", OBSERVER, "of the other shop"),
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [(LabError("No."), 2), (UsageError("No."), 2), (KeyboardInterrupt(), 130)],
)
def test_what_cannot_be_verified_has_its_own_exit_code(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    """Neither 0 nor 1, which are results."""

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(command, "_verify_all", fail)
    assert verify.main([]) == code


@pytest.mark.parametrize("text", ["soon", "-1", "601", "nan"])
def test_a_time_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify.main(["--within", text])

    assert ended.value.code == 2
    assert "is not a number of seconds from 0 to 600" in capsys.readouterr().err
