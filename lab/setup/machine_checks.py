"""The checks of `lab doctor`: one finding per requirement of the lab. Standard library only; read-only."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lab import cli, paths
from lab.errors import LabError
from lab.plan import topology
from lab.plan.free_ports import is_free
from lab.setup import browser_files, environment
from lab.setup.findings import BAD, GOOD, NOTE, Finding
from lab.setup.venv_stamp import is_prepared, read_stamp
from lab.state import runfile
from runtime.chromium import find_browser
from runtime.installation import COMMAND

_WRITABLE = "Make it writable." if paths.INSTALLED else "Clone the project where you may write."
NEEDED_FILES = 1_024
NEEDED_MEMORY_BYTES = 700 * 1024 * 1024
NEEDED_DATA_BYTES = 300 * 1024 * 1024


def all_findings() -> list[Finding]:
    """Run every check, in the order in which a new user meets the requirements."""
    checks: tuple[Callable[[], Finding], ...] = (
        _system,
        _python,
        environment_state,
        _npm,
        browser,
        _ports,
        _disk,
        _memory,
        open_files,
        _running,
    )
    return [check() for check in checks]


def _system() -> Finding:
    release = platform.release()
    if sys.platform == "linux":
        wsl = " under WSL" if "microsoft" in release.lower() else ""
        return Finding("system", GOOD, f"Linux{wsl}, {platform.machine()}")
    if sys.platform == "darwin":
        return Finding(
            "system",
            NOTE,
            f"macOS, {platform.machine()}: every process gets an interpreter of its own, so it starts slower",
        )
    return Finding("system", BAD, platform.system(), "Use Linux or macOS; on Windows, a WSL terminal.")


def _python() -> Finding:
    version = platform.python_version()
    if importlib.util.find_spec("ensurepip") is None and not is_prepared(cli.LAB):
        return Finding(
            "Python",
            BAD,
            f"{version}, without the venv module",
            "Debian, Ubuntu: sudo apt install python3-venv",
        )
    return Finding("Python", GOOD, f"{version} ({sys.executable})")


def environment_state() -> Finding:
    """Whether `.venv` holds what the verbs need."""
    if paths.INSTALLED:
        return Finding("environment", GOOD, f"installed in {paths.ENVIRONMENT}")
    stamp = read_stamp(paths.ENVIRONMENT)
    if stamp is None:
        return Finding(
            "environment", NOTE, "not made yet", f"The first `{COMMAND} up` makes it; that needs the network."
        )
    level = stamp.get("level", cli.LAB)
    if not is_prepared(level):
        return Finding("environment", NOTE, "older than the clone", "The next command brings it up to date.")
    return Finding("environment", GOOD, f".venv holds what `{level}` needs")


def _npm() -> Finding:
    groups = ("lab",)
    if not browser_files.missing(paths.web_dir(), browser_files.manifest(groups)):
        return Finding("files for pages", GOOD, "installed; npm is not needed again")
    npm = shutil.which("npm")
    if npm:
        return Finding("npm", GOOD, npm)
    return Finding("npm", NOTE, "none; a Node.js (61 MB) will be downloaded for set-up and removed again")


def browser() -> Finding:
    """Whether `lab verify` can drive a real browser."""
    found = find_browser()
    if found is None:
        return Finding(
            "browser",
            NOTE,
            f"no Chromium or Chrome; `{COMMAND} verify` uses a simulated browser",
            "Debian, Ubuntu: sudo apt install chromium. Elsewhere: set CHROMIUM_PATH.",
        )
    return Finding("browser", GOOD, str(found))


def _ports() -> Finding:
    if runfile.read(paths.run_dir()) is not None:
        return Finding("ports", GOOD, "in use by this folder's own lab")
    taken = []
    for service, port in topology.ports():
        if port.fixed is not None:
            try:
                free = is_free("127.0.0.1", port.fixed)
            except LabError:
                free = False
            if not free:
                taken.append(f"{port.fixed} ({port.label or service.name})")
    if taken:
        return Finding(
            "ports",
            BAD,
            f"in use by another program: {', '.join(taken)}",
            f"Stop it, or start with --free-ports, or with --port (see `{COMMAND} up --help`).",
        )
    return Finding("ports", GOOD, "the fixed ones are free")


def _disk() -> Finding:
    folder = _written_folder()
    free = shutil.disk_usage(folder).free
    needed = NEEDED_DATA_BYTES
    if not (paths.INSTALLED or is_prepared(cli.LAB)):
        needed += environment.NEEDED_BYTES
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk",
            BAD,
            f"{folder} cannot be written",
            _WRITABLE,
        )
    verdict = GOOD if free >= needed else BAD
    remedy = "" if verdict == GOOD else f"Free some: the lab needs {needed / 1e9:.1f} GB."
    return Finding("disk", verdict, f"{free / 1e9:.1f} GB free", remedy)


def _written_folder() -> Path:
    """The clone, or of the user's data folder of an installed tool what is there of it."""
    if not paths.INSTALLED:
        return paths.ROOT
    folder = paths.data_dir()
    return next(each for each in (folder, *folder.parents) if each.exists())


def _memory() -> Finding:
    available = available_memory_bytes()
    if available is None:
        return Finding("memory", NOTE, "unknown on this system; the lab takes about 0.4 GB")
    verdict = GOOD if available >= NEEDED_MEMORY_BYTES else NOTE
    remedy = "" if verdict == GOOD else "Close something: the lab takes about 0.4 GB, with a browser 0.7 GB."
    return Finding("memory", verdict, f"{available / 1e9:.1f} GB available", remedy)


def available_memory_bytes() -> int | None:
    """Memory that programs may still take (on macOS: all of it), or None where it is not known."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "darwin":
        memory = subprocess.run(["sysctl", "-n", "hw.memsize"], capture_output=True, text=True, check=False)
        return int(memory.stdout) if memory.stdout.strip().isdecimal() else None
    return None


def open_files() -> Finding:
    """How many files a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= NEEDED_FILES:
        return Finding("open files", GOOD, f"{soft} allowed per process")
    return Finding(
        "open files",
        NOTE,
        f"{soft} allowed per process (at most {hard})",
        f"For a class: ulimit -n {NEEDED_FILES}",
    )


def _running() -> Finding:
    running = runfile.read(paths.run_dir())
    if running is None:
        return Finding("lab", GOOD, "not running")
    return Finding("lab", GOOD, f"running (process {running.pid}, incident {running.incident})")
