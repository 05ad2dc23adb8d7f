"""`lab doctor --class`: network, ports, room for the seats, and what is printed."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.commands import doctor
from lab.errors import LabError, UsageError
from lab.setup import machine_checks
from lab.setup.before_class import checks, own_addresses, reach_test
from lab.setup.before_class.own_addresses import OwnAddress
from lab.setup.findings import BAD, GOOD, NOTE, Finding
from lab.state import class_file
from tests.lab.conftest import Running, call
from tests.lab.fakes.machine import FakeMachine

WIFI = OwnAddress("192.168.1.20", "wlan0", "wireless")
NOW = checks.Situation(FakeMachine(), (WIFI,), 8080, 8090, "", 30)


@pytest.mark.parametrize(
    ("addresses", "verdict", "text"),
    [
        ((WIFI,), GOOD, "type the first"),
        ((), BAD, "in no network"),
        ((OwnAddress("8.8.8.8", "eth0"),), NOTE, "whole Internet"),
        ((OwnAddress("169.254.1.1", "eth0"),), NOTE, "no router"),
        ((OwnAddress("10.8.0.2", "tun0", "VPN"),), NOTE, "VPN only"),
    ],
)
def test_the_addresses_to_write_on_the_board(
    addresses: tuple[OwnAddress, ...], verdict: str, text: str
) -> None:
    """Each as what to type on a phone; a network that is none of the room's is a warning."""
    finding = checks.addresses(replace(NOW, addresses=addresses))

    assert (finding.verdict, text in finding.detail) == (verdict, True)
    assert verdict == GOOD or finding.remedy
    for own, line in zip(addresses, finding.lines, strict=True):
        assert line.startswith(f"http://{own.address}:8090/join  ({own.interface}")


@pytest.mark.parametrize(("mode", "verdict"), [("nat", BAD), ("mirrored", GOOD), (None, BAD)])
def test_inside_windows_only_a_mirrored_network_is_reached(mode: str | None, verdict: str) -> None:
    """WSL's own address leads nowhere for a phone."""
    programs = {"wslinfo --networking-mode": f"{mode}\n"} if mode else {}
    finding = checks.addresses(replace(NOW, machine=FakeMachine(programs=programs, wsl=True)))

    assert finding.verdict == verdict


def test_ports_are_free_taken_or_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that listens on this machine only is the commonest mistake of an instructor."""
    monkeypatch.setattr(checks, "is_free", lambda _, port: port != 8090)
    taken = checks.ports(NOW)
    assert (taken.verdict, taken.detail) == (BAD, "In use by another program: 8090.")
    monkeypatch.setattr(checks, "is_free", lambda *_: True)
    assert checks.ports(NOW).verdict == GOOD
    served = checks.ports(replace(NOW, host="0.0.0.0"))
    assert (served.verdict, "served" in served.detail) == (GOOD, True)
    alone = checks.ports(replace(NOW, host="127.0.0.1"))
    assert alone.verdict == BAD
    assert "--host 0.0.0.0" in alone.remedy

    def refuse(*_: object) -> bool:
        raise LabError("Port 80 may only be used by the system's administrator.")

    monkeypatch.setattr(checks, "is_free", refuse)
    assert checks.ports(NOW).verdict == BAD


def test_the_running_labs_own_ports_and_address_are_used(
    run_dir: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it listens on, not what a lab to come would take."""
    other = OwnAddress("10.0.0.7", "eth0")
    monkeypatch.setattr(own_addresses, "read", lambda _: [WIFI, other])
    now = checks.situation(30, {})
    assert (now.host, now.addresses, now.shop_port, now.observer_port) == ("", [WIFI, other], 8080, 8090)
    running(host="10.0.0.7")
    document = json.loads((run_dir / "status.json").read_text("utf-8"))
    document["urls"].update(shop="http://10.0.0.7:9000", observer="http://10.0.0.7:9001")
    (run_dir / "status.json").write_text(json.dumps(document), "utf-8")
    now = checks.situation(30, {})

    assert (now.host, now.addresses) == ("10.0.0.7", [other])
    assert [url for url, _ in now.join_urls] == ["http://10.0.0.7:9001/join"]


