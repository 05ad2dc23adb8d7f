"""The checks before a class, in the order in which they fail in a room: network first, then the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lab import paths
from lab.errors import LabError
from lab.plan import topology
from lab.plan.free_ports import is_free
from lab.plan.host_addresses import LOOPBACK, WILDCARDS, own_address
from lab.setup import environment, machine_checks
from lab.setup.before_class import clock, firewall, own_addresses, power
from lab.setup.before_class.machine_reader import MachineReader
from lab.setup.before_class.own_addresses import OwnAddress
from lab.setup.findings import BAD, GOOD, NOTE, Finding
from lab.setup.venv_stamp import is_prepared
from lab.state import runfile, statusfile
from runtime.installation import COMMAND

SEATS = 30
JOIN_PATH = "/join"
# Measured: the lab with its load takes 450 MB, a busy seat 1.5 MB more.
LAB_BYTES = 450 * 1_000_000
SEAT_BYTES = 2 * 1_000_000
# The store's own bound (STORE_MAX_BYTES), its log beside it, and the logs.
CLASS_DISK_BYTES = 2_500 * 1_000_000
_PORTS = ("frontend:http", "observer:http")
_START = f"{COMMAND} up --class 30 --host 0.0.0.0"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the checks are about: the machine, its addresses (best first), its ports, a running lab.

    `host` is the address on which the running lab listens, empty when none runs.
    """

    machine: MachineReader
    addresses: Sequence[OwnAddress]
    shop_port: int
    observer_port: int
    host: str
    seats: int

    @property
    def join_urls(self) -> tuple[tuple[str, OwnAddress], ...]:
        """What to type on a phone, best first, each with its address."""
        return tuple((own.url(self.observer_port, JOIN_PATH), own) for own in self.addresses)


def situation(seats: int, kept_ports: Mapping[str, int]) -> Situation:
    """This machine and the lab that runs from this folder, or the one that would be started.

    `kept_ports` are those of a class that was stopped, by the topology's keys: its links name them.
    """
    addresses = own_addresses.read(own_address())
    shop, observer = (kept_ports.get(key) or topology.port(key).fixed or 0 for key in _PORTS)
    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is not None:
        urls = statusfile.read(run_dir)["urls"]
        shop, observer = (urlsplit(urls[name]).port or 80 for name in ("shop", "observer"))
        if running.host not in (*WILDCARDS, LOOPBACK):
            addresses = [own for own in addresses if own.address == running.host]
    host = running.host or WILDCARDS[0] if running else ""
    return Situation(MachineReader(), addresses, shop, observer, host, seats)


def findings(now: Situation) -> list[Finding]:
    """Everything but client isolation, which takes a second device (`isolation`)."""
    interface = now.addresses[0].interface if now.addresses else ""
    return [
        addresses(now),
        ports(now),
        firewall.finding(now.machine, (now.shop_port, now.observer_port), interface),
        clock.finding(now.machine),
        power.finding(now.machine),
        memory(now),
        processor(),
        disk(now),
        machine_checks.open_files(),
        machine_checks.environment_state(),
        machine_checks.browser(),
    ]


def addresses(now: Situation) -> Finding:
    """The addresses to write on the board."""
    if not now.addresses:
        return Finding(
            "addresses",
            BAD,
            "No other device can reach this machine: it is in no network.",
            "Join the room's network, or open a hotspot and let everybody join that.",
        )
    best = now.addresses[0]
    lines = tuple(f"{url}  ({own.described()})" for url, own in now.join_urls)
    if now.machine.is_wsl and not _is_mirrored(now.machine):
        return Finding(
            "addresses",
            BAD,
            "This machine is inside Windows (WSL), whose network other devices do not reach.",
            "Write `[wsl2]` and `networkingMode=mirrored` to .wslconfig in Windows, then `wsl --shutdown`.",
            lines,
        )
    if best.is_public:
        return Finding(
            "addresses",
            NOTE,
            f"{best.address} is a public address: the whole Internet may reach the lab.",
            "Use a network of the room, or a firewall that admits only the room.",
            lines,
        )
    if best.is_self_assigned or best.kind == "VPN":
        what = (
            "no router gave it an address" if best.is_self_assigned else "it has the addresses of a VPN only"
        )
        return Finding(
            "addresses",
            NOTE,
            f"This machine seems to be in no network of the room: {what}.",
            "Join the room's network, or open a hotspot and let everybody join that.",
            lines,
        )
    return Finding(
        "addresses",
        GOOD,
        "On a phone in the same network, type the first of these; a later one where it does not answer.",
        lines=lines,
    )


