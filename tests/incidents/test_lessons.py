"""What every lesson of the house must keep: it gives nothing away, and it can be repaired and answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import incidents
from incidents.model import FaultKind, Incident

EVERY = pytest.mark.parametrize("name", incidents.names())
ASSERTED_NAMES = frozenset({"frontend", "storefront"})
"""The shop itself: a lesson must be able to send students there."""


def answers(incident: Incident) -> set[str]:
    """The words that answer the question: services, and the values of tags."""
    words = set(incident.question.services) | set(incident.question.tags)
    words |= {tag.partition("=")[2] for tag in incident.question.tags}
    return {word.casefold() for word in words if word} - ASSERTED_NAMES


def shown_at_once(incident: Incident) -> Iterator[str]:
    """The texts that a student reads before having found anything."""
    yield from (incident.title, incident.summary)
    for step in incident.steps:
        yield from (step.title, step.click, step.look)


@EVERY
def test_nothing_names_the_answer_before_a_student_got_there(name: str) -> None:
    """Titles, what to click and what to look for hold neither the service nor the tag that is asked for."""
    incident = incidents.load(name)
    if incident.question.kind is FaultKind.NOTHING:
        return
    for text in shown_at_once(incident):
        found = sorted(word for word in answers(incident) if word in text.casefold())
        assert not found, f"{name}: {text!r} gives away {found}"


@EVERY
def test_every_broken_shop_can_be_repaired(name: str) -> None:
    """By the repairs of the lesson together, which make every fault's flag healthy."""
    incident = incidents.load(name)
    assert bool(incident.repairs) == (incident.question.kind is not FaultKind.NOTHING)
    for repair in incident.repairs:
        assert repair.effect.endswith("."), f"{name}: the effect of {repair.name} is a sentence"
    for step in incident.steps:
        if step.repair:
            assert any("repaired" in str(check.where) for check in step.checks), f"{name}: {step.name}"


@EVERY
def test_a_step_says_each_thing_once(name: str) -> None:
    """What to look for is not what is seen, and a hint is not the answer."""
    for step in incidents.load(name).steps:
        texts = (step.click, step.look, step.expected, step.hint, step.meaning)
        assert len(set(texts)) == len(texts), f"{name}: {step.name} repeats itself"
