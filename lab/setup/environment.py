"""Makes or repairs `.venv`: interpreter, locked packages, browser files.

Standard library only. pip always works; uv is used where it is found, and pip
takes over when it fails. An incomplete environment has no stamp and is completed
by the next run. Where an offline bundle was unpacked, its packages are used and no network.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lab import cli, paths, terminal
from lab.child_environment import Purpose, environment_of
from lab.errors import LabError, SetupError, unwritable
from lab.setup import browser_files, bundle_format, pip_settings, venv_stamp
from lab.setup.one_at_a_time import one_at_a_time

PATH_FILE = "hipster-lab.pth"
_LOCKED = re.compile(r"^([\w.-]+)==[^\s;]+ *\\?$", re.MULTILINE | re.ASCII)
NEEDED_BYTES = 600 * 1024 * 1024

# Output of pip and uv -> message and remedy. The first match counts.
_Causes = tuple[tuple[tuple[str, ...], str, str], ...]
# When only the packages of an offline bundle may be installed.
_BUNDLE_CAUSES: _Causes = (
    (
        ("DO NOT MATCH THE HASHES", "Hash mismatch", "hash mismatch"),
        "A package of the offline bundle is damaged.",
        "Remove this folder, copy the bundle again from where it was made, and unpack it anew.",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        "The offline bundle has no package that fits this machine.",
        "Make a bundle on a machine like this one, or remove the folder .lab-bundle and go online.",
    ),
)
_CAUSES: _Causes = (
    (
        ("PATH separator",),
        "Python makes no environment in a folder whose path has a colon in it.",
        "Move this folder to one without a colon, and run the command again.",
    ),
    (
        ("surrogates not allowed",),
        "Python makes no environment in a folder whose path holds bytes that are no UTF-8.",
        "Rename the folder (its name is shown with \\udc where it is not text), and run the command again.",
    ),
    (
        ("No space left on device", "Disk quota exceeded"),
        "The disk is full.",
        "Free about 600 MB where this folder lives and run the command again.",
    ),
    (
        ("DO NOT MATCH THE HASHES", "Hash mismatch", "hash mismatch"),
        "A downloaded package is not the one that the requirements pin by its hash.",
        "Check the package index or proxy that pip is set up with, and run the command again.",
    ),
    (
        ("Read-only file system", "Permission denied", "[Errno 13]"),
        "The environment in .venv cannot be written.",
        "Make this folder writable, or clone the project where you may write.",
    ),
    (
        (
            "NewConnectionError",
            "name resolution",
            "Network is unreachable",
            "Connection refused",
            "timed out",
        ),
        "The package index cannot be reached.",
        "The first run needs the network (later ones do not): connect, and run the command again.",
    ),
    (
        ("Max retries exceeded", "ConnectTimeout", "dns error", "error sending request", "ProxyError"),
        "The package index cannot be reached.",
        "The first run needs the network (later ones do not): connect, and run the command again.",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        "The package index does not offer what the requirements pin.",
        "Check the network and the index that pip is set up with, and run the command again.",
    ),
    (
        ("subprocess-exited-with-error", "Failed building wheel", "Failed to build"),
        "A package offers nothing ready-made for this Python on this machine.",
        "Use Python 3.11 to 3.14 on Linux or macOS (x86-64 or arm64), or install a C compiler.",
    ),
)


def prepare(level: str) -> None:
    """Bring the environment to this level. Raises SetupError (or LabError) with the cause and the remedy."""
    if not venv_stamp.requirements_file(level).exists():
        raise SetupError(
            f"This copy of Hipster Lab has no locked requirements ({paths.REQUIREMENTS} is missing).",
            "Run the command in a clone of the repository, or install one with: pip install --editable",
        )
    with one_at_a_time():
        if venv_stamp.is_prepared(level):
            return
        began = time.monotonic()
        progress = terminal.Progress()
        try:
            _make(level, progress)
        finally:
            progress.close()
        terminal.note(f"Prepared the environment in {time.monotonic() - began:.0f} s.")


def _make(level: str, progress: terminal.Progress) -> None:
    environment = paths.ENVIRONMENT
    stamp = environment / venv_stamp.STAMP
    level = max(level, _level_before(environment), key=venv_stamp.LEVELS.index)
    bundle = bundle_format.read(paths.BUNDLE)
    wheels = bundle.wheels_for(level) if bundle else None
    with contextlib.suppress(OSError):
        stamp.unlink()
    if not _is_sound(environment):
        progress.step("Making an environment in .venv (once) …")
        make_environment(environment)
    progress.step("Installing packages, each checked against its pinned hash (once) …")
    install_packages(environment, venv_stamp.requirements_file(level), wheels)
    progress.step("Fetching the files for the browser (once) …")
    groups = ("lab", "dev") if level == cli.DEV else ("lab",)
    python = paths.environment_python(environment)
    archives = bundle.archives if bundle else None
    browser_files.install(paths.web_dir(environment), browser_files.manifest(groups), python, archives)
    _find_the_clone_from(environment)
    progress.step("Compiling what a lab starts with (once) …")
    # Without it, the first start does so: nothing depends on its success.
    run_tool([os.fspath(python), "-m", "lab.run.compile_ahead"])
    stamp.write_text(json.dumps({"level": level, **venv_stamp.fingerprint(level)}), "utf-8")


def make_environment(environment: Path) -> None:
    """Make a new environment with pip. Raises SetupError when this Python cannot."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "This Python cannot make environments: its venv module is not installed.",
            "On Debian or Ubuntu: sudo apt install python3-venv. Then run the command again.",
        )
    _check_room(environment.parent)
    result = run_tool([sys.executable, "-m", "venv", "--clear", os.fspath(environment)])
    if result.returncode:
        raise explain(result.stdout, "The environment in .venv could not be made")


