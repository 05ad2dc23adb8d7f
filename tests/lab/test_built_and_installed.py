"""The tool as others get it: an sdist, the wheel built from it, and a lab of it away from the clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import REPO, required_in_ci

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]

# Built in a process of its own: the backend works in the current folder.
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
NOT_COPIED = ("[.]venv", "[.]lab*", "[.]git", "[.]*_cache", "__pycache__", "*.egg-info", "node_modules")


def build(hook: str, source: Path, target: Path) -> Path:
    """What a hook of the build backend (PEP 517) makes of the folder `source`, in `target`."""
    target.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, hook, os.fspath(target)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the unpacked sdist of this clone, so that the sdist holds all of it."""
    folder = tmp_path_factory.mktemp("built")
    clone = folder / "clone"
    shutil.copytree(REPO, clone, ignore=shutil.ignore_patterns(*NOT_COPIED))
    sdist = build("build_sdist", clone, folder / "dist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    for name in ("pyproject.toml", "requirements/lab.txt", "deploy", "docs", "tests", "detectors", ".ci/run"):
        assert (source / name).exists(), f"{name} is not in the sdist"
    return build("build_wheel", source, folder / "dist")


class Installed:
    """The wheel in an environment of its own, used by a person with an empty home."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.work = folder / "elsewhere"
        self.command = folder / "env" / "bin" / "hipster-lab"
        self.home.mkdir()
        self.work.mkdir()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give one command of the tool, away from the clone."""
        path = f"{self.command.parent}:{os.environ['PATH']}"
        return subprocess.run(
            [os.fspath(self.command), *words],
            cwd=self.work,
            env={"HOME": os.fspath(self.home), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module", name="installed")
def _installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The installed tool; whatever runs of it is stopped."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", os.fspath(environment)], check=True)
    pip = [os.fspath(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, os.fspath(wheel)], capture_output=True, text=True, check=False)
    if done.returncode:
        required_in_ci(f"the wheel's packages cannot be installed here: {done.stderr.strip()}")
    tool = Installed(folder)
    yield tool
    tool.run("down")


def test_an_installed_wheel_runs_the_lesson_away_from_the_clone(installed: Installed) -> None:
    """Up, status, the whole chain, down; all of it in the home, and every advice names the command."""
    up = installed.run("up", "--detach", "--free-ports", "--no-load")
    assert up.returncode == 0, up.stdout + up.stderr
    status = installed.run("status")
    assert status.returncode == 0, status.stdout + status.stderr
    verified = installed.run("verify", "--driver", "script")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    down = installed.run("down")
    assert down.returncode == 0, down.stdout + down.stderr

    told = "".join(each.stdout + each.stderr for each in (up, status, verified, down))
    assert "python3 -m lab" not in told
    assert list(installed.work.iterdir()) == []
    assert (installed.home / ".local/share/hipster-lab/data").is_dir()
    assert (installed.home / ".local/share/hipster-lab/web").is_dir()
    assert (installed.home / ".local/state/hipster-lab").is_dir()


def test_an_installed_tool_refuses_what_needs_a_clone_and_names_its_own_command(installed: Installed) -> None:
    """A verb of clones and a collision are sentences; help and the version need nothing."""
    assert installed.run("--version").returncode == 0
    assert "python3 -m lab" not in installed.run("--help").stdout
    refused = installed.run("test")
    assert refused.returncode == 2
    assert "this is an installed tool" in refused.stderr

    [package] = (installed.command.parent.parent / "lib").glob("python3*/site-packages/store")
    opening = package / "__init__.py"
    ours = opening.read_bytes()
    opening.write_text("# another distribution's\n", "utf-8")
    collided = installed.run("status")
    opening.write_bytes(ours)
    assert collided.returncode == 1
    assert "store/__init__.py is not the one that hipster-lab installed" in collided.stderr
    assert "Traceback" not in collided.stderr


def test_the_wheel_holds_nothing_of_others_and_no_tests(wheel: Path) -> None:
    """Our packages and their data only: the files for pages come from npm, tests stay in the clone."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    assert "lab/setup/node.txt" in names
    assert "observer/templates/workshop/workshop.html" in names
    assert [name for name in names if name.startswith("detectors/") and name.endswith(".toml")]
