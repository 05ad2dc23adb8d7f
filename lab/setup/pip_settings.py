"""The environment of pip: of its settings only those that say where packages come from.

A `pip.conf` may send packages elsewhere (`user`, `target`, `prefix`) or add constraints. It may also name
the one index that a company's network reaches. So pip is asked once what it would use, and gets back the
second kind alone. Standard library only.
"""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

from lab.child_environment import Purpose, environment_of

_WHERE_FROM = frozenset(
    {
        *("index-url", "extra-index-url", "trusted-host", "find-links", "no-index"),
        *("cert", "client-cert", "proxy", "timeout", "default-timeout", "cache-dir", "keyring-provider"),
    }
)
# Later ones count more, as in pip itself.
_SECTIONS = ("global", "install", "download", ":env:")
_TIMEOUT_S = 30


def environment(python: Path) -> dict[str, str]:
    """The environment for `python -m pip`, in which no configuration file counts any more."""
    kept = environment_of(Purpose.DOWNLOAD)
    found = _variables(_listed(python, kept))
    kept = {name: value for name, value in kept.items() if not name.startswith("PIP_")}
    return kept | found | {"PIP_CONFIG_FILE": os.devnull}


def _listed(python: Path, variables: dict[str, str]) -> str:
    """What `pip config list` prints; nothing where it fails, as it does on a file that it cannot read."""
    try:
        done = subprocess.run(
            [os.fspath(python), "-m", "pip", "config", "list"],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _variables(listing: str) -> dict[str, str]:
    """The settings in lines like `global.index-url='ADDRESS'` that pass, as variables of pip."""
    values: dict[str, str] = {}
    for section in _SECTIONS:
        for line in listing.splitlines():
            key, equals, quoted = line.partition("=")
            name = key.removeprefix(f"{section}.")
            if not equals or name == key or name not in _WHERE_FROM:
                continue
            try:
                value = ast.literal_eval(quoted)
            except (ValueError, SyntaxError):
                continue
            # Several values stand on lines of their own in a file, and behind each other in a variable.
            values[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(str(value).split())
    return values
