"""docs/teach.md, by which an instructor runs a class alone: its commands, its answers, its places exist."""

from __future__ import annotations

import re
import shlex

import pytest

import incidents
from lab import cli
from tests.helpers import REPO

TEXT = (REPO / "docs" / "teach.md").read_text("utf-8")
COMMANDS = sorted(set(re.findall(r"python3 -m lab ([a-z][^`\n#(;]*)", TEXT)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_accepted(command: str) -> None:
    """Verb and options are those of the command line, whatever becomes of them."""
    verb, *words = shlex.split(command)

    assert verb in cli.BY_NAME
    if not cli.BY_NAME[verb].passes_on:
        cli.parse(cli.BY_NAME[verb], words)


def test_the_commands_were_found() -> None:
    """Those that a class cannot do without."""
    verbs = {command.split()[0] for command in COMMANDS}

    assert verbs >= {"up", "down", "class", "doctor", "verify", "bundle", "gameday", "exam", "reset"}


def test_every_incident_has_its_answer() -> None:
    """One row each, in the section at the end that students do not see on the way."""
    answers = TEXT.partition("\n## Answers\n")[2]
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", answers, re.MULTILINE)
    minutes = {name: int(number) for name, number in rows}

    for name in incidents.names():
        assert minutes.get(name) == incidents.load(name).minutes, name


def test_every_part_that_it_refers_to_is_there() -> None:
    """Links within the page lead to headings of it."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
