"""Makes an offline bundle: the project's files with the packages that set it up on a machine like this one.

Standard library only. The packages come through pip and npm, each checked against its pinned hash; what
the unpacked bundle looks like is `lab.setup.bundle_format`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab import cli, paths, terminal
from lab.child_environment import Purpose, environment_of
from lab.errors import SetupError, UsageError, unwritable
from lab.setup import browser_files, bundle_format, environment, venv_stamp
from runtime import VERSION
from runtime.chromium import find_browser
from runtime.installation import COMMAND

TOP = "hipster-lab"
"""The folder that unpacking makes."""
SUFFIX = ".tar.gz"


@dataclass(frozen=True, slots=True)
class Project:
    """The project's files as git lists them (relative to `root`), and its commit.

    `changed` counts tracked files that differ from the commit, `left_out` files that git does not track.
    """

    root: Path
    files: tuple[str, ...]
    commit: str
    changed: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Written:
    """A finished bundle."""

    file: Path
    size_bytes: int
    target: bundle_format.Target


def write(file: Path, level: str, project: Project, progress: terminal.Progress) -> Written:
    """Make the bundle of `level` (and those below it). Raises SetupError or LabError; never a half file."""
    with tempfile.TemporaryDirectory(prefix="lab-bundle-") as scratch:
        folder = Path(scratch)
        wheels, archives = folder / bundle_format.WHEELS, folder / bundle_format.ARCHIVES
        progress.step("Collecting the packages, each checked against its pinned hash …")
        _download(venv_stamp.requirements_file(level).read_text("utf-8"), wheels)
        progress.step("Collecting the files for the browser …")
        archives.mkdir()
        groups = ("lab", "dev") if level == cli.DEV else ("lab",)
        browser_files.fetch(archives, browser_files.manifest(groups), paths.environment_python())
        glibc = bundle_format.lowest_glibc(path.name for path in wheels.iterdir())
        target = replace(bundle_format.this_machine(), glibc=glibc)
        description = bundle_format.description(target, _covered(level), project.commit)
        (folder / bundle_format.DESCRIPTION).write_text(description, "utf-8")
        progress.step(f"Writing {file} …")
        return Written(file, _pack(file, project, folder), target)


def level_of(*, with_tests: bool) -> str:
    """The level to bundle: the tests' on request, else the browser driver's where a browser is."""
    if with_tests:
        return cli.DEV
    return cli.BROWSER if find_browser() else cli.LAB


def default_name() -> str:
    """The file's name: version, system, machine and Python, as they must match on the other machine."""
    here = bundle_format.this_machine()
    return f"{TOP}-{VERSION}-{here.system.lower()}-{here.machine}-py{here.python}{SUFFIX}"


def destination(given: Path | None) -> Path:
    """The file to write: the given one, or one of the default name in the given or the current folder."""
    file = Path(default_name()) if given is None else given
    if file.is_dir():
        file = file / default_name()
    if not file.name.endswith(SUFFIX):
        raise UsageError(f"{file} does not end in {SUFFIX}.", f"Name the bundle like {default_name()}.")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {file.absolute().parent}.", "Make it first.")
    return file


def project_of(root: Path) -> Project:
    """What git tracks in `root`. Raises SetupError where git or the clone is missing."""
    tracked = _git(root, "ls-files", "-z", "--cached")
    # Students' names or notes of the instructor must not travel along.
    untracked = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    changed = _git(root, "diff", "--name-only", "-z", "HEAD")
    files = tuple(name for name in _names(tracked) if (root / name).is_file())
    commit = _git(root, "rev-parse", "--short", "HEAD").strip()
    return Project(root, files, commit, len(_names(changed)), len(_names(untracked)))


def _names(listing: str) -> list[str]:
    return [name for name in listing.split("\0") if name]


def _git(root: Path, *words: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", os.fspath(root), *words],
            env=environment_of(Purpose.DOWNLOAD),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise SetupError(
            "There is no git here, which lists the files of a bundle.", "Install git, and run this again."
        ) from None
    if result.returncode:
        reason = result.stderr.strip().partition("\n")[0]
        raise SetupError(
            f"git cannot list the files of this folder ({reason}).",
            f"Run `{COMMAND} bundle` in a clone; hand an unpacked bundle on as the file that it came from.",
        )
    return result.stdout


def _download(lock: str, folder: Path) -> None:
    folder.mkdir()
    python = os.fspath(paths.environment_python())
    command = [python, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"]
    # The lock names every package: nothing is left to resolve. A source package could not be built offline.
    command += ["--retries", "2", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as requirements:
        requirements.write(for_every_micro_version(lock))
        requirements.flush()
        result = environment.run_tool([*command, "-r", requirements.name, "-d", os.fspath(folder)])
    if result.returncode:
        raise environment.explain(result.stdout, "The packages could not be collected")


def for_every_micro_version(lock: str) -> str:
    """A lock with what any micro version of this Python needs: 3.11.2 needs one package more than 3.11.7."""
    own = re.escape(bundle_format.this_machine().python)
    always = "python_version >= '3'"
    return re.sub(rf"python_full_version\s*[<>=!]+\s*'{own}\.\d+'", always, lock)


def _covered(level: str) -> dict[str, str]:
    """The levels whose every pin is one of `level`, with the hash of their lock."""
    pins = _pins(level)
    below = venv_stamp.LEVELS[1 : venv_stamp.LEVELS.index(level) + 1]
    return {name: bundle_format.lock_hash(name) for name in below if _pins(name) <= pins}


def _pins(level: str) -> set[str]:
    text = venv_stamp.requirements_file(level).read_text("utf-8")
    return set(re.findall(r"^[a-z0-9][^\s;]*==[^\s;]+", text, re.MULTILINE))


def _pack(file: Path, project: Project, packages: Path) -> int:
    """Write the archive and return its size in bytes."""
    partial = file.with_name(file.name + ".part")
    try:
        with tarfile.open(partial, "w:gz", compresslevel=6) as tar:
            for name in project.files:
                tar.add(project.root / name, f"{TOP}/{name}", recursive=False, filter=_without_owner)
            for path in sorted(packages.rglob("*")):
                inside = f"{TOP}/{paths.BUNDLE.name}/{path.relative_to(packages).as_posix()}"
                tar.add(path, inside, recursive=False, filter=_without_owner)
        size_bytes = partial.stat().st_size
        partial.replace(file)
    except OSError as error:
        raise unwritable(file.absolute().parent, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return size_bytes


def _without_owner(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def summary(written: Written, project: Project) -> Sequence[str]:
    """Lines for people: the file, whom it fits, how to use it, what was left out."""
    lines = [
        f"{written.file}: {written.size_bytes / 1e6:.0f} MB, commit {project.commit}.",
        f"It is for {written.target}, and needs no network there:",
        "",
        f"  tar xzf {written.file.name} && cd {TOP}",
        f"  python{written.target.python} -m lab up",
    ]
    if project.changed:
        changed = terminal.counted(project.changed, "file")
        lines += ["", f"{changed} not committed yet: bundled as changed in this folder."]
    if project.left_out:
        lines += ["", f"{terminal.counted(project.left_out, 'file')} not tracked by git: left out."]
    return lines
