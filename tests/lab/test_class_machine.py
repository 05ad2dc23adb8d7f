"""What `doctor --class` reads from a machine: addresses, firewall, clock, sleep."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.setup.before_class import clock, firewall, own_addresses, power
from lab.setup.before_class.machine_reader import MachineReader, Output
from lab.setup.before_class.own_addresses import OwnAddress, RawAddress, best_first
from lab.setup.findings import BAD, GOOD, NOTE
from tests.lab.fakes.machine import FakeMachine

UP, LOOPBACK = 0x1, 0x9
PORTS = (8080, 8090)


# -- addresses


def test_the_address_of_the_rooms_network_comes_first() -> None:
    """Then its IPv6 address, other networks, self-assigned ones, a VPN; temporary ones after lasting ones."""
    found = [
        RawAddress("lo", LOOPBACK, "127.0.0.1"),
        RawAddress("tun0", UP, "10.8.0.2"),
        RawAddress("eth0", UP, "169.254.7.7"),
        RawAddress("eth1", UP, "192.168.9.9"),
        RawAddress("wlan0", UP, "2001:db8::b"),
        RawAddress("wlan0", UP, "2001:db8::a"),
        RawAddress("wlan0", UP, "192.168.1.20"),
        RawAddress("docker0", UP, "172.17.0.1"),
        RawAddress("eth2", 0, "10.0.0.9"),
        RawAddress("wlan0", UP, "fe80::1"),
        RawAddress("wlan0", UP, "2001:db8::c"),
    ]
    best = best_first(found, "192.168.1.20", temporary={"2001:db8::a"}, unusable={"2001:db8::c"})

    assert [own.address for own in best] == [
        "192.168.1.20",
        "2001:db8::b",
        "2001:db8::a",
        "192.168.9.9",
        "169.254.7.7",
        "10.8.0.2",
    ]
    assert best[0].url(8090, "/join") == "http://192.168.1.20:8090/join"
    assert best[1].url(8090, "/join") == "http://[2001:db8::b]:8090/join"
    assert [own.described() for own in (*best[:3], best[-1])] == [
        "wlan0, wireless",
        "wlan0, wireless, IPv6",
        "wlan0, wireless, IPv6, changes daily",
        "tun0, VPN",
    ]


def test_public_and_self_assigned_addresses_are_known() -> None:
    """One is open to the Internet, the other to a cable."""
    assert OwnAddress("8.8.8.8", "eth0").is_public
    assert not OwnAddress("192.168.1.20", "eth0").is_public
    assert not OwnAddress("2606:4700::1", "eth0").is_public
    assert OwnAddress("169.254.1.1", "eth0").is_self_assigned


def test_the_systems_own_list_holds_what_it_names_itself() -> None:
    """Loopback is in it with its flag, so that it can be left out; every address is one that can be bound."""
    listed = list(own_addresses._listed())

    assert any(raw.address == "127.0.0.1" and raw.flags & LOOPBACK == LOOPBACK for raw in listed)
    for own in own_addresses.read(""):
        family = socket.AF_INET6 if own.is_ipv6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((own.address, 0))


# -- firewall


RULES = "### tuple ### allow tcp 8090 0.0.0.0/0 any 0.0.0.0/0 in\n"
BOTH = RULES + "### tuple ### limit any 8000:8085 0.0.0.0/0 any 0.0.0.0/0 in\n"
UFW = {"/etc/ufw/ufw.conf": "# x\nENABLED=yes\n"}
FIREWALLD = {"firewall-cmd --state": "running\n", "firewall-cmd --get-zone-of-interface=wlan0": "home\n"}
DROPS = "table inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n"


@pytest.mark.parametrize(
    ("files", "programs", "root", "verdict", "text"),
    [
        ({}, {}, False, GOOD, "Neither ufw nor firewalld"),
        ({"/etc/ufw/ufw.conf": "ENABLED=no\n"}, {}, False, GOOD, "Neither ufw nor firewalld"),
        (UFW, {}, False, NOTE, "only root can read"),
        ({**UFW, "/etc/default/ufw": 'DEFAULT_INPUT_POLICY="ACCEPT"\n'}, {}, False, GOOD, "lets in"),
        ({**UFW, "/etc/ufw/user.rules": RULES}, {}, True, BAD, "out of port 8080"),
        ({**UFW, "/etc/ufw/user.rules": BOTH}, {}, True, GOOD, "8080 and 8090"),
        ({}, {"firewall-cmd --state": Output(252, "not running\n")}, False, GOOD, "Neither"),
        ({}, FIREWALLD, False, NOTE, "could not be read without root"),
        ({}, {**FIREWALLD, "firewall-cmd --zone=home --list-ports": "8080/tcp\n"}, False, BAD, "port 8090"),
        (
            {},
            {**FIREWALLD, "firewall-cmd --zone=home --list-ports": "8090/udp\n"},
            False,
            BAD,
            "8080 and 8090",
        ),
        ({}, {**FIREWALLD, "firewall-cmd --zone=home --list-ports": "1025-65535/tcp\n"}, False, GOOD, "lets"),
        ({}, {**FIREWALLD, "firewall-cmd --get-zone-of-interface=wlan0": "trusted"}, False, GOOD, "trusts"),
        ({}, {"systemctl is-active nftables": "active\n"}, False, NOTE, "Rules of nftables"),
        ({}, {"systemctl is-active nftables": Output(3, "inactive\n")}, False, GOOD, "Neither"),
        ({}, {"nft list ruleset": DROPS + "}}"}, True, NOTE, "no rule seems to accept"),
        ({}, {"nft list ruleset": DROPS}, False, GOOD, "Neither"),
        (
            {},
            {"nft list ruleset": DROPS + "tcp dport { 22, 8080-8090 } accept\n}}"},
            True,
            GOOD,
            "nftables let",
        ),
        ({}, {"nft list ruleset": ""}, True, GOOD, "nftables let"),
        ({}, {"iptables -S INPUT": "-P INPUT DROP\n"}, True, NOTE, "iptables drops"),
        (
            {},
            {"iptables -S INPUT": "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 8080:8090 -j ACCEPT\n"},
            True,
            GOOD,
            "iptables let",
        ),
    ],
)
def test_the_firewall_of_linux(
    files: Mapping[str, str], programs: Mapping[str, str | Output], root: bool, verdict: str, text: str
) -> None:
    """Off, on with exceptions or without; and what only root could read is named as such."""
    finding = firewall.finding(FakeMachine(files, programs, root=root), PORTS, "wlan0")

    assert (finding.verdict, text in finding.detail) == (verdict, True), finding
    assert verdict == GOOD or finding.remedy


MAC = "/usr/libexec/ApplicationFirewall/socketfilterfw"


@pytest.mark.parametrize(
    ("programs", "verdict", "text"),
    [
        ({}, NOTE, "could not be read"),
        ({f"{MAC} --getglobalstate": "Firewall is disabled. (State = 0)\n"}, GOOD, "is off"),
        (
            {
                f"{MAC} --getglobalstate": "Firewall is enabled. (State = 1)\n",
                f"{MAC} --getblockall": "Firewall has block all state set to disabled.\n",
            },
            NOTE,
            "once you have allowed it",
        ),
        (
            {
                f"{MAC} --getglobalstate": "Firewall is enabled. (State = 2)\n",
                f"{MAC} --getblockall": "Firewall is set to block all non-essential incoming connections.\n",
            },
            BAD,
            "blocks all",
        ),
    ],
)
def test_the_firewall_of_macos(programs: Mapping[str, str], verdict: str, text: str) -> None:
    """Off, on, or closed to everything."""
    finding = firewall.finding(FakeMachine(programs=programs, named="darwin"), PORTS, "en0")

    assert (finding.verdict, text in finding.detail) == (verdict, True), finding


def test_the_firewall_of_windows_is_not_seen_from_wsl() -> None:
    """The remedy is the command for Windows."""
    finding = firewall.finding(FakeMachine(wsl=True), PORTS, "eth0")

    assert finding.verdict == NOTE
    assert "-LocalPort 8080,8090" in finding.remedy


# -- clock


TIMEDATECTL = "timedatectl show -p NTPSynchronized --value"
CHRONY = "Reference ID    : 7F7F0101\nSystem time     : {} seconds slow of NTP time\nLeap status     : {}\n"


@pytest.mark.parametrize(
    ("programs", "verdict", "text"),
    [
        ({}, NOTE, "nothing is known"),
        ({TIMEDATECTL: Output(1, "Failed to connect to bus")}, NOTE, "nothing is known"),
        ({TIMEDATECTL: "no\n"}, NOTE, "not synchronized"),
        ({TIMEDATECTL: "yes\n"}, GOOD, "is synchronized."),
        ({TIMEDATECTL: "yes\n", "timedatectl timesync-status": "  Offset: +1.234ms\n"}, GOOD, "1 ms off"),
        ({TIMEDATECTL: "yes\n", "timedatectl timesync-status": "  Offset: -2.5s\n"}, NOTE, "2.5 s off"),
        ({TIMEDATECTL: "yes\n", "timedatectl timesync-status": " Offset: +2min 1s\n"}, BAD, "121.0 s off"),
        ({"chronyc -n tracking": CHRONY.format("0.000006523", "Normal")}, GOOD, "0 ms off"),
        ({"chronyc -n tracking": CHRONY.format("3.5", "Normal")}, NOTE, "3.5 s off"),
        (
            {"chronyc -n tracking": CHRONY.format("0.0", "Not synchronised"), TIMEDATECTL: "no\n"},
            NOTE,
            "not synchronized",
        ),
        ({"chronyc -n tracking": Output(1, "506 Cannot talk to daemon\n")}, NOTE, "nothing is known"),
    ],
)
def test_the_clock(programs: Mapping[str, str | Output], verdict: str, text: str) -> None:
    """Synchronized or not, by how much it is off, or not known."""
    finding = clock.finding(FakeMachine(programs=programs))

    assert (finding.verdict, text in finding.detail) == (verdict, True), finding
    assert verdict == GOOD or finding.remedy


def test_the_clock_of_macos_takes_an_administrator() -> None:
    """So it is compared by eye."""
    assert "phone" in clock.finding(FakeMachine(named="darwin")).remedy


# -- sleep


SUPPLY = "/sys/class/power_supply"
CHARGED = {f"{SUPPLY}/BAT0/type": "Battery\n", f"{SUPPLY}/BAT0/status": "Full\n"}
MOUSE = {
    f"{SUPPLY}/hid-0/type": "Battery\n",
    f"{SUPPLY}/hid-0/scope": "Device\n",
    f"{SUPPLY}/AC/type": "Mains\n",
}
LID_LEFT_ALONE = {"/etc/systemd/logind.conf.d/lid.conf": "[Login]\nHandleLidSwitch=ignore\n"}
INHIBITED = "root 0 root 812 systemd-inhibit idle:sleep:handle-lid-switch Unknown reason block\n"
GNOME = "gsettings get org.gnome.settings-daemon.plugins.power sleep-inactive-ac-"


@pytest.mark.parametrize(
    ("files", "programs", "verdict", "text"),
    [
        ({}, {}, GOOD, "Nothing was found"),
        (MOUSE, {}, GOOD, "Nothing was found"),
        ({**CHARGED, f"{SUPPLY}/BAT0/status": "Discharging\n"}, {}, NOTE, "battery"),
        (CHARGED, {}, NOTE, "lid is closed"),
        ({**CHARGED, "/etc/systemd/logind.conf": "#HandleLidSwitch=ignore\n"}, {}, NOTE, "lid is closed"),
        ({**CHARGED, **LID_LEFT_ALONE}, {}, GOOD, "Nothing was found"),
        (CHARGED, {"systemctl is-enabled sleep.target": Output(1, "masked\n")}, GOOD, "switched off"),
        (CHARGED, {"systemd-inhibit --list --no-legend --no-pager": INHIBITED}, GOOD, "held back"),
        (
            CHARGED,
            {"systemd-inhibit --list --no-legend --no-pager": INHIBITED.replace("block", "delay")},
            NOTE,
            "lid is closed",
        ),
        ({}, {f"{GNOME}type": "'suspend'\n", f"{GNOME}timeout": "1200\n"}, NOTE, "when idle"),
        ({}, {f"{GNOME}type": "'nothing'\n", f"{GNOME}timeout": "1200\n"}, GOOD, "Nothing was found"),
        ({}, {f"{GNOME}type": "'suspend'\n", f"{GNOME}timeout": "0\n"}, GOOD, "Nothing was found"),
    ],
)
def test_sleep_on_linux(
    files: Mapping[str, str], programs: Mapping[str, str | Output], verdict: str, text: str
) -> None:
    """On battery, by its lid, when idle, or held awake."""
    finding = power.finding(FakeMachine(files, programs))

    assert (finding.verdict, text in finding.detail) == (verdict, True), finding
    assert verdict == GOOD or "systemd-inhibit" in finding.remedy


@pytest.mark.parametrize(
    ("programs", "verdict", "text"),
    [
        ({}, NOTE, "could not be read"),
        ({"pmset -g": " sleep                1\n"}, NOTE, "after 1 minute without"),
        ({"pmset -g": " sleep                10\n"}, NOTE, "after 10 minutes without"),
        ({"pmset -g": " sleep                0\n"}, GOOD, "does not sleep"),
        ({"pmset -g": " sleep     1 (sleep prevented by caffeinate)\n"}, GOOD, "does not sleep"),
        ({"pmset -g": " sleep 0\n", "pmset -g batt": "Now drawing from 'Battery Power'\n"}, NOTE, "battery"),
    ],
)
def test_sleep_on_macos(programs: Mapping[str, str], verdict: str, text: str) -> None:
    """`pmset` names the minutes, and who prevents it."""
    finding = power.finding(FakeMachine(programs=programs, named="darwin"))

    assert (finding.verdict, text in finding.detail) == (verdict, True), finding
    assert verdict == GOOD or "caffeinate" in finding.remedy


# -- this machine


def test_this_machine_is_read_without_a_crash(tmp_path: Path) -> None:
    """Files and folders that are not there, programs that are not installed, exit codes and both streams."""
    machine = MachineReader()
    (tmp_path / "b").write_text("text", "utf-8")
    (tmp_path / "a").mkdir()
    program = "import sys; print('one'); sys.stderr.write('two'); sys.exit(3)"

    assert machine.system == sys.platform
    assert isinstance(machine.is_wsl, bool)
    assert isinstance(machine.is_root, bool)
    assert machine.names(str(tmp_path)) == ["a", "b"]
    assert machine.names(str(tmp_path / "none")) == []
    assert machine.text(str(tmp_path / "b")) == "text"
    assert machine.text(str(tmp_path / "a")) is None
    assert machine.run(str(tmp_path / "none")) is None
    output = machine.run(sys.executable, "-c", program)
    assert output is not None
    assert (output.code, sorted(output.text.split())) == (3, ["one", "two"])
