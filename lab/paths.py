"""Where things of this lab live. Standard library only in a clone; nothing here touches the disk.

A clone keeps all of it in its own folder. An installed tool keeps it in the user's standard folders, as
`platformdirs` names them: what is running and its logs, data and files for pages, rules of the user's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runtime import installation

INSTALLED = installation.IS_INSTALLED
ROOT = installation.ROOT
ENVIRONMENT = Path(sys.prefix) if INSTALLED else ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
# What an unpacked offline bundle brings along (lab/setup/bundle_format.py).
BUNDLE = ROOT / ".lab-bundle"
_DATA = "data"


def run_dir() -> Path:
    """The folder of the running lab; LAB_RUN_DIR names another one (tests run labs side by side)."""
    named = os.environ.get("LAB_RUN_DIR")
    if named:
        return Path(named).absolute()
    return _user_folder("state") if INSTALLED else ROOT / ".lab"


def data_dir() -> Path:
    """The folder of the store, the carts, the alerts and the class, where no other one is given."""
    if INSTALLED and not os.environ.get("LAB_RUN_DIR"):
        return _user_folder("data") / _DATA
    return run_dir() / _DATA


def rules_dir() -> Path | None:
    """The folder of the user's own rules of alerts, where the standard one is there."""
    if not INSTALLED:
        return None
    folder = _user_folder("config") / "detectors"
    return folder if folder.is_dir() else None


def environment_python(environment: Path = ENVIRONMENT) -> Path:
    """The interpreter inside an environment."""
    return environment / "bin" / "python"


def lab_python() -> Path:
    """The interpreter of the lab's processes: the environment's, also where this one is outside of it."""
    inside = environment_python()
    return inside if not inside_environment() and os.access(inside, os.X_OK) else Path(sys.executable)


def web_dir(environment: Path | None = None) -> Path:
    """Where the files for the browser are installed; those of an environment of a clone are inside it."""
    if environment is None and INSTALLED:
        return _user_folder("data") / "web"
    return (environment or ENVIRONMENT) / "web"


def shown(path: Path) -> str:
    """A folder as messages name it: short where it is in the clone or the user's home."""
    for base, prefix in ((ROOT, ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return prefix + path.relative_to(base).as_posix()
    return str(path)


def inside_environment() -> bool:
    """Whether this interpreter is the one of the clone's environment."""
    return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()


def _user_folder(kind: str) -> Path:
    # A dependency: there where the tool is installed, and not before a clone has its environment.
    import platformdirs

    folders = platformdirs.PlatformDirs(installation.NAME, appauthor=False)
    return {
        "state": folders.user_state_path,
        "data": folders.user_data_path,
        "config": folders.user_config_path,
    }[kind].absolute()
