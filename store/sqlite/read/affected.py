"""Who is affected: distinct sessions and people of failed requests, apart for people and programs.

Counts the newest requests, or traces, up to a bound. A person is an `enduser.id`: of the
request, else of another request of its trace, else of its session; a session without one
counts as a person of its own.
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import orjson

from signals.attributes import SEAT
from store.queries import Window
from store.results import Affected, Reach
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, split, unpack, within
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.request_rows import newest
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.table_layout import SYNTHETIC_TAG
from store.sqlite.tag_sets import TagSet, environment_in, service_in, values_in

MAX_REQUESTS: Final = 15_000
MAX_TRACES: Final = 3_000
"""The newest requests of a window that are looked at, and the traces in which they are."""
_AT_ONCE: Final = 500


@dataclass(slots=True)
class _Side:
    """The failed requests of people, or those of programs."""

    requests: int = 0
    failed: int = 0
    people: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    of_known: set[str] = field(default_factory=set)
    """Those of the sessions of which a person is known."""
    unattributed: int = 0

    def fail(self, number: int, person: str, session: str) -> None:
        self.failed += number
        if person:
            self.people.add(person)
        if session:
            self.sessions.add(session)
            if person:
                self.of_known.add(session)
        if not person and not session:
            self.unattributed += number

    def reach(self, db: ReadSession) -> Reach:
        """The numbers; sessions without a person are looked up first."""
        unknown = self.sessions - self.of_known
        named = _people_of(db, unknown)
        people = len(self.people | set(named.values())) + len(unknown - named.keys())
        return Reach(self.requests, self.failed, len(self.sessions), people, self.unattributed)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Failed requests of one trace."""

    trace: int
    synthetic: bool
    number: int
    person: str


class _Sets:
    """What the tag sets of some requests say."""

    def __init__(
        self,
        sets: Mapping[int, TagSet],
        service: str | None,
        where: Mapping[str, str],
        environment: str | None,
    ) -> None:
        self.matching = frozenset(
            number
            for number, tags in sets.items()
            if (service is None or service_in(tags) == service)
            and (environment is None or environment_in(tags) == environment)
            and all(value in (values_in(tags, tag) or [""]) for tag, value in where.items())
        )
        self.person = {number: found[0] for number, tags in sets.items() if (found := values_in(tags, SEAT))}
        self.synthetic = frozenset(n for n, tags in sets.items() if values_in(tags, SYNTHETIC_TAG))


def affected_requests(
    db: ReadSession,
    service: str | None,
    window: Window,
    where: Mapping[str, str],
    error: Literal["any", "origin"],
    environment: str | None,
) -> Affected:
    """Who is affected by failing requests that carry all of `where`, of tags that are in tag sets."""
    rows: list[tuple[bytes, bytes, int]] = []
    counted, since = 0, None
    begun = window.to_unix_nano
    for row in newest(db, window, service, MAX_TRACES + 1):
        if len(rows) >= MAX_TRACES or counted >= MAX_REQUESTS:
            since = begun
            break
        tagsets, outcomes, _ = within(row, window)
        counted += len(outcomes) // 2  # outcomes take two bytes each
        rows.append((tagsets, outcomes, row.trace))
        begun = min(begun, row.start)
    ids = set(unpack(SET_CODE, b"".join([row[0] for row in rows])))
    sets = _Sets(read_sets(db, ids), service, where, environment)
    sides = _Side(), _Side()
    failures = list(_failures(rows, sets, sides, error))
    sessions = _sessions_of(db, {failure.trace for failure in failures})
    for failure in failures:
        side = sides[failure.synthetic]
        side.fail(failure.number, failure.person, sessions.get(failure.trace, ""))
    return Affected(sides[0].reach(db), sides[1].reach(db), since)


def _failures(
    rows: Iterable[tuple[bytes, bytes, int]],
    sets: _Sets,
    sides: tuple[_Side, _Side],
    error: Literal["any", "origin"],
) -> Iterator[_Failure]:
    """The failed requests by trace; counts all matching ones into their side."""
    # The place in what `split` returns.
    place = 1 if error == "any" else 2
    matching, programs, people = sets.matching, sets.synthetic, sets.person
    for tagsets, outcomes, trace in rows:
        numbers = unpack(SET_CODE, tagsets)
        # Comprehensions, as this runs for every request: a loop took twice the time of the whole.
        matched = len([number for number in numbers if number in matching])
        if not matched:
            continue
        synthetic = bool(programs) and not programs.isdisjoint(numbers)
        sides[synthetic].requests += matched
        # An outcome's last three bits are 0 where nothing failed.
        bad = [(at, outcome) for at, outcome in enumerate(unpack(OUTCOME_CODE, outcomes)) if outcome & 7]
        failed = [numbers[at] for at, outcome in bad if numbers[at] in matching and split(outcome)[place]]
        if failed:
            person = next((people[number] for number in (*failed, *numbers) if number in people), "")
            yield _Failure(trace, synthetic, len(failed), person)


def affected_traces(db: ReadSession, rows: Iterable[Row], since: int | None, *, all_failed: bool) -> Affected:
    """Who is affected by failing traces; rows are (errors, tags of the entry, session).

    A trace failed if it has an error, or with `all_failed` in any case.
    """
    sides = _Side(), _Side()
    for errors, tags_text, session in rows:
        tags = orjson.loads(tags_text)
        side = sides[SYNTHETIC_TAG in tags]
        side.requests += 1
        if errors or all_failed:
            side.fail(1, tags.get(SEAT, ""), session or "")
    return Affected(sides[0].reach(db), sides[1].reach(db), since)


def _parts(values: Iterable[object]) -> Iterator[tuple[str, list[object]]]:
    """(question marks, values) of so many at once as one statement takes."""
    remaining = iter(values)
    while part := list(islice(remaining, _AT_ONCE)):
        yield ", ".join("?" * len(part)), part


def _sessions_of(db: ReadSession, traces: Iterable[int]) -> dict[int, str]:
    """The browser session of each of these traces (by their row's number) that has one."""
    found: dict[int, str] = {}
    for marks, part in _parts(traces):
        rows = db.each(
            "SELECT t.id, coalesce(t.session_id, "
            "(SELECT k.session_id FROM links k WHERE k.trace_id = t.trace_id LIMIT 1)) "
            f"FROM traces t WHERE t.id IN ({marks})",
            part,
        )
        found.update((number, session) for number, session in rows if session)
    return found


def _people_of(db: ReadSession, sessions: Iterable[str]) -> dict[str, str]:
    """The person of each of these sessions that has one."""
    found: dict[str, str] = {}
    for marks, part in _parts(sessions):
        for session, attributes in db.each(
            f"SELECT session_id, attributes FROM sessions WHERE session_id IN ({marks})", part
        ):
            person = orjson.loads(attributes).get(SEAT)
            if person:
                found[session] = person[0]
    return found
