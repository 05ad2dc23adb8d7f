"""`lab status`, `incident`, `seats` and `reset`, against a run folder that seems to hold a lab."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from classroom import ClassStore
from incidents import loading
from lab import cli, paths
from lab.commands import incident
from lab.control.app import create_app
from lab.control.changes import Changes
from lab.control.settings import Settings
from lab.errors import AlreadyRunning, NotRunning, UsageError
from lab.state import control_token, run_folder, runfile, seat_secret
from runtime import seats as seat_rule
from runtime.wsgi import Limits, WsgiServer
from tests.helpers import free_port
from tests.lab.conftest import URLS, Json, Running, call, row


def test_the_status_table_has_a_line_per_process(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its state, restarts and address, and the addresses to open below it."""
    running(
        [row("paymentservice", pid=os.getpid(), restarts=3, address="127.0.0.1:7001"), row("loadgen", "off")]
    )

    assert call("status") == 0
    head, first, second, *_, summary, urls = capsys.readouterr().out.splitlines()
    assert head.split() == ["PROCESS", "STATE", "PID", "RESTARTS", "ADDRESS", "MEMORY"]
    assert first.split()[:5] == ["paymentservice", "ready", str(os.getpid()), "3", "127.0.0.1:7001"]
    assert second.split() == ["loadgen", "off", "-", "0", "-", "-"]
    assert summary.startswith("Ready.")
    assert urls == f"shop {URLS['shop']}   observer {URLS['observer']}"


def test_status_of_a_lab_that_is_not_ready_exits_1(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table and as JSON alike."""
    running([row("frontend", "starting")], ready=False)

    assert call("status") == 1
    assert "Not ready yet." in capsys.readouterr().out
    assert call("status", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document == {"ready": False, "urls": URLS, "processes": [row("frontend", "starting")]}


@pytest.mark.parametrize(
    ("name", "words"),
    [("status", []), ("status", ["--json"]), ("load", []), ("seats", ["anna"]), ("incident", ["none"])],
)
def test_without_a_lab_the_error_says_how_to_start_one(run_dir: Path, name: str, words: list[str]) -> None:
    """One sentence, exit code 1."""
    with pytest.raises(NotRunning) as raised:
        call(name, *words)

    assert "lab up" in raised.value.remedy
    assert raised.value.exit_code == 1


def test_the_list_of_incidents_marks_the_running_one(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without a lab none."""
    running(incident="price-typo")
    assert call("incident") == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[1] for line in lines[:-2] if line.startswith("*")] == ["price-typo"]
    assert lines[-1] == "* runs now"
    assert "*" not in incident.listing("")


@pytest.fixture(name="control")
def _control(run_dir: Path) -> Iterator[str]:
    """The address of a control process that runs for this folder."""
    store = ClassStore(run_dir / "data" / run_folder.CLASS)
    token = control_token.make(run_dir)
    settings = Settings(
        token=token,
        flags_file=run_dir / run_folder.FLAGS,
        lab_status_file=run_dir / run_folder.STATUS,
        otlp_url=f"http://127.0.0.1:{free_port()}",
    )
    server = WsgiServer(create_app(Changes(store, settings), token), "127.0.0.1", 0, Limits(1))
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop()
    store.close()


