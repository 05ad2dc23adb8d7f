"""Whether this machine stays awake for the length of a class."""

from __future__ import annotations

import re

from lab.setup.before_class.machine_reader import MachineReader
from lab.setup.findings import GOOD, NOTE, Finding
from runtime.installation import COMMAND

_SUPPLIES = "/sys/class/power_supply"
_AWAKE_LINUX = f"systemd-inhibit --what=idle:sleep:handle-lid-switch {COMMAND} up …"
_AWAKE_MAC = f"caffeinate -dis {COMMAND} up …"
_GNOME = "org.gnome.settings-daemon.plugins.power"


def finding(machine: MachineReader) -> Finding:
    """A machine that sleeps ends every seat's page at once: on battery, idle, or by its lid."""
    if machine.system == "darwin":
        return _mac(machine)
    on_battery = _on_battery(machine)
    if on_battery:
        return Finding(
            "sleep", NOTE, "This machine runs on its battery.", "Plug it in, and start: " + _AWAKE_LINUX
        )
    if _never_sleeps(machine):
        return Finding("sleep", GOOD, "Sleep is switched off or held back.")
    if on_battery is not None and _lid_sleeps(machine):
        detail = "This machine sleeps when its lid is closed."
        return Finding("sleep", NOTE, detail, "Leave the lid open, or start: " + _AWAKE_LINUX)
    if _idle_sleeps(machine):
        return Finding(
            "sleep", NOTE, "The desktop puts this machine to sleep when idle.", "Start: " + _AWAKE_LINUX
        )
    return Finding("sleep", GOOD, "Nothing was found that would put this machine to sleep.")


def _on_battery(machine: MachineReader) -> bool | None:
    """None for a machine without a battery."""
    kinds = {
        name: (machine.text(f"{_SUPPLIES}/{name}/type") or "").strip() for name in machine.names(_SUPPLIES)
    }
    batteries = [name for name, kind in kinds.items() if kind == "Battery" and _is_own(machine, name)]
    if not batteries:
        return None
    return any(
        (machine.text(f"{_SUPPLIES}/{name}/status") or "").strip() == "Discharging" for name in batteries
    )


def _is_own(machine: MachineReader, supply: str) -> bool:
    """Whether it drives this machine, not a mouse (whose scope is `Device`)."""
    return (machine.text(f"{_SUPPLIES}/{supply}/scope") or "").strip() != "Device"


def _never_sleeps(machine: MachineReader) -> bool:
    target = machine.run("systemctl", "is-enabled", "sleep.target")
    if target is not None and target.text.strip() == "masked":
        return True
    listed = machine.run("systemd-inhibit", "--list", "--no-legend", "--no-pager")
    lines = listed.text.splitlines() if listed and listed.code == 0 else []
    return any(
        line.split()[-1] == "block" and {"sleep", "handle-lid-switch"} <= set(re.split(r"[:\s]+", line))
        for line in lines
        if line.split()
    )


def _lid_sleeps(machine: MachineReader) -> bool:
    """logind's default is to sleep; of its files the last setting counts."""
    texts = [machine.text("/etc/systemd/logind.conf") or ""]
    for folder in ("/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"):
        texts += [machine.text(f"{folder}/{name}") or "" for name in machine.names(folder)]
    settings = dict(re.findall(r"^(HandleLidSwitch\w*)=(\S+)", "\n".join(texts), re.MULTILINE))
    default = settings.get("HandleLidSwitch", "suspend")
    return settings.get("HandleLidSwitchExternalPower", default) not in ("ignore", "lock")


def _idle_sleeps(machine: MachineReader) -> bool:
    kind = machine.run("gsettings", "get", _GNOME, "sleep-inactive-ac-type")
    timeout = machine.run("gsettings", "get", _GNOME, "sleep-inactive-ac-timeout")
    if kind is None or timeout is None or kind.code or timeout.code:
        return False
    return kind.text.strip().strip("'") not in ("nothing", "") and timeout.text.strip() != "0"


def _mac(machine: MachineReader) -> Finding:
    settings = machine.run("pmset", "-g")
    found = re.search(r"^\s*sleep\s+(\d+)(.*)$", settings.text, re.MULTILINE) if settings else None
    source = machine.run("pmset", "-g", "batt")
    if source is not None and "Battery Power" in source.text:
        return Finding(
            "sleep", NOTE, "This machine runs on its battery.", f"Plug it in, and start: {_AWAKE_MAC}"
        )
    if found is None:
        detail = "Whether this machine sleeps when idle could not be read."
        return Finding("sleep", NOTE, detail, f"Leave the lid open, and start: {_AWAKE_MAC}")
    if found[1] == "0" or "sleep prevented" in found[2]:
        return Finding("sleep", GOOD, "This machine does not sleep when idle; leave its lid open.")
    minutes = f"{found[1]} minute{'' if found[1] == '1' else 's'}"
    detail = f"This machine sleeps after {minutes} without a touch, and when its lid is closed."
    return Finding("sleep", NOTE, detail, f"Leave the lid open, and start: {_AWAKE_MAC}")