def test_client_isolation_takes_a_second_device() -> None:
    """Unknown until somebody listened; then known either way, with how to try it."""
    unknown = checks.isolation(NOW, None)
    assert unknown.verdict == NOTE
    assert "mobile data off" in unknown.remedy
    assert "--listen" in unknown.remedy
    assert "http://192.168.1.20:8090/" in unknown.remedy
    while_running = checks.isolation(replace(NOW, host="0.0.0.0"), None)
    assert "--listen" not in while_running.remedy
    assert "http://192.168.1.20:8090/join" in while_running.remedy
    assert checks.isolation(replace(NOW, addresses=()), None).verdict == NOTE
    assert checks.isolation(NOW, []).verdict == BAD
    reached = checks.isolation(NOW, ["192.168.1.31", "192.168.1.32"])
    assert (reached.verdict, reached.detail) == (GOOD, "2 other devices reached this machine.")
    assert reached.lines == ("192.168.1.31", "192.168.1.32")


@pytest.mark.parametrize(
    ("available", "seats", "host", "verdict"),
    [
        (None, 30, "", NOTE),
        (400_000_000, 30, "", BAD),
        (600_000_000, 30, "", NOTE),
        (2_000_000_000, 30, "", GOOD),
        (1_000_000_000, 300, "", BAD),
        (600_000_000, 30, "0.0.0.0", GOOD),
    ],
)
def test_memory_for_the_seats(
    monkeypatch: pytest.MonkeyPatch, available: int | None, seats: int, host: str, verdict: str
) -> None:
    """A running lab has taken its part already."""
    monkeypatch.setattr(machine_checks, "available_memory_bytes", lambda: available)

    assert checks.memory(replace(NOW, seats=seats, host=host)).verdict == verdict


@pytest.mark.parametrize(("free_gb", "verdict"), [(0.2, BAD), (1.0, NOTE), (9.0, GOOD)])
def test_disk_for_the_telemetry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_gb: float, verdict: str
) -> None:
    """The store is bounded; below its bound it may fill the disk."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(free_gb * 1e9)))
    monkeypatch.setattr(checks, "is_prepared", lambda _: True)

    assert checks.disk(NOW).verdict == verdict


@pytest.mark.parametrize(("cores", "verdict"), [(None, NOTE), (1, NOTE), (2, GOOD)])
def test_cores(monkeypatch: pytest.MonkeyPatch, cores: int | None, verdict: str) -> None:
    """Thirty seats were measured on two."""
    monkeypatch.setattr(os, "cpu_count", lambda: cores)

    assert checks.processor().verdict == verdict


# -- the command


@pytest.fixture(name="found")
def _found(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Puts findings of these verdicts in place of this machine's; returns the seats asked about."""

    def put(*verdicts: str, host: str = "") -> list[int]:
        seats: list[int] = []
        findings = [Finding("clock", verdict, "detail", "remedy", ("line",)) for verdict in verdicts]

        def situation(number: int, _: object) -> checks.Situation:
            seats.append(number)
            return replace(NOW, host=host)

        monkeypatch.setattr(checks, "situation", situation)
        monkeypatch.setattr(checks, "findings", lambda _: findings)
        return seats

    return put


@pytest.mark.parametrize(
    ("verdicts", "code", "summary"),
    [
        ([GOOD, NOTE], 0, "A class can be held here."),
        ([GOOD, BAD], 1, "1 problem prevents a class here."),
        ([BAD, BAD], 1, "2 problems prevent a class here."),
    ],
)
def test_each_finding_is_a_sentence_and_a_remedy(
    found: Callable[..., list[int]],
    capsys: pytest.CaptureFixture[str],
    verdicts: list[str],
    code: int,
    summary: str,
) -> None:
    """Warnings do not stand in the way; problems do."""
    found(*verdicts)

    assert call("doctor", "--class") == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == summary
    assert sum("remedy" in line for line in lines) == len(verdicts)
    assert any(line.startswith("warning  client isolation") for line in lines)


