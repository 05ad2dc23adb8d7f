"""Runs our modules as a user without rights: root writes a file that nobody may write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.helpers import REPO, required_in_ci

USER = 65_534
_IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def _as_user() -> Sequence[str]:
    ids = (f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
    return ("setpriv", *ids) if _IS_ROOT else ()


@cache
def command() -> Sequence[str]:
    """The command of a Python with our libraries as that user; skips where there is none."""
    if _IS_ROOT and shutil.which("setpriv") is None:
        required_in_ci("setpriv is not installed")
    if not _IS_ROOT:
        return (sys.executable,)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for each in dict.fromkeys((sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}")):
        found = (*_as_user(), each)
        asked = [*found, "-c", "import flask, grpc, store.sqlite"]
        with tempfile.TemporaryFile() as sink:
            if subprocess.run(asked, env=environment(), cwd=REPO, stdout=sink, stderr=sink).returncode == 0:
                return found
    required_in_ci("no Python with our libraries can be started as another user")
    return ()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of such a process: its home is a folder that it may not write."""
    paths = os.pathsep.join((str(REPO), sysconfig.get_path("purelib")))
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        **(more or {}),
    }


@contextmanager
def folder_of_user() -> Iterator[Path]:
    """A folder that the user may read and write, outside of pytest's, which is root's alone."""
    path = Path(tempfile.mkdtemp(prefix="lab-user-"))
    try:
        path.chmod(0o755)
        give(path)
        yield path
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(path)], check=False)
        shutil.rmtree(path, ignore_errors=True)


def give(path: Path) -> None:
    """Make a file the user's."""
    if _IS_ROOT:
        os.chown(path, USER, USER)


def take(path: Path, mode: int = 0o444) -> None:
    """Make a file one that the user may not write: somebody else's, where we are root."""
    path.chmod(mode)
    if _IS_ROOT:
        os.chown(path, 0, 0)


def give_back(path: Path, mode: int = 0o644) -> None:
    """The remedy."""
    give(path)
    path.chmod(mode)
