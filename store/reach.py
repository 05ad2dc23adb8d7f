"""Who is affected, from failed requests and those that went through: for people and programs apart.

A person is an `enduser.id`: of the request, else of another request of its trace, else of its session; a
session without one counts as a person of its own. Knows no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from store.change_results import Operation
from store.results import Reach, Refused

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

    def fail(self, person: Actor | None, session: str, *, recovered: bool) -> None:
        self.meet(person, session)
        self.count(person, recovered=recovered)

    def meet(self, person: Actor | None, session: str) -> None:
        """Note whom failures met, once for all of them."""
        if session:
            self.sessions.add(session)
        if person is not None:
            self.people.add(person)

    def count(self, person: Actor | None, *, recovered: bool) -> None:
        """Count a failure of somebody who was noted."""
        self.failed += 1
        self.recovered += recovered
        if person is None:
            self.unattributed += 1
        elif not recovered:
            self.stranded.add(person)

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
    """Who made a request: its person, else that of its session, else its session."""

    def __init__(self, tries: Iterable[tuple[str, str]], people_of: PeopleOf) -> None:
        """`tries` are (person, session), either of which may be empty."""
        self._of_session: dict[str, str] = {}
        unknown = dict.fromkeys([session for person, session in tries if session and not person])
        self._of_session.update([(session, person) for person, session in tries if person and session])
        self._of_session.update(people_of([each for each in unknown if each not in self._of_session]))

    def person(self, person: str, session: str) -> Actor | None:
        """Whom a request counts for; None where it says neither."""
        name = person or self._of_session.get(session, "")
        if name:
            return ("person", name)
        return ("session", session) if session else None

    def tries(self, person: str, session: str) -> tuple[Actor, ...]:
        """Everything by which a success can be a later try of a failure, the most exact first."""
        found = self.person(person, session)
        own = (("session", session),) if session else ()
        return own if found is None else tuple(dict.fromkeys((*own, found)))


def attribute(
    failures: Sequence[Try],
    successes: Sequence[Try],
    sides: tuple[Side, Side],
    sessions: Mapping[int, str],
    people_of: PeopleOf,
) -> None:
    """Count every failure for its person; it is recovered if the same operation went through later."""
    tried = [(each.person, sessions.get(each.trace, "")) for each in (*failures, *successes)]
    # Each pair once, as most people tried often: where it stands last, as a session's last person counts.
    identities = Identities([*dict.fromkeys(reversed(tried))][::-1], people_of)
    newest_success = _newest_successes(successes, sessions, identities)
    known: dict[tuple[bool, str, str], tuple[Actor, Actor | None]] = {}
    latest: Mapping[Actor, int] = {}
    before: Operation | None = None
    for each in failures:
        trace, synthetic, person, operation, start = each
        session = sessions.get(trace, "")
        side = sides[synthetic]
        who = known.get((synthetic, person, session))
        if who is None:
            # A name may be shared by many, a session is one browser: it decides where there is one.
            actor = next(iter(identities.tries(person, session)), ("", ""))
            who = known[synthetic, person, session] = actor, identities.person(person, session)
            side.meet(who[1], session)
        if operation is not before:
            latest, before = newest_success.get(operation, {}), operation
        later = latest.get(who[0], 0) > start
        if not later:
            side.lost.append(each)
        side.count(who[1], recovered=later)


def _newest_successes(
    successes: Sequence[Try], sessions: Mapping[int, str], identities: Identities
) -> dict[Operation, dict[Actor, int]]:
    """When each actor's last request of an operation went through."""
    # By person and session first: there are far fewer of them than of tries. An operation is looked up where
    # it is another than before only: there are few, and hashing one took longer than all the rest.
    newest_try: dict[Operation, dict[tuple[str, str], int]] = {}
    tries: dict[tuple[str, str], int] = {}
    before: Operation | None = None
    for trace, _, person, operation, start in successes:
        if operation is not before:
            tries, before = newest_try.setdefault(operation, {}), operation
        one = person, sessions.get(trace, "")
        if start > tries.get(one, 0):
            tries[one] = start
    newest: dict[Operation, dict[Actor, int]] = {}
    for operation, tries in newest_try.items():
        of_actor = newest.setdefault(operation, {})
        for (person, session), start in tries.items():
            for actor in identities.tries(person, session):
                of_actor[actor] = max(start, of_actor.get(actor, 0))
    return newest