def test_the_findings_as_json(found: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]) -> None:
    """With the addresses; nothing else on standard output."""
    found(BAD)
    assert call("doctor", "--class", "--json") == 1
    document = json.loads(capsys.readouterr().out)

    assert document["ok"] is False
    assert document["findings"][0] == {
        "name": "clock",
        "verdict": "problem",
        "detail": "detail",
        "remedy": "remedy",
        "lines": ["line"],
    }
    assert document["findings"][-1]["name"] == "client isolation"
    assert document["addresses"][0]["url"] == "http://192.168.1.20:8090/join"


def test_the_usual_findings_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor --json` without a class."""
    monkeypatch.setattr(machine_checks, "all_findings", lambda: [Finding("disk", GOOD, "9 GB free")])
    assert call("doctor", "--json") == 0

    assert json.loads(capsys.readouterr().out)["findings"][0]["verdict"] == "ok"


def test_the_number_of_seats(found: Callable[..., list[int]], run_dir: Path, tmp_path: Path) -> None:
    """Thirty, a number, or the names of a file; anything else is one sentence."""
    seats = found(GOOD)
    names = tmp_path / "names.txt"
    names.write_text("Ada\n\n# absent\nGrace\n", "utf-8")
    for words in ([], ["12"], [str(names)]):
        assert call("doctor", "--class", *words) == 0
    assert seats == [30, 12, 2]
    for wrong in ("0", "5000", str(tmp_path / "none.txt"), str(tmp_path)):
        with pytest.raises(UsageError) as raised:
            call("doctor", "--class", wrong)
        assert raised.value.remedy


def test_a_class_that_was_stopped_is_looked_for_at_its_own_ports(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its links name them; and its seats are counted where no number is given."""
    data = run_dir / "data"
    data.mkdir()
    with class_file.opened(data) as store:
        store.enrol(["Ada", "Grace"])
        store.keep_setting("up_options", json.dumps({"ports": {"observer:http": 9999}}))
    monkeypatch.setattr(own_addresses, "read", lambda _: [WIFI])
    now = doctor._situation("")

    assert (now.seats, now.shop_port, now.observer_port) == (2, 8080, 9999)


def test_listening_counts_the_devices_that_came(
    found: Callable[..., list[int]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is announced as it comes; one is enough to know that the network lets devices through."""
    found(GOOD)

    class Arriving:
        def __init__(self, port: int, own: list[str], arrived: Callable[[str, int], None]) -> None:
            assert (port, own) == (8090, ["192.168.1.20"])
            self.arrived = arrived

        def run(self, _: threading.Event) -> list[str]:
            self.arrived("192.168.1.31", 1)
            return ["192.168.1.31"]

    monkeypatch.setattr(reach_test, "ReachTest", Arriving)
    assert call("doctor", "--class", "--listen") == 0
    printed = capsys.readouterr()

    assert "http://192.168.1.20:8090/" in printed.err
    assert "1: 192.168.1.31 reached this machine." in printed.err
    assert "ok       client isolation  1 other device reached this machine." in printed.out


def test_listening_beside_a_running_lab_is_refused(found: Callable[..., list[int]]) -> None:
    """Its own join page is the better test; and `--listen` alone means nothing."""
    found(GOOD, host="0.0.0.0")
    with pytest.raises(UsageError, match="own pages") as raised:
        call("doctor", "--class", "--listen")
    assert "http://192.168.1.20:8090/join" in raised.value.remedy
    with pytest.raises(UsageError, match="belongs to --class"):
        call("doctor", "--listen")


def test_this_machine_has_every_finding(run_dir: Path) -> None:
    """Whatever it is, nothing crashes, and each finding that is not good has a remedy."""
    found = checks.findings(checks.situation(30, {}))

    assert [finding.name for finding in found][:5] == ["addresses", "ports", "firewall", "clock", "sleep"]
    for finding in found:
        assert finding.verdict in doctor.STYLES
        assert finding.detail
        assert finding.remedy or finding.verdict != BAD
