"""Whether this is a clone or an installed tool, and by which words its command is given.

A wheel's packages lie beside the folder of their own metadata; a clone's and a container's do not. Standard
library only: it is asked before anything is installed.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from runtime import VERSION

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the rooms: a clone, or `site-packages`."""
NAME = "hipster-lab"
METADATA = ROOT / f"hipster_lab-{VERSION}.dist-info"
IS_INSTALLED = METADATA.is_dir()


def command_of(prefix: Path, metadata: Path, path: str | None = None) -> str:
    """The words that start an installed tool of the environment `prefix`, as a person types them.

    `path` is searched for the command (default: PATH). The whole path where another, or none, is found there.
    """
    script = prefix / "bin" / NAME
    if _is_of_uvx(prefix):
        return _uvx(metadata)
    found = shutil.which(NAME, path=path)
    if found and (not script.exists() or os.path.samefile(found, script)):  # noqa: PTH121 - a string and a path
        return NAME
    return shlex.quote(str(script)) if script.exists() else f"{shlex.quote(sys.executable)} -m lab"


def _is_of_uvx(prefix: Path) -> bool:
    """Whether uv made this environment for one command: it lies in uv's cache, on nobody's PATH."""
    return any(folder.name.startswith("archive-v") for folder in prefix.parents)


def _uvx(metadata: Path) -> str:
    """The command of uv, with the file or address from which this tool came, where it was no index."""
    try:
        url = json.loads((metadata / "direct_url.json").read_text("utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"uvx {NAME}"
    return f"uvx --from {shlex.quote(str(url).removeprefix('file://'))} {NAME}"


COMMAND = command_of(Path(sys.prefix), METADATA) if IS_INSTALLED else "python3 -m lab"
"""How a person gives a command of the lab: `COMMAND up`."""
OF_THIS_FOLDER = "" if IS_INSTALLED else " from this folder"
"""Which lab is meant, in a sentence: a clone has its own, an installed tool each user's."""