def _is_mirrored(machine: MachineReader) -> bool:
    mode = machine.run("wslinfo", "--networking-mode")
    return mode is not None and mode.text.strip() == "mirrored"


def ports(now: Situation) -> Finding:
    """Free for a lab to come, or served by the one that runs, and not on this machine only."""
    named = f"{now.shop_port} (the shop) and {now.observer_port} (the observer)"
    if now.host in (LOOPBACK, "::1", "localhost"):
        return Finding(
            "ports",
            BAD,
            "The lab that runs listens on this machine only.",
            f"Stop it ({COMMAND} down) and start it with: {_START}",
        )
    if now.host:
        return Finding("ports", GOOD, f"{named} are served by the lab that runs, on every network it is on.")
    taken = [str(port) for port in (now.shop_port, now.observer_port) if not _is_free(port)]
    if taken:
        return Finding(
            "ports",
            BAD,
            f"In use by another program: {' and '.join(taken)}.",
            "Stop it, or start the class with --port shop=NUMBER --port observer=NUMBER.",
        )
    return Finding("ports", GOOD, f"{named} are free.")


def _is_free(port: int) -> bool:
    try:
        return is_free("0.0.0.0", port)
    except LabError:
        return False


def isolation(now: Situation, reached: Sequence[str] | None) -> Finding:
    """Client isolation: known only from a second device. `reached` None: nobody listened for one."""
    if reached:
        devices = f"{len(reached)} other device{'' if len(reached) == 1 else 's'}"
        return Finding("client isolation", GOOD, f"{devices} reached this machine.", lines=tuple(reached))
    if reached is not None:
        return Finding(
            "client isolation",
            BAD,
            "No other device reached this machine while it listened.",
            "If a phone tried, a firewall or the network keeps devices apart: use a hotspot instead.",
        )
    url = (
        now.addresses[0].url(now.observer_port, JOIN_PATH if now.host else "/")
        if now.addresses
        else "its address"
    )
    listen = "" if now.host else f" run `{COMMAND} doctor --class --listen`,"
    return Finding(
        "client isolation",
        NOTE,
        "Whether this network keeps devices apart cannot be seen from one machine.",
        f"Put a phone into the same Wi-Fi, mobile data off,{listen} and open {url} on it.",
    )


def memory(now: Situation) -> Finding:
    """What is available against what the lab and the seats take; a running lab has taken its part."""
    needed = (0 if now.host else LAB_BYTES) + now.seats * SEAT_BYTES
    available = machine_checks.available_memory_bytes()
    if available is None:
        detail = f"Available memory is not known here; {now.seats} seats take {_gigabytes(needed)}."
        return Finding("memory", NOTE, detail, "Close what you do not need.")
    detail = f"{_gigabytes(available)} available; the class needs {_gigabytes(needed)} for {now.seats} seats."
    if available < needed:
        return Finding("memory", BAD, detail, "Close something.")
    if available < needed + LAB_BYTES:
        return Finding(
            "memory", NOTE, detail, "Close something: a browser on this machine takes 0.5 GB more."
        )
    return Finding("memory", GOOD, detail)


def processor() -> Finding:
    """Two cores serve thirty seats."""
    cores = os.cpu_count() or 1
    if cores < 2:
        return Finding("processor", NOTE, "One core only.", "Start without simulated users: --no-load.")
    return Finding("processor", GOOD, f"{cores} cores.")


def disk(now: Situation) -> Finding:
    """Room for the telemetry of the class, which is bounded, and for set-up if it is still to come."""
    free = shutil.disk_usage(paths.ROOT).free
    set_up = 0 if is_prepared("lab") else environment.NEEDED_BYTES
    detail = f"{_gigabytes(free)} free; a long class keeps up to {_gigabytes(CLASS_DISK_BYTES)} of telemetry."
    if free < set_up + machine_checks.NEEDED_DATA_BYTES:
        return Finding("disk", BAD, detail, f"Free some space, or give `{COMMAND} up` another --data.")
    if free < set_up + CLASS_DISK_BYTES:
        return Finding("disk", NOTE, detail, "Free some space, or bound the store with STORE_MAX_BYTES.")
    return Finding("disk", GOOD, detail)


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
