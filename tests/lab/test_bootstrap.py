"""What set-up decides before anything is installed: which level, whether the stamp holds, what to say."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from lab import __main__ as entry, cli
from lab.errors import LabError, SetupError
from lab.setup import bootstrap, browser_files, environment, venv_stamp as stamps
from tests.helpers import REPO


def test_old_and_new_interpreters_are_refused() -> None:
    """One sentence with the versions that will do, and a command to try."""
    assert entry.unsupported((3, 12), "linux") == ""
    for version in ((3, 9), (3, 15)):
        text = entry.unsupported(version, "darwin")
        assert "3.11 to 3.14" in text
        assert "-m lab" in text


def test_windows_is_sent_to_wsl() -> None:
    """A plain sentence, whatever the version."""
    assert "WSL" in entry.unsupported((3, 12), "win32")


def test_without_a_browser_no_driver_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` needs the browser's driver only where a browser is."""
    monkeypatch.setattr(bootstrap, "find_browser", lambda: None)
    assert bootstrap.level_needed(cli.BROWSER, []) == cli.LAB
    monkeypatch.setattr(bootstrap, "find_browser", lambda: Path("/usr/bin/chromium"))
    assert bootstrap.level_needed(cli.BROWSER, []) == cli.BROWSER


def test_help_installs_nothing() -> None:
    """`lab up --help` and `lab verify --help` answer at once."""
    assert bootstrap.level_needed(cli.LAB, ["--help"]) == cli.NOTHING


def _environment(folder: Path, level: str, **changed: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text("#!/bin/sh\n", "utf-8")
    python.chmod(0o755)
    stamp = {"level": level, **stamps.fingerprint(level), **changed}
    (folder / stamps.STAMP).write_text(json.dumps(stamp), "utf-8")
    return folder


def test_a_stamp_that_holds_needs_no_second_look(tmp_path: Path) -> None:
    """A higher level serves a lower one, not the other way round."""
    made = _environment(tmp_path / "env", cli.BROWSER)

    assert stamps.is_prepared(cli.LAB, made)
    assert stamps.is_prepared(cli.BROWSER, made)
    assert not stamps.is_prepared(cli.DEV, made)


@pytest.mark.parametrize(
    "changed", [{"requirements": "other"}, {"root": "/elsewhere"}, {"browser_files": "other"}]
)
def test_a_changed_lock_or_a_moved_clone_is_noticed(tmp_path: Path, changed: dict[str, str]) -> None:
    """Whatever the stamp was made from must be as it was."""
    made = _environment(tmp_path / "env", cli.LAB, **changed)

    assert not stamps.is_prepared(cli.LAB, made)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"level": "other"}'])
def test_a_broken_stamp_counts_as_none(tmp_path: Path, text: str) -> None:
    """An interrupted set-up is done again."""
    made = _environment(tmp_path / "env", cli.LAB)
    (made / stamps.STAMP).write_text(text, "utf-8")

    assert not stamps.is_prepared(cli.LAB, made)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying after NewConnectionError('Name or service not known')", "cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one"),
        ("error: subprocess-exited-with-error", "nothing ready-made"),
        ("Refusing to create a venv in a:b/.venv because it contains the PATH separator :.", "a colon"),
        ("error: [Errno 13] Permission denied: '.venv'", "cannot be written"),
        ("some new kind of failure", "some new kind of failure"),
    ],
)
def test_the_output_of_pip_becomes_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str, message: str
) -> None:
    """The cause in one sentence, and a remedy."""
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path))
    with pytest.raises(SetupError) as raised:
        raise environment.explain(output, "The packages could not be installed")

    assert message in raised.value.message
    assert raised.value.remedy


def test_a_missing_venv_module_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's Python without python3-venv."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match="venv") as raised:
        environment.make_environment(tmp_path / "env")

    assert "apt install python3-venv" in raised.value.remedy


def test_a_full_disk_is_reported_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No half-made environment on a disk that cannot hold it."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(LabError, match="600 MB"):
        environment.make_environment(tmp_path / "env")

    assert not (tmp_path / "env").exists()


MODULE = (
    b"var a=function(){return this};const b={};export{a as named,b as default};\n//# sourceMappingURL=x.map\n"
)


def _file(**changes: str) -> browser_files.BrowserFile:
    file = browser_files.BrowserFile(
        "x.js", "@a/b", "1.0", "sha512-", "dist/x.js", "MIT", "lab", global_name="Thing"
    )
    return replace(file, **changes)


def test_a_module_becomes_a_classic_script() -> None:
    """Its one export becomes an assignment; every other byte is as it was."""
    script = browser_files.as_classic_script(MODULE, _file())

    assert b"window.Thing=b;" in script
    assert b"export" not in script
    assert script.startswith(b'(function(){"use strict";\n' + MODULE[: MODULE.index(b"export")])
    assert script.rstrip().endswith(b"})();")


def test_a_module_of_another_shape_is_refused() -> None:
    """Better no file than a wrong one."""
    with pytest.raises(SetupError, match="export"):
        browser_files.as_classic_script(b"export default 1;", _file())


def _archive(path: Path, member: str, content: bytes) -> str:
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(f"package/{member}")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def test_a_package_is_proved_by_its_hash(tmp_path: Path) -> None:
    """One changed byte and the package is refused."""
    archive = tmp_path / "a-b-1.0.tgz"
    integrity = _archive(archive, "dist/x.js", MODULE)
    browser_files.verify(archive, _file(integrity=integrity))

    assert browser_files.read_member(archive, _file()) == MODULE
    with archive.open("ab") as file:
        file.write(b"x")
    with pytest.raises(SetupError, match="not the one pinned"):
        browser_files.verify(archive, _file(integrity=integrity))


def test_the_manifest_pins_everything() -> None:
    """Each file has a version, a strong hash and a licence; the archive's name is npm's."""
    files = browser_files.manifest(["lab", "dev"])

    assert {file.target for file in files} == {
        "splunk-otel-web.js",
        "axe.min.js",
        "inter.woff2",
        "htmx.min.js",
    }
    assert all(file.integrity.startswith("sha512-") and file.licence for file in files)
    assert files[0].archive == "splunk-otel-web-2.5.1.tgz"


def test_compiled_modules_are_kept_whatever_the_setting_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting against them would make every start compile everything again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    entry.keep_bytecode()

    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    assert not sys.dont_write_bytecode


def test_npm_that_fails_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """npm's own first error line and what to do."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n", "utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(browser_files, "npm_command", lambda *_: [str(npm)])
    with pytest.raises(SetupError, match="ENOTFOUND") as raised:
        browser_files.install(tmp_path / "web", [_file()], Path(sys.executable))

    assert "network" in raised.value.remedy
    assert not (tmp_path / "web").exists()


@pytest.mark.parametrize("verb", [verb.name for verb in cli.VERBS if not verb.passes_on])
def test_help_of_every_verb_works_without_any_package(verb: str) -> None:
    """Plain Python, no site packages: help is answered in under a second of work."""
    result = subprocess.run(
        [sys.executable, "-S", "-m", "lab", verb, "--help"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert f"python3 -m lab {verb}" in result.stdout


@pytest.mark.parametrize("words", [["nonsense"], ["up", "--nonsense"], ["up", "--users", "many"]])
def test_wrong_words_are_refused_with_usage(words: list[str]) -> None:
    """Exit code 2 and the usage, no stack trace."""
    result = subprocess.run(
        [sys.executable, "-m", "lab", *words], cwd=REPO, capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert "usage: python3 -m lab" in result.stderr
    assert "Traceback" not in result.stderr
