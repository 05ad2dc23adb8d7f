"""Holds the vocabulary: names in the code are the terms of the field, not a private language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import REPO
from tests.test_architecture import ROOMS, sources

_RETIRED_WORDS = """
tell tells telling told say says saying said wish wishes wished want wants wanted nobody somebody whoever
news asking lows lack stray whereabouts buried unborn spare
"""
RETIRED = frozenset(_RETIRED_WORDS.split())
"""Words that once stood for ordinary terms: message, filter, requested, update, missing."""
_RETIRED_CLASSES = "Told Wish Head Ways Lane Knob Poster Mounted Others Asking Question Chosen Lack Stray"
RETIRED_NAMES = frozenset(_RETIRED_CLASSES.split())


def _names(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word.lower() for word in spaced.split("_") if word}


@pytest.mark.parametrize("room", [*ROOMS, "benchmarks"])
def test_names_use_the_terms_of_the_field(room: str) -> None:
    """No class, function, parameter or variable is named by a retired word."""
    wrong = [
        f"{path.relative_to(REPO)}:{line} {name}"
        for path in sources(room)
        for name, line in [(path.stem, 1), *_names(path)]
        if _words(name) & RETIRED or name in RETIRED_NAMES
    ]

    assert wrong == []
