"""Templates only place what view-models computed, in short lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers import REPO

TEMPLATES = REPO / "observer" / "templates"
FOLDERS = ("rum", "logs", "metrics")
SCREENS = sorted(path for folder in FOLDERS for path in (TEMPLATES / folder).rglob("*.html"))
MAX_COLUMNS = 140
COMPUTES = re.compile(
    r"\|\s*(length|plural|sum|round|sort|selectattr|format)\b|\bformat\(|[<>]=?\s*\d|\s[*/%]\s"
)
"""Filters and operators that make a number or a sentence out of others."""


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_lines_are_short(path: Path) -> None:
    long = [n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if len(line) > MAX_COLUMNS]
    assert long == []


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_expressions_compute_nothing(path: Path) -> None:
    code = re.findall(r"\{[{%](.*?)[%}]\}", path.read_text("utf-8"), re.DOTALL)
    assert [each.strip() for each in code if COMPUTES.search(each)] == []
