"""The offline bundle: what it holds, for whom it is, and set-up from it; no network is used."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab import cli, paths, terminal
from lab.errors import LabError, SetupError, UsageError
from lab.setup import browser_files, bundle_format, bundle_writing, environment, venv_stamp
from lab.setup.browser_files import BrowserFile
from lab.setup.bundle_format import Target
from tests.lab.conftest import call

HERE = Target("Linux", "x86_64", "3.11", "2.36")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a document, a program and a private file, whose packages come from this test."""
    clone = tmp_path / "clone"
    (clone / "lab").mkdir(parents=True)
    (clone / "README.md").write_text("# A shop\n", "utf-8")
    (clone / "lab" / "run").write_text("#!/bin/sh\n", "utf-8")
    (clone / "lab" / "run").chmod(0o755)
    git(clone, "init", "--quiet")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "begin")
    (clone / "names.txt").write_text("Ada\n", "utf-8")
    monkeypatch.setattr(paths, "ROOT", clone)
    monkeypatch.setattr(environment, "run_tool", deliver_wheels)
    monkeypatch.setattr(browser_files, "fetch", deliver_archives)
    return clone


def deliver_wheels(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Stands in for `pip download`."""
    folder = Path(words[words.index("-d") + 1])
    for name in ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl", "b-2-py3-none-any.whl"):
        (folder / name).write_bytes(b"wheel")
    assert "--require-hashes" in words
    return subprocess.CompletedProcess(words, 0, "")


def deliver_archives(folder: Path, files: Sequence[BrowserFile], _: Path) -> None:
    """Stands in for npm."""
    for file in files:
        (folder / file.archive).write_bytes(b"archive")


def unpacked(file: Path, folder: Path) -> Path:
    """The folder that a bundle unpacks to."""
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    [top] = folder.iterdir()
    return top


def test_a_bundle_holds_the_tracked_files_and_the_packages(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are in the folder; what git does not track, such as names of students, stays here."""
    monkeypatch.setattr(bundle_writing, "find_browser", lambda: None)
    (clone / "README.md").write_text("# Another shop\n", "utf-8")
    file = tmp_path / "lab.tar.gz"
    assert call("bundle", str(file)) == 0
    printed = capsys.readouterr().out

    top = unpacked(file, tmp_path / "there")
    assert (top / "README.md").read_text("utf-8") == "# Another shop\n"
    assert (top / "lab" / "run").stat().st_mode & 0o111
    assert not (top / "names.txt").exists()
    assert not (top / ".git").exists()
    found = bundle_format.read(top / ".lab-bundle")
    assert found is not None
    assert found.target == replace(bundle_format.this_machine(), glibc="2.17")
    assert [path.name for path in found.archives.iterdir()].count("splunk-otel-web-2.5.1.tgz") == 1
    assert set(found.levels) == {cli.LAB}
    assert "1 file not committed yet" in printed
    assert "1 file not tracked by git: left out." in printed
    assert f"python{found.target.python} -m lab up" in printed


@pytest.mark.parametrize(
    ("words", "browser", "levels", "groups"),
    [
        ([], None, {cli.LAB}, {"lab"}),
        ([], Path("/usr/bin/chromium"), {cli.LAB, cli.BROWSER}, {"lab"}),
        (["--with-tests"], None, {cli.LAB, cli.BROWSER, cli.DEV}, {"lab", "dev"}),
    ],
)
def test_a_bundle_covers_the_levels_that_are_needed(
    clone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    browser: Path | None,
    levels: set[str],
    groups: set[str],
) -> None:
    """The browser's driver only where a browser is, the tests on request; each with the levels below."""
    monkeypatch.setattr(bundle_writing, "find_browser", lambda: browser)
    assert call("bundle", str(tmp_path), *words) == 0

    found = bundle_format.read(
        unpacked(tmp_path / bundle_writing.default_name(), tmp_path / "x") / ".lab-bundle"
    )
    assert found is not None
    assert set(found.levels) == levels
    archives = {path.name for path in found.archives.iterdir()}
    assert archives == {item.archive for item in browser_files.manifest(groups)}


def test_packages_for_every_micro_version_are_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """3.11.2 needs a package that 3.11.7 does not, and a class has both."""
    monkeypatch.setattr(bundle_format, "this_machine", lambda: HERE)
    lock = "a==1 ; python_full_version < '3.11.3' \\\nb==2 ; python_full_version < '3.12.1' \\\n"

    assert bundle_writing.for_every_micro_version(lock) == (
        "a==1 ; python_version >= '3' \\\nb==2 ; python_full_version < '3.12.1' \\\n"
    )


def test_the_destination_is_a_file_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick's folder gets the default name; a name that could not be unpacked is refused."""
    monkeypatch.chdir(tmp_path)
    name = bundle_writing.default_name()
    assert name.startswith("hipster-lab-")
    assert bundle_writing.destination(None) == Path(name)
    assert bundle_writing.destination(tmp_path) == tmp_path / name
    assert bundle_writing.destination(tmp_path / "my.tar.gz") == tmp_path / "my.tar.gz"
    with pytest.raises(UsageError, match="does not end in"):
        bundle_writing.destination(tmp_path / "my.zip")
    with pytest.raises(UsageError, match="no folder"):
        bundle_writing.destination(tmp_path / "none" / "my.tar.gz")


def test_a_failing_step_leaves_no_file(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence instead: no network, a disk that cannot be written."""
    project = bundle_writing.project_of(clone)
    file = tmp_path / "none" / "x.tar.gz"
    with pytest.raises(LabError):
        bundle_writing.write(file, cli.LAB, project, terminal.Progress())
    failed = subprocess.CompletedProcess([], 1, "NewConnectionError")
    monkeypatch.setattr(environment, "run_tool", lambda _: failed)
    with pytest.raises(SetupError, match="cannot be reached"):
        bundle_writing.write(tmp_path / "x.tar.gz", cli.LAB, project, terminal.Progress())

    assert not list(tmp_path.glob("*.tar.gz*"))


def test_a_folder_that_is_no_clone_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a machine without git."""
    with pytest.raises(SetupError, match="git cannot list") as raised:
        bundle_writing.project_of(tmp_path)
    assert "clone" in raised.value.remedy
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="no git here"):
        bundle_writing.project_of(tmp_path)


# -- for whom


def test_the_oldest_glibc_that_every_wheel_runs_on() -> None:
    """Each wheel offers one or more; the one that demands most decides."""
    wheels = [
        "a-1-cp311-cp311-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64.whl",
        "b-1-cp311-cp311-manylinux2014_x86_64.whl",
        "c-1-py3-none-any.whl",
    ]
    assert bundle_format.lowest_glibc(wheels) == "2.17"
    assert bundle_format.lowest_glibc(wheels[2:]) == ""
    assert bundle_format.lowest_glibc(["d-1-cp311-abi3-musllinux_1_2_x86_64.whl"]) == ""


@pytest.mark.parametrize(
    ("made_for", "message"),
    [
        (HERE, ""),
        (replace(HERE, glibc="2.28"), ""),
        (replace(HERE, glibc="2.39"), "glibc 2.39 or newer"),
        (replace(HERE, python="3.13"), r"is for Python 3\.13; this is Python 3\.11"),
        (replace(HERE, machine="aarch64"), "is for Linux aarch64"),
        (Target("Darwin", "x86_64", "3.11"), r"this machine is Linux x86_64 \(glibc 2\.36\)"),
    ],
)
def test_a_bundle_for_another_machine_is_refused(made_for: Target, message: str) -> None:
    """Before anything is made, with what it is for and what is here."""
    if not message:
        bundle_format.require_fit(made_for, HERE)
        return
    with pytest.raises(SetupError, match=message) as raised:
        bundle_format.require_fit(made_for, HERE)
    assert raised.value.remedy


def test_another_python_of_this_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the right one is on PATH, the remedy is to use it."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(SetupError) as raised:
        bundle_format.require_fit(replace(HERE, python="3.12"), HERE)
    assert "python3.12 -m lab" in raised.value.remedy


# -- set-up from it


def bundle_in(folder: Path, **changes: object) -> Path:
    """A bundle of the level `lab` for this machine, with changes to its description."""
    levels = {cli.LAB: bundle_format.lock_hash(cli.LAB)}
    text = bundle_format.description(bundle_format.this_machine(), levels, "abc")
    (folder / bundle_format.WHEELS).mkdir(parents=True)
    (folder / bundle_format.ARCHIVES).mkdir()
    (folder / bundle_format.DESCRIPTION).write_text(json.dumps({**json.loads(text), **changes}), "utf-8")
    return folder


@pytest.fixture(name="commands")
def _commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What set-up runs, and the archives it hands on, in an environment that seems sound."""
    made = tmp_path / "env"
    (made / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    commands: list[str] = []

    def run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        commands.append(" ".join(words))
        return subprocess.CompletedProcess(words, 0, "")

    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(paths, "ENVIRONMENT", made)
    monkeypatch.setattr(paths, "BUNDLE", tmp_path / "bundle")
    monkeypatch.setattr(environment, "_is_sound", lambda _: True)
    monkeypatch.setattr(environment, "run_tool", run)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(browser_files, "install", lambda *words: commands.append(f"archives {words[3]}"))
    monkeypatch.setattr(venv_stamp.is_prepared, "__defaults__", (made,))
    return commands


def test_set_up_takes_everything_from_the_bundle(tmp_path: Path, commands: list[str]) -> None:
    """The hashes are checked all the same; no index is asked."""
    folder = bundle_in(tmp_path / "bundle")
    environment.prepare(cli.LAB)

    assert f"--no-index --find-links {folder / 'wheels'} --require-hashes" in commands[0]
    assert commands[1] == f"archives {folder / 'npm'}"


def test_a_level_that_the_bundle_lacks_comes_over_the_network(tmp_path: Path, commands: list[str]) -> None:
    """So does everything after a change of the locks."""
    folder = bundle_in(tmp_path / "bundle", levels={cli.LAB: "an older lock"})
    environment.prepare(cli.LAB)

    assert "--no-index" not in commands[0]
    assert commands[1] == f"archives {folder / 'npm'}"


def test_without_a_bundle_nothing_changes(tmp_path: Path, commands: list[str]) -> None:
    """A clone has no such folder."""
    environment.prepare(cli.LAB)

    assert "--no-index" not in commands[0]
    assert commands[1] == "archives None"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "another version"),
        ({"format": None}, "another version"),
        ({"target": {"system": "Linux"}}, "damaged"),
        ({"target": "x"}, "damaged"),
        ({"levels": []}, "damaged"),
        ({"target": {"system": "Plan 9", "machine": "x", "python": "3.11"}}, "is for Plan 9 x"),
    ],
)
def test_a_bundle_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, commands: list[str], changes: dict[str, object], message: str
) -> None:
    """Damaged, made by another version, or for another machine: nothing is installed."""
    bundle_in(tmp_path / "bundle", **changes)
    with pytest.raises(SetupError, match=message) as raised:
        environment.prepare(cli.LAB)

    assert raised.value.remedy
    assert commands == []


def test_a_half_written_description_is_damage(tmp_path: Path) -> None:
    """As after a copy that was broken off."""
    (bundle_in(tmp_path / "bundle") / bundle_format.DESCRIPTION).write_text("{", "utf-8")
    with pytest.raises(SetupError, match="damaged"):
        bundle_format.read(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "is damaged"),
        ("ERROR: No matching distribution found for flask==3.1.3", "no package that fits"),
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_what_fails_offline_is_not_blamed_on_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    """The remedy is another copy of the bundle, not an index."""
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path))
    failed = subprocess.CompletedProcess([], 1, output)
    monkeypatch.setattr(environment, "run_tool", lambda _: failed)
    with pytest.raises(LabError, match=message):
        environment.install_packages(tmp_path, tmp_path / "lab.txt", tmp_path / "wheels")


def test_a_bundled_archive_is_used_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm is not looked for; a damaged archive is refused as any other is."""
    path = tmp_path / "a-b-1.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/x.js")
        info.size = 7
        tar.addfile(info, io.BytesIO(b"content"))
    digest = hashlib.sha512(path.read_bytes()).digest()
    integrity = "sha512-" + base64.b64encode(digest).decode()
    file = BrowserFile("x.js", "@a/b", "1.0", integrity, "x.js", "MIT", "lab")
    monkeypatch.setattr(browser_files, "npm_command", lambda *_: pytest.fail("npm was looked for"))

    browser_files.install(tmp_path / "web", [file], Path(sys.executable), tmp_path)
    assert (tmp_path / "web" / "x.js").read_bytes() == b"content"
    with path.open("ab") as damaged:
        damaged.write(b"x")
    with pytest.raises(SetupError, match="not the one pinned"):
        browser_files.install(tmp_path / "other", [file], Path(sys.executable), tmp_path)
