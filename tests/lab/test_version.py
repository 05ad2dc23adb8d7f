"""The version is written in one place, and the command line prints it."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest

import runtime
from lab import cli
from services.common import telemetry
from tests.helpers import REPO
from tests.test_architecture import ROOMS


def test_the_command_line_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`lab --version` prints it and ends with code 0."""
    with pytest.raises(SystemExit) as ended:
        cli.choose(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"Hipster Lab {runtime.VERSION}\n"


def test_telemetry_carries_it() -> None:
    """`service.version` of every service is the version of the lab."""
    assert telemetry.Identity("any").version == runtime.VERSION


def test_the_package_takes_it_from_the_runtime() -> None:
    """pyproject.toml reads it from `runtime` without importing anything else."""
    document = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))

    assert "version" not in document["project"]
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "runtime.VERSION"}
    assert "import" not in re.sub(
        r'""".*?"""|#.*', "", (REPO / "runtime/__init__.py").read_text(), flags=re.S
    )


def test_no_other_file_of_the_product_has_a_literal_of_it() -> None:
    """Whoever needs it imports it, so that one edit changes it everywhere."""
    literal = re.compile(rf"(?<![\w.]){re.escape(runtime.VERSION)}(?![\w.])")
    suffixes = {".py", ".toml", ".html", ".js", ".json", ".yml"}
    files = [path for room in ROOMS for path in (REPO / room).rglob("*") if path.suffix in suffixes]
    found = [
        str(path.relative_to(REPO))
        for path in [*files, REPO / "pyproject.toml", REPO / "docker-compose.yml"]
        if literal.search(path.read_text("utf-8"))
    ]

    assert found == ["runtime/__init__.py"]


def test_the_script_runs_the_command_line() -> None:
    """`[project.scripts]` names a function that returns an exit code."""
    scripts = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    main = metadata.EntryPoint("lab", scripts["lab"], "console_scripts").load()

    assert callable(main)
