"""Whether this machine's clock can be trusted: every screen places a browser's events by it."""

from __future__ import annotations

import re

from lab.setup.before_class.machine_reader import MachineReader
from lab.setup.findings import BAD, GOOD, NOTE, Finding

WRONG_S = 1.0
"""From here on events of browsers and of services stand visibly apart on a line of time."""
FAR_OFF_S = 60.0
"""From here on a live screen misses what just happened."""
_COMPARE = "Compare it with a phone's clock, to the second."


def finding(machine: MachineReader) -> Finding:
    """Synchronized or not, and the offset where a time service reports it."""
    if machine.system != "linux":
        detail = "Whether the clock is synchronized could not be read without an administrator."
        return Finding("clock", NOTE, detail, _COMPARE)
    offset_s = _chrony_offset_s(machine)
    synchronized = True if offset_s is not None else _is_synchronized(machine)
    if synchronized is None:
        detail = "No time service answers here (timedatectl, chrony), so nothing is known of the clock."
        return Finding("clock", NOTE, detail, _COMPARE)
    if not synchronized:
        remedy = f"sudo timedatectl set-ntp true. {_COMPARE}"
        return Finding("clock", NOTE, "The clock is not synchronized.", remedy)
    if offset_s is None:
        offset_s = _timesyncd_offset_s(machine)
    if offset_s is None:
        return Finding("clock", GOOD, "The clock is synchronized.")
    detail = f"The clock is synchronized, {_duration(offset_s)} off."
    if offset_s < WRONG_S:
        return Finding("clock", GOOD, detail)
    verdict = BAD if offset_s >= FAR_OFF_S else NOTE
    return Finding(
        "clock", verdict, detail, "Wait until it is corrected; with chrony at once: sudo chronyc makestep."
    )


def _chrony_offset_s(machine: MachineReader) -> float | None:
    """The size of the clock's offset by chrony; None without chrony, or while it is not in step."""
    tracking = machine.run("chronyc", "-n", "tracking")
    if tracking is None or tracking.code or "Not synchronised" in tracking.text:
        return None
    found = re.search(r"^System time\s*: ([\d.]+) seconds", tracking.text, re.MULTILINE)
    return float(found[1]) if found else None


def _is_synchronized(machine: MachineReader) -> bool | None:
    shown = machine.run("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if shown is None or shown.code or shown.text.strip() not in ("yes", "no"):
        return None
    return shown.text.strip() == "yes"


def _timesyncd_offset_s(machine: MachineReader) -> float | None:
    """The size of the offset that systemd-timesyncd measured last, as in `Offset: -1.234ms`."""
    status = machine.run("timedatectl", "timesync-status")
    found = re.search(r"Offset: [+-]?(?:(\d+)min )?([\d.]+)(us|ms|s)\b", status.text if status else "")
    if found is None:
        return None
    minutes, number, unit = found.groups()
    return int(minutes or 0) * 60 + float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
