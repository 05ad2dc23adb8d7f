"""Templates place what view-models computed, in lines that fit a screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from tests.helpers import REPO

MAX_COLUMNS = 140
FOLDERS = (REPO / "observer" / "templates", REPO / "frontend" / "templates")
TEMPLATES = sorted(path for folder in FOLDERS for path in folder.rglob("*.html"))
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


def _name(path: Path) -> str:
    return str(path.relative_to(REPO))


def _computations(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of arithmetic and of comparisons with a number above 1; joining by `~` is neither."""
    tree = Environment(autoescape=True).parse(source)
    for operation in tree.find_all(ARITHMETIC):
        if not _is_list(operation):
            yield operation.lineno, f"{type(operation).__name__} is arithmetic"
    for comparison in tree.find_all(nodes.Compare):
        operands = [comparison.expr, *(operand.expr for operand in comparison.ops)]
        for operand in operands:
            value = operand.value if isinstance(operand, nodes.Const) else None
            if isinstance(value, int | float) and abs(value) > 1:
                yield comparison.lineno, f"a comparison with {value} is a decision"


def _is_list(node: nodes.Node) -> bool:
    """Whether an expression is a list, or lists that are joined by `+`."""
    if isinstance(node, nodes.Add):
        return _is_list(node.left) or _is_list(node.right)
    return isinstance(node, nodes.List)


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_lines_of_templates_are_short(path: Path) -> None:
    long = [
        f"{_name(path)}:{number} has {len(line)} columns"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > MAX_COLUMNS
    ]
    assert long == []


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_templates_compute_nothing(path: Path) -> None:
    computed = [f"{_name(path)}:{line} {what}" for line, what in _computations(path.read_text("utf-8"))]
    assert computed == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("{{ a ~ b }}{% if n %}{% endif %}", []),
        ("{% if n > 0 or n == 1 %}{% endif %}", []),
        ("{% if kind == 'error' %}{% endif %}", []),
        ("{{ bar([a, b] + more + others) }}", []),
        ("\n{{ width / 1000 * ns }}", [2, 2]),
        ("{% if n > 25 %}{% endif %}", [1]),
        ("{% if 1.5 < n %}{% endif %}", [1]),
        ("{% set left = total - shown %}\n{{ f(a + b) }}", [1, 2]),
    ],
)
def test_the_check_finds_arithmetic_and_decisions_by_number(source: str, lines: list[int]) -> None:
    assert sorted(line for line, _ in _computations(source)) == lines
