"""Why a process does not start: the reason out of its own log, and what to do about it.

Knows what Python and the lab's processes write at their end; each cause has one remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lab.errors import StartError
from lab.plan import topology
from lab.plan.port_holder import holder
from lab.state import logfiles

_Cause = tuple[re.Pattern[str], Callable[[str, re.Match[str]], tuple[str, str]]]


def explained(log_dir: Path, name: str) -> StartError:
    """The error for a process that does not start: one sentence with its reason, and the remedy."""
    reason = logfiles.last_error(log_dir, name)
    for pattern, explain in _CAUSES:
        found = pattern.search(reason)
        if found:
            message, remedy = explain(name, found)
            return StartError(f"{name} does not start: {message}.", remedy)
    log = log_dir / f"{name}.log"
    return StartError(f"{name} does not start: {reason or 'it wrote no output'}", f"Its whole log: {log}")


def _setting(_name: str, found: re.Match[str]) -> tuple[str, str]:
    return found[0].rstrip("."), f"Correct {found['variable']} in your shell or unset it, and start again."


def _port(name: str, found: re.Match[str]) -> tuple[str, str]:
    address, why = found["address"], found["why"]
    port = int(address.rpartition(":")[2])
    program = holder(port)
    if program:
        why = f"it is in use by another program, {program}"
    options = _port_options(name)
    other = f" with --port {options}=NUMBER or" if options else ""
    return f"it cannot listen on {address}: {why}", f"Stop that program, or start{other} with --free-ports."


def _port_options(name: str) -> str:
    service = topology.BY_NAME.get(name)
    return next((port.option for port in service.ports if port.option), "") if service else ""


def _module(_name: str, found: re.Match[str]) -> tuple[str, str]:
    remedy = "Remove the folder .venv and run the command again, which installs it anew."
    return f"{found[0]} (a package is missing or damaged)", remedy


def _permission(_name: str, found: re.Match[str]) -> tuple[str, str]:
    path = found["path"]
    return (
        f"it may not use {path} (permission denied)",
        f"Make {path} yours to read and write, or give --data.",
    )


def _no_space(_name: str, _found: re.Match[str]) -> tuple[str, str]:
    return "the disk is full", "Free some space, or give --data a folder on another disk."


def _open_files(_name: str, _found: re.Match[str]) -> tuple[str, str]:
    return "it may not open enough files", "Allow more, and start again: ulimit -n 1024"


_CAUSES: tuple[_Cause, ...] = (
    (re.compile(r"(?P<variable>[A-Z][A-Z0-9_]+)=\S.* is not understood: .*"), _setting),
    (re.compile(r"cannot listen on (?P<address>\S+:\d+): (?P<why>[^;]*)"), _port),
    (re.compile(r"(ModuleNotFoundError|ImportError): .*"), _module),
    (re.compile(r"Permission denied: '(?P<path>.+)'"), _permission),
    (re.compile(r"No space left on device|Disk quota exceeded"), _no_space),
    (re.compile(r"Too many open files"), _open_files),
)