def install_packages(environment: Path, requirements: Path, wheels: Path | None = None) -> None:
    """Install exactly what a lock names, hashes checked. Raises SetupError with the cause.

    With `wheels`, a folder of an offline bundle, nothing is asked of the network.
    """
    python = os.fspath(paths.environment_python(environment))
    offline = ["--no-index", "--find-links", os.fspath(wheels)] if wheels else []
    locked = [*offline, "--require-hashes", "-r", os.fspath(requirements)]
    uv = shutil.which("uv")
    installed = uv and not run_tool([uv, "pip", "install", "--quiet", "--python", python, *locked]).returncode
    # A setting of uv may have sent the packages elsewhere.
    if installed and not absent_packages(environment, requirements):
        return
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # Not compiled here, as most modules are never imported: see `compile_ahead`.
    command += ["--retries", "2", "--no-compile", *locked]
    result = run_tool(command)
    if result.returncode:
        causes = _BUNDLE_CAUSES + _CAUSES if wheels else _CAUSES
        raise explain(result.stdout, "The packages could not be installed", causes)


def absent_packages(environment: Path, requirements: Path) -> list[str]:
    """The packages that a lock names without a condition and that are not in this environment."""
    there = {
        _normal(found.name.removesuffix(".dist-info").rpartition("-")[0])
        for folder in (environment / "lib").glob("python3*/site-packages")
        for found in folder.glob("*.dist-info")
    }
    named = _LOCKED.findall(requirements.read_text("utf-8"))
    return [name for name in named if _normal(name) not in there]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _level_before(environment: Path) -> str:
    level = (venv_stamp.read_stamp(environment) or {}).get("level")
    return level if level in venv_stamp.LEVELS else cli.NOTHING


def _is_sound(environment: Path) -> bool:
    """Whether its interpreter runs and has pip; neither survives a moved clone or a system upgrade."""
    python = paths.environment_python(environment)
    if not os.access(python, os.X_OK):
        return False
    return (
        run_tool(
            [os.fspath(python), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
        ).returncode
        == 0
    )


def _site_packages(environment: Path) -> Path:
    found = sorted((environment / "lib").glob("python3*/site-packages"))
    if not found:
        raise SetupError(
            "The environment in .venv is broken.", "Remove the folder .venv and run the command again."
        )
    return found[0]


def _find_the_clone_from(environment: Path) -> None:
    """Make the clone's packages importable from any folder with this environment's Python.

    As a line of code, because the name of a folder may hold a line break or bytes that are no text.
    """
    line = f"import os, sys; sys.path.append(os.fsdecode({os.fsencode(paths.ROOT)!r}))\n"
    (_site_packages(environment) / PATH_FILE).write_text(line, "ascii")


def _check_room(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise unwritable(folder, OSError(errno.EACCES, "not writable"))
    if shutil.disk_usage(folder).free < NEEDED_BYTES:
        raise SetupError(
            f"The disk that holds {folder} has less than 600 MB left, which set-up needs.",
            "Free some space and run the command again.",
        )


def run_tool(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run pip, uv or venv, with its whole output in `stdout`."""
    pip = list(command[1:3]) == ["-m", "pip"]
    return subprocess.run(
        command,
        env=pip_settings.environment(Path(command[0])) if pip else environment_of(Purpose.DOWNLOAD),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def explain(output: str, what: str, causes: _Causes = _CAUSES) -> LabError:
    """The error for a failed tool; its whole output is written to a file."""
    log = paths.run_dir() / "setup.log"
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(output, "utf-8")
    for marks, message, remedy in causes:
        if any(mark in output for mark in marks):
            return SetupError(message, remedy)
    last = next(
        (line.strip() for line in reversed(output.splitlines()) if line.strip()), "no reason was given"
    )
    return SetupError(f"{what}: {last}", f"The whole output: {log}")
