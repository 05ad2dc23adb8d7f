"""Where this machine has a Chromium or Chrome. Standard library only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VARIABLE = "CHROMIUM_PATH"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> Path | None:
    """The browser that `CHROMIUM_PATH` names, else the first one on `PATH` or where macOS keeps it."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return next((Path(path) for path in _MAC_PATHS if os.access(path, os.X_OK)), None)
