"""docs/teach.md, by which an instructor runs a class alone: its commands, its answers, its places exist."""

from __future__ import annotations

import re
import shlex

import pytest

import incidents
from lab import cli
from lab.control import exam_choice
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


def test_every_incident_has_the_title_that_the_lists_of_the_desk_show() -> None:
    """Its row of the answers has it: the page names incidents as the command line does, the desk by title."""
    answers = TEXT.partition("\n## Answers\n")[2]
    titles = dict(re.findall(r"^\| `([a-z-]+)` \| \d+ \| ([^|]+) \|", answers, re.MULTILINE))

    assert titles == {name: incidents.load(name).title for name in incidents.names()}


def test_a_title_beside_a_name_is_its_own() -> None:
    """*Title* (`name`) in the timetables is the title of that incident, so that it is found in the list."""
    for title, name in re.findall(r"\*([^*|]+)\* \(`([a-z-]+)`\)", TEXT):
        assert incidents.load(name).title == title


def test_the_button_that_opens_the_explanation_is_at_the_desk() -> None:
    """For seats without an answer, too: no jump to a step is needed for it."""
    buttons = (REPO / "observer/templates/desk/_actions.html").read_text("utf-8")

    assert "*every seat*, *Open the explanation*" in TEXT
    assert 'value="explain">Open the explanation</button>' in buttons


def test_the_seed_of_the_exam_draws_what_the_page_says() -> None:
    """In a class that had it not; the exam of the timetable is none that the lesson before has taught."""
    named = re.search(r"Seed (\d+) means `([a-z-]+)`", TEXT)
    had = {"none", "invalid-token", "price-typo", "slow-tenant", "lost-context"}

    assert named is not None
    assert exam_choice.mystery("", int(named[1]), *exam_choice.faults(had)) == named[2]


def test_every_part_that_it_refers_to_is_there() -> None:
    """Links within the page lead to headings of it."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
