"""An installed tool's set-up: whose files lie beside it, and the words by which its command is given."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from lab import cli, paths
from lab.errors import LabError, SetupError, UsageError
from lab.setup import browser_files, installed_tool
from runtime.installation import command_of


def distribution(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Install files into `folder` as a distribution; returns the folder of its metadata."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    rows = []
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{file},sha256={digest},{len(text.encode())}")
    (metadata / "RECORD").write_text("\n".join([*rows, f"{metadata.name}/RECORD,,"]), "utf-8")
    return metadata


@pytest.fixture(name="ours")
def _ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with ours in it, taken for the one that runs."""
    folder = tmp_path / "site-packages"
    metadata = distribution(
        folder, "hipster_lab", {"store/__init__.py": "ours = 1\n", "store/api.py": "a = 1\n"}
    )
    monkeypatch.setattr(paths, "ROOT", folder)
    monkeypatch.setattr(installed_tool, "METADATA", metadata)
    return folder


def test_what_was_installed_is_accepted(ours: Path) -> None:
    """Other distributions beside ours do not count while they have names of their own."""
    distribution(ours, "flask", {"flask/__init__.py": "theirs = 1\n"})

    installed_tool.check(cli.BY_NAME["status"])


def test_another_distribution_of_the_same_package_is_named_in_one_sentence(ours: Path) -> None:
    """Its `__init__` has our length: the hash tells them apart."""
    distribution(ours, "shelf", {"store/__init__.py": "othr = 1\n"})

    with pytest.raises(SetupError, match=r"store/__init__\.py .*: shelf uses the same name") as raised:
        installed_tool.check(cli.BY_NAME["status"])
    assert "pipx install hipster-lab" in raised.value.remedy
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [None, "another = 'length'\n"])
def test_a_module_that_is_gone_or_replaced_is_noticed(ours: Path, text: str | None) -> None:
    """Where nobody else has the name, the sentence says so."""
    (ours / "store" / "api.py").unlink()
    if text is not None:
        (ours / "store" / "api.py").write_text(text, "utf-8")

    with pytest.raises(SetupError, match=r"store/api\.py .*another program"):
        installed_tool.check(cli.BY_NAME["status"])


def test_without_a_record_nothing_is_compared(ours: Path) -> None:
    """Packagers of systems leave it out."""
    (ours / "hipster_lab-1.0.dist-info" / "RECORD").unlink()
    (ours / "store" / "api.py").unlink()

    installed_tool.check(cli.BY_NAME["status"])


def test_a_verb_of_clones_is_refused(ours: Path) -> None:
    """It says where the verb works."""
    assert ours.is_dir()
    with pytest.raises(UsageError, match="this is an installed tool"):
        installed_tool.check(cli.BY_NAME["test"])


def test_files_for_pages_are_fetched_once_or_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be written is named; a folder that was named is nobody's to fill."""
    monkeypatch.setenv("LAB_RUN_DIR", os.fspath(tmp_path / "run"))
    monkeypatch.setattr(paths, "web_dir", lambda: tmp_path / "web")
    fetched: list[Path] = []
    monkeypatch.setattr(browser_files, "install", lambda folder, *_: fetched.append(folder))
    monkeypatch.setenv("HIPSTERLAB_WEB_DIR", os.fspath(tmp_path))
    installed_tool.prepare()
    assert fetched == []

    monkeypatch.delenv("HIPSTERLAB_WEB_DIR")
    installed_tool.prepare()
    assert fetched == [tmp_path / "web"]

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(browser_files, "install", refuse)
    with pytest.raises(LabError, match="web cannot be written: Permission denied"):
        installed_tool.prepare()


def test_the_command_is_named_as_it_is_found(tmp_path: Path) -> None:
    """By its name where PATH leads to it, by its whole path where it leads nowhere or elsewhere."""
    mine, other = tmp_path / "my env" / "bin", tmp_path / "other" / "bin"
    for folder in (mine, other):
        folder.mkdir(parents=True)
        (folder / "hipster-lab").write_text("#!/bin/sh\n", "utf-8")
        (folder / "hipster-lab").chmod(0o755)

    assert command_of(mine.parent, tmp_path, os.fspath(mine)) == "hipster-lab"
    assert command_of(mine.parent, tmp_path, os.fspath(other)) == f"'{mine}/hipster-lab'"
    assert command_of(mine.parent, tmp_path, "/nonexistent") == f"'{mine}/hipster-lab'"
    assert command_of(tmp_path / "empty", tmp_path, "/nonexistent") == f"{sys.executable} -m lab"


def test_uvx_is_named_with_what_it_runs(tmp_path: Path) -> None:
    """Its environment is on nobody's PATH."""
    prefix = tmp_path / "archive-v0" / "abc"
    assert command_of(prefix, tmp_path) == "uvx hipster-lab"

    (tmp_path / "direct_url.json").write_text(json.dumps({"url": "file:///d/my lab.whl"}), "utf-8")
    assert command_of(prefix, tmp_path) == "uvx --from '/d/my lab.whl' hipster-lab"

    (tmp_path / "direct_url.json").write_text("[]", "utf-8")
    assert command_of(prefix, tmp_path) == "uvx hipster-lab"