def test_a_malformed_incident_is_one_line_and_takes_no_other_down(
    running: Running,
    control: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The list names it, switching to it says what is wrong, every other one is switched to as before."""
    data = tmp_path / "data"
    shutil.copytree(loading.DATA, data)
    data.joinpath("broken.toml").write_text('title = "T"\nflags = 3\n', "utf-8")
    monkeypatch.setattr(loading, "DATA", data)
    running([row("control", address=control)])
    assert call("incident") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("!")] == [
        "! broken.toml: flags: is 3; write a table: [flags]"
    ]
    assert any(line.split()[0] == "none" for line in lines)

    with pytest.raises(UsageError, match=r"broken.toml: flags: is 3\.") as raised:
        call("incident", "broken")
    assert raised.value.remedy == "Write a table: [flags]."
    assert call("incident", "none") == 0


def test_an_incident_is_switched_by_its_flag_file(
    run_dir: Path, running: Running, control: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The services read the file; the run file and the next list have the new name."""
    running([row("control", address=control)])
    assert call("incident", "none") == 0
    assert "none" in capsys.readouterr().out
    run = runfile.read(run_dir)

    assert run is not None
    assert run.incident == "none"
    assert json.loads((run_dir / run_folder.FLAGS).read_text("utf-8"))["flags"] is not None


@pytest.mark.parametrize(
    "rows", [[], [row("control", "restarting")], [row("control", address="127.0.0.1:1")]]
)
def test_an_incident_without_the_control_process_is_an_error(
    running: Running, rows: list[Json], capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence and where to look."""
    running(rows)
    assert cli.run(cli.BY_NAME["incident"], ["none"]) == 1

    assert "lab logs control" in capsys.readouterr().err


def test_the_class_is_printed_for_people_and_for_programs(
    run_dir: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed links of every seat, the join code, the passcode; `--add` enrols a late joiner."""
    running(seats=True)
    secret = seat_secret.read_or_make(run_dir)
    assert call("class", "--add", "Ana", "--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert found["join_url"] == f"{URLS['observer']}/join"
    assert found["desk_url"] == f"{URLS['observer']}/desk"
    [ana] = found["seats"]
    assert len(ana["code"]) == 6
    assert found["seats"] == [
        {
            "seat": "ana",
            "name": "Ana",
            "code": ana["code"],
            "url": f"{URLS['observer']}/workshop?seat=ana&sig={seat_rule.sign(secret, 'ana')}",
        }
    ]
    assert call("class") == 0
    printed = capsys.readouterr().out
    assert f"Ana\t{ana['code']}\t{ana['url']}" in printed
    assert f"code {found['join_code']}" in printed
    assert f"passcode {found['passcode']}" in printed


def test_a_lab_that_is_no_class_has_no_links(running: Running) -> None:
    running()
    with pytest.raises(UsageError, match="not a class"):
        call("class")


def test_an_incidents_flags_are_printed_without_a_lab(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` changes nothing."""
    assert call("incident", "invalid-token", "--json") == 0

    assert json.loads(capsys.readouterr().out)["flags"]
    assert not (run_dir / run_folder.FLAGS).exists()


def test_seats_by_name_and_by_number(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """In an open lab the links are unsigned."""
    running()
    assert call("seats", "Anna  Maria", "--count", "2") == 0

    assert capsys.readouterr().out.splitlines() == [
        f"Anna Maria\t{URLS['shop']}/?seat=Anna+Maria",
        f"seat-01\t{URLS['shop']}/?seat=seat-01",
        f"seat-02\t{URLS['shop']}/?seat=seat-02",
    ]


def test_seats_of_a_class_are_signed(
    run_dir: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the secret that is kept with the clone."""
    running(seats=True)
    secret = seat_secret.read_or_make(run_dir)
    assert call("seats", "anna", "--shop", "https://shop.example.org/") == 0

    expected = seat_rule.link("https://shop.example.org", "anna", secret)
    assert capsys.readouterr().out == f"anna\t{expected}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No names were given."),
        (["--count", "0"], "--count takes a number from 1 to 999."),
        (["--count", "1000"], "--count takes a number from 1 to 999."),
        (["<b>"], "is not a seat name"),
        (["anna", "--shop", "nowhere"], "--shop: "),
    ],
)
def test_wrong_words_for_seats_are_refused(
    running: Running, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Before anything is printed."""
    running()
    with pytest.raises(UsageError, match=message):
        call("seats", *words)

    assert capsys.readouterr().out == ""


def fill(folder: Path) -> None:
    for path in (folder / "store.sqlite3", folder / "carts.sqlite3", folder / "notes.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 500_000)


def test_reset_is_refused_while_a_lab_runs(run_dir: Path) -> None:
    """Nothing is deleted."""
    fill(run_dir / "data")
    claim = runfile.Claim(run_dir)
    with pytest.raises(AlreadyRunning):
        call("reset")
    claim.release()

    assert (run_dir / "data" / "store.sqlite3").exists()


def test_reset_deletes_the_data_the_logs_and_the_seats(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And leaves other files and the environment."""
    fill(run_dir / "data")
    seat_secret.read_or_make(run_dir)
    (run_dir / "logs").mkdir()
    (run_dir / "logs" / "observer.log").write_bytes(b"x" * 500_000)
    assert call("reset") == 0

    assert capsys.readouterr().out == "Freed 1.5 MB.\n"
    left = {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}
    assert left == {"data/notes.txt", run_folder.LOCK}


def test_reset_of_everything_and_of_another_data_folder(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--all` deletes the environment too, `--data` names the folder given to `up`."""
    monkeypatch.setattr(paths, "ENVIRONMENT", tmp_path / "env")
    fill(tmp_path / "env" / "lib")
    fill(tmp_path / "elsewhere")
    assert call("reset", "--all", "--data", str(tmp_path / "elsewhere")) == 0

    assert not (tmp_path / "env").exists()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["notes.txt"]
