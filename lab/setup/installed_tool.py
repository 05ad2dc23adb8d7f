"""Set-up of an installed tool: whole packages of ours, and the files for pages in the user's own folder.

Its packages came with it, in an environment that somebody else made. Their names are plain (`store`,
`services`), so that another distribution in the same environment may have written over them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import cli, paths, terminal
from lab.errors import LabError, SetupError, UsageError
from lab.setup import browser_files
from lab.setup.one_at_a_time import one_at_a_time
from runtime.installation import METADATA, NAME


def check(verb: cli.Verb) -> None:
    """Raise UsageError for a verb of clones, SetupError where files of ours were replaced."""
    if verb.of_clones:
        raise UsageError(
            f"`{verb.name}` works on a clone of the repository; this is an installed tool.",
            f"In a clone: python3 -m lab {verb.name}",
        )
    changed = changed_files(paths.ROOT, METADATA)
    if changed:
        others = ", ".join(claimants(paths.ROOT, METADATA)) or "another program"
        raise SetupError(
            f"{changed[0]} is not the one that {NAME} installed: {others} uses the same name.",
            f"Install it into an environment of its own: pipx install {NAME}, or uv tool install {NAME}.",
        )


def prepare() -> None:
    """Fetch the files for pages that are missing, once. Raises SetupError or LabError with the remedy."""
    files = browser_files.manifest(("lab",))
    if os.environ.get("HIPSTERLAB_WEB_DIR") or not browser_files.missing(paths.web_dir(), files):
        return
    with one_at_a_time():
        progress = terminal.Progress()
        progress.step("Fetching the files for the browser (once) …")
        try:
            browser_files.install(paths.web_dir(), files, Path(sys.executable))
        except OSError as error:
            raise LabError(
                f"{paths.web_dir()} cannot be written: {error.strerror}.", "Make it writable."
            ) from error
        finally:
            progress.close()


def changed_files(folder: Path, metadata: Path) -> list[str]:
    """The Python files of ours in `folder` that are absent or of another size, or whose package is not ours.

    What opens a package is compared by its hash, the others by their size: a start has no time for more.
    """
    changed = []
    for name, digest, size in _recorded(metadata):
        path = folder / name
        try:
            if path.stat().st_size != size or (
                name.count("/") == 1 and name.endswith("/__init__.py") and _digest(path) != digest
            ):
                changed.append(name)
        except OSError:
            changed.append(name)
    return changed


def claimants(folder: Path, metadata: Path) -> list[str]:
    """The distributions beside ours that installed files of the same names or into the same packages."""
    own = {name.partition("/")[0] for name, _, _ in _recorded(metadata)}
    return sorted(
        other.name.partition("-")[0]
        for other in folder.glob("*.dist-info")
        if other != metadata and own & {name.partition("/")[0] for name, _, _ in _recorded(other)}
    )


def _recorded(metadata: Path) -> Iterator[tuple[str, str, int]]:
    """The Python files of a distribution, each with its hash and its size in bytes."""
    try:
        with (metadata / "RECORD").open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if len(row) == 3 and row[0].endswith(".py") and "/" in row[0] and row[2].isdecimal():
                    yield row[0], row[1].removeprefix("sha256="), int(row[2])
    except OSError:
        # Some packagers leave it out; then nothing can be compared.
        return


def _digest(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
