"""Who is affected, from failed requests and those that went through: for people and programs apart.

A person is an `enduser.id`: of the request, else of another request of its trace, else of its session; a
session without one counts as a person of its own. Knows no engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import itemgetter, le
from typing import Final, NamedTuple

from store.change_results import Operation
from store.results import Reach, Refused

# Columns of a try.
_TRACE: Final = itemgetter(0)
_PERSON: Final = itemgetter(2)
_START: Final = itemgetter(4)

PeopleOf = Callable[[Sequence[str]], Mapping[str, str]]
"""Tells the person of each of some sessions that has one."""
Actor = tuple[str, str]
"""A kind (`person` or `session`) and its name: who tried, and may try again."""


class Try(NamedTuple):
    """One request of one operation. Of a success only the newest of its trace is kept."""

    trace: int
    synthetic: bool
    person: str
    """The `enduser.id` of the request or of its trace; may be empty."""
    operation: Operation
    start: int


def _actor(name: str, session: str) -> Actor | None:
    """Whom a request of a person and a session counts for; None where it says neither."""
    if name:
        return ("person", name)
    return ("session", session) if session else None


@dataclass(slots=True)
class Side:
    """The failed requests of people, or those of programs."""

    requests: int = 0
    failed: int = 0
    recovered: int = 0
    people: set[Actor] = field(default_factory=set)
    stranded: set[Actor] = field(default_factory=set)
    """Those of them with a failure after which nothing of that operation went through."""
    sessions: set[str] = field(default_factory=set)
    unattributed: int = 0
    recovered_inside: int = 0
    lost: list[Try] = field(default_factory=list)
    """Those that failed for good, newest first."""

    def fail(self, name: str, session: str) -> None:
        """Count a failure that was not recovered."""
        self.add({(name, session): 1}, {(name, session): 1})

    def add(self, failed: Mapping[tuple[str, str], int], lost: Mapping[tuple[str, str], int]) -> None:
        """Count failures by person and session, and those of them that were not recovered."""
        self.failed += sum(failed.values())
        self.recovered += sum(failed.values()) - sum(lost.values())
        for who, n in failed.items():
            person = _actor(*who)
            if person is None:
                self.unattributed += n
            else:
                self.people.add(person)
                if who in lost:
                    self.stranded.add(person)
            if who[1]:
                self.sessions.add(who[1])

    def reach(self, refused: Refused | None) -> Reach:
        return Reach(
            requests=self.requests,
            failed=self.failed,
            sessions=len(self.sessions),
            people=len(self.people),
            unattributed=self.unattributed,
            recovered=self.recovered,
            people_recovered=len(self.people - self.stranded),
            recovered_inside=self.recovered_inside,
            refused=refused,
        )


class Identities:
    """Who made a request: its person, else that of its session."""

    def __init__(self, tries: Iterable[tuple[str, str]], people_of: PeopleOf) -> None:
        """`tries` are (person, session), either of which may be empty."""
        self._of_session: dict[str, str] = {}
        unknown = dict.fromkeys([session for person, session in tries if session and not person])
        self._of_session.update([(session, person) for person, session in tries if person and session])
        self._of_session.update(people_of([each for each in unknown if each not in self._of_session]))

    def name(self, person: str, session: str) -> str:
        """The person whom a request counts for; empty where nothing names one."""
        return person or self._of_session.get(session, "")


def attribute(
    failures: Sequence[Try],
    successes: Sequence[Try],
    sides: tuple[Side, Side],
    sessions: Mapping[int, str],
    people_of: PeopleOf,
) -> None:
    """Count every failure for its person; it is recovered if the same operation went through later.

    A name may be shared by many, a session is one browser: it decides where there is one.
    """
    tries = [*failures, *successes]
    # In columns, by functions of C: a page attributes thousands of tries, twice.
    of = list(map(sessions.get, map(_TRACE, tries), repeat("")))
    names = list(map(_PERSON, tries))
    if not all(names):
        identities = Identities(list(zip(names, of, strict=True)), people_of)
        names = [identities.name(name, session) for name, session in zip(names, of, strict=True)]
    newest = _newest_successes(successes, names[len(failures) :], of[len(failures) :])
    lost: list[int] = []
    for (operation, synthetic), places in _by_operation(failures).items():
        by_session, by_name = newest.get(operation, ({}, {}))
        starts = map(_START, map(failures.__getitem__, places))
        who = [(names[place], of[place]) for place in places]
        last = [by_session.get(session, 0) if session else by_name.get(name, 0) for name, session in who]
        is_lost = list(map(le, last, starts))
        lost += compress(places, is_lost)
        sides[synthetic].add(Counter(who), Counter(compress(who, is_lost)))
    for place in sorted(lost):
        failure = failures[place]
        sides[failure.synthetic].lost.append(failure)


_Newest = tuple[dict[str, int], dict[str, int]]
"""When the last request of an operation went through, by session and by person."""


def _newest_successes(
    successes: Sequence[Try], names: Sequence[str], of: Sequence[str]
) -> dict[Operation, _Newest]:
    """Those of each operation; of a success of neither, nobody's failure is made good."""
    newest: dict[Operation, _Newest] = {}
    for (operation, _), places in _by_operation(successes).items():
        ordered = sorted([(successes[place].start, place) for place in places])
        starts, rising = zip(*ordered, strict=True)
        found = newest.setdefault(operation, ({}, {}))
        for latest, texts in zip(found, (of, names), strict=True):
            # The last of a key stays, which is its newest.
            for text, start in dict(zip(map(texts.__getitem__, rising), starts, strict=True)).items():
                if text:
                    latest[text] = max(start, latest.get(text, 0))
    return newest


def _by_operation(tries: Sequence[Try]) -> dict[tuple[Operation, bool], list[int]]:
    """The places of the tries of people and of programs, by operation."""
    # An operation is looked up where it is another than before only: there are few, and hashing one for each
    # try took longer than all the rest.
    found: dict[tuple[Operation, bool], list[int]] = {}
    places: list[int] = []
    before: tuple[Operation, bool] | None = None
    for place, (_, synthetic, _, operation, _) in enumerate(tries):
        if before is None or operation is not before[0] or synthetic is not before[1]:
            before = operation, synthetic
            places = found.setdefault(before, [])
        places.append(place)
    return found
