"""Where things of this clone live. Standard library only; nothing here touches the disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
RUN_DIR = ROOT / ".lab"
REQUIREMENTS = ROOT / "requirements"
# What an unpacked offline bundle brings along (lab/setup/bundle_format.py).
BUNDLE = ROOT / ".lab-bundle"


def run_dir() -> Path:
    """The folder of this clone's running lab; LAB_RUN_DIR names another one (tests run labs side by side)."""
    return Path(os.environ.get("LAB_RUN_DIR") or RUN_DIR).absolute()


def environment_python(environment: Path = ENVIRONMENT) -> Path:
    """The interpreter inside an environment."""
    return environment / "bin" / "python"


def web_dir(environment: Path = ENVIRONMENT) -> Path:
    """Where the files for the browser are installed."""
    return environment / "web"


def inside_environment() -> bool:
    """Whether this interpreter is the one of the clone's environment."""
    return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()
