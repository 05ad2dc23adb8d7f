"""An offline bundle as it lies unpacked in `.lab-bundle/`: for which machine it is, and what it brings.

Standard library only. `bundle.json` beside the wheels (`wheels/`) and the npm archives (`npm/`) records
the machine; `lab.setup.bundle_writing` makes the whole. A clone has no such folder.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import SetupError
from lab.setup.venv_stamp import requirements_file
from runtime.installation import COMMAND

FORMAT = 1
DESCRIPTION = "bundle.json"
WHEELS = "wheels"
ARCHIVES = "npm"
# The wheels' older names for a version of glibc (PEP 600).
_OLD_NAMES = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


@dataclass(frozen=True, slots=True)
class Target:
    """The machines that a bundle is for; `glibc` is the lowest version `2.N`, or empty outside glibc."""

    system: str
    machine: str
    python: str
    glibc: str = ""

    def __str__(self) -> str:
        libc = f" (glibc {self.glibc} or newer)" if self.glibc else ""
        return f"{self.system} {self.machine}{libc} with Python {self.python}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An unpacked bundle: `levels` maps the levels of set-up that it covers to the hash of their lock."""

    folder: Path
    target: Target
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def archives(self) -> Path:
        """The folder of the npm packages."""
        return self.folder / ARCHIVES

    def wheels_for(self, level: str) -> Path | None:
        """The folder of wheels that installs `level`, or None when the bundle does not cover its lock.

        Raises SetupError when it covers it for another machine than this one.
        """
        if self.levels.get(level) != lock_hash(level):
            return None
        require_fit(self.target, this_machine())
        return self.folder / WHEELS


def this_machine() -> Target:
    """This machine, with the version of its glibc."""
    name, version = platform.libc_ver() if sys.platform == "linux" else ("", "")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Target(platform.system(), platform.machine(), python, version if name == "glibc" else "")


def lock_hash(level: str) -> str:
    """The hash of a level's locked requirements."""
    return hashlib.sha256(requirements_file(level).read_bytes()).hexdigest()


def lowest_glibc(wheels: Iterable[str]) -> str:
    """The version of glibc that all of these wheel files run on; empty when none needs any."""
    lowest = 0
    for name in wheels:
        found = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", name)]
        found += [minor for old, minor in _OLD_NAMES.items() if f"{old}_" in name]
        lowest = max(lowest, min(found, default=0))
    return f"2.{lowest}" if lowest else ""


def require_fit(made_for: Target, here: Target) -> None:
    """Raise SetupError when a bundle made for `made_for` cannot be installed on `here`."""
    same_system = (made_for.system, made_for.machine) == (here.system, here.machine)
    if same_system and made_for.python != here.python:
        other = shutil.which(f"python{made_for.python}")
        raise SetupError(
            f"This offline bundle is for Python {made_for.python}; this is Python {here.python}.",
            f"Run the command with it: python{made_for.python} -m lab …"
            if other
            else f"Install Python {made_for.python}, or make a bundle with Python {here.python}.",
        )
    if not same_system or _minor(made_for.glibc) > _minor(here.glibc):
        raise SetupError(
            f"This offline bundle is for {made_for}; this machine is {_described(here)}.",
            f"Make one on a machine like this (`{COMMAND} bundle`), or remove .lab-bundle and go online.",
        )


def read(folder: Path) -> Bundle | None:
    """The bundle unpacked here; None when there is none. Raises SetupError when it is damaged."""
    try:
        stored = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        stored = None
    try:
        if stored["format"] != FORMAT:
            raise SetupError(
                "The offline bundle in .lab-bundle was made by another version of the lab.",
                "Make it again with this version, or remove the folder .lab-bundle to set up online.",
            )
        target = Target(**{key: str(value) for key, value in stored["target"].items()})
        levels = {str(level): str(lock) for level, lock in stored["levels"].items()}
    except (TypeError, KeyError, AttributeError):
        raise SetupError(
            "The offline bundle in .lab-bundle is damaged.",
            "Copy it again from where it was made and unpack it anew, or remove .lab-bundle and go online.",
        ) from None
    return Bundle(folder, target, levels)


def description(target: Target, levels: Mapping[str, str], commit: str) -> str:
    """The text of `bundle.json`."""
    found = {
        "format": FORMAT,
        "target": {
            "system": target.system,
            "machine": target.machine,
            "python": target.python,
            "glibc": target.glibc,
        },
        "levels": dict(levels),
        "commit": commit,
    }
    return json.dumps(found, indent=1) + "\n"


def _minor(version: str) -> int:
    """The second number of a version `2.N`; 0 for none."""
    minor = version.partition(".")[2]
    return int(minor) if minor.isdecimal() else 0


def _described(here: Target) -> str:
    libc = f" (glibc {here.glibc})" if here.glibc else ""
    return f"{here.system} {here.machine}{libc} with Python {here.python}"
