"""Who is affected: distinct sessions and people of failed requests, apart for people and programs.

Counts the newest requests, or traces, up to a bound. A person is an `enduser.id`: of the
request, else of another request of its trace, else of its session; a session without one
counts as a person of its own. A failed request counts as recovered where its session, or
without one its person, made a later request of the same operation that went through.
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, Literal

import orjson

from signals.attributes import SEAT
from store.change_results import Operation
from store.queries import Window
from store.reach import Identities, Side, Try, attribute
from store.results import Affected
from store.sqlite.packed_requests import (
    OUTCOME_CODE,
    SET_CODE,
    START_CODE,
    PackedRequests,
    split,
    unpack,
    within,
)
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.refused_amounts import refused_amounts
from store.sqlite.read.request_rows import newest
from store.sqlite.read.tag_set_search import KnownSet, matching_sets, read_sets, sets_with
from store.sqlite.table_layout import SYNTHETIC_TAG
from store.sqlite.tag_sets import OPERATION

MAX_REQUESTS: Final = 15_000
MAX_TRACES: Final = 3_000
"""The newest requests of a window that are counted, and the traces in which they are."""
MAX_LOOKED: Final = 12_000
"""The traces that are looked at for them: orders are few among the requests of a shop."""
_AT_ONCE: Final = 500


class _Sets:
    """What the tag sets of some requests say."""

    def __init__(
        self,
        sets: Mapping[int, KnownSet],
        service: str | None,
        where: Mapping[str, str],
        environment: str | None,
    ) -> None:
        self._sets = sets
        self.matching = frozenset(matching_sets(sets, service, where, environment))
        self.synthetic = frozenset([number for number, tags in sets.items() if tags.synthetic])
        self.operation = {number: sets[number].of for number in self.matching}

    def person(self, numbers: Iterable[int]) -> str:
        """The first person whom these sets name; empty if there is none."""
        known = self._sets
        return next(
            (known[number].person for number in numbers if number in known and known[number].person), ""
        )


def affected_requests(
    db: ReadSession,
    service: str | None,
    window: Window,
    where: Mapping[str, str],
    error: Literal["any", "origin"],
    environment: str | None,
    *,
    amounts: bool = False,
) -> Affected:
    """Who is affected by failing requests that carry all of `where`, of tags that are in tag sets.

    With `amounts` also what those that failed for good asked for.
    """
    rows: list[PackedRequests] = []
    counted, since = 0, None
    begun = window.to_unix_nano
    operation = where.get(OPERATION)
    candidates = None if operation is None else sets_with(db, OPERATION, operation, service)
    for looked, row in enumerate(newest(db, window, service, MAX_LOOKED + 1)):
        if looked >= MAX_LOOKED or len(rows) >= MAX_TRACES or counted >= MAX_REQUESTS:
            since = begun
            break
        if row.start < begun:
            begun = row.start
        # A view and not a copy: most rows are dismissed.
        if candidates is not None and candidates.isdisjoint(memoryview(row.sets).cast(SET_CODE)):
            continue
        inside = within(row, window)
        counted += len(inside.outcomes) // 2  # outcomes take two bytes each
        rows.append(inside)
    ids = set(unpack(SET_CODE, b"".join([row.sets for row in rows])))
    sets = _Sets(read_sets(db, ids), service, where, environment)
    sides = Side(), Side()
    failures = list(_failures(rows, sets, sides, error))
    successes = _successes(rows, sets, failures, error)
    sessions = _sessions_of(db, {each.trace for each in (*failures, *successes)})
    attribute(failures, successes, sides, sessions, partial(_people_of, db))
    refused = [refused_amounts(db, [one.trace for one in side.lost]) if amounts else None for side in sides]
    return Affected(sides[0].reach(refused[0]), sides[1].reach(refused[1]), since)


def _failures(
    rows: Iterable[PackedRequests], sets: _Sets, sides: tuple[Side, Side], error: Literal["any", "origin"]
) -> Iterator[Try]:
    """The failed requests; counts all matching ones into their side."""
    # The place in what `split` returns.
    place = 1 if error == "any" else 2
    matching, programs = sets.matching, sets.synthetic
    for row in rows:
        numbers = unpack(SET_CODE, row.sets)
        # Comprehensions, as this runs for every request: a loop took twice the time of the whole.
        matched = len([number for number in numbers if number in matching])
        if not matched:
            continue
        synthetic = bool(programs) and not programs.isdisjoint(numbers)
        sides[synthetic].requests += matched
        # An outcome's last three bits are 0 where nothing failed.
        bad = [(at, outcome) for at, outcome in enumerate(unpack(OUTCOME_CODE, row.outcomes)) if outcome & 7]
        failed = [at for at, outcome in bad if numbers[at] in matching and split(outcome)[place]]
        if bad:
            sides[synthetic].recovered_inside += _recovered_inside(row, numbers, dict(bad), failed, matching)
        if failed:
            starts = unpack(START_CODE, row.starts)
            person = sets.person([*(numbers[at] for at in failed), *numbers])
            for at in failed:
                operation = sets.operation[numbers[at]]
                yield Try(row.trace, synthetic, person, operation, row.start + starts[at])


def _recovered_inside(
    row: PackedRequests,
    numbers: Sequence[int],
    bad: Mapping[int, int],
    failed: Sequence[int],
    matching: frozenset[int],
) -> int:
    """The matching requests that went through with something failed under them.

    Of a request in the middle of a trace that is known of its own service only, of one that begins it
    of all services.
    """
    through = [
        at
        for at, number in enumerate(numbers)
        if number in matching and not bad.get(at, 0) & 1 and at not in failed
    ]
    if not through:
        return 0
    starts = unpack(START_CODE, row.starts)
    return len([at for at in through if at in bad or starts[at] == 0])


def _successes(
    rows: Iterable[PackedRequests], sets: _Sets, failures: Sequence[Try], error: Literal["any", "origin"]
) -> list[Try]:
    """The requests of the operations that failed which went through after the first failure."""
    first: dict[Operation, int] = {}
    for each in failures:
        first[each.operation] = min(first.get(each.operation, each.start), each.start)
    retryable = frozenset(number for number, operation in sets.operation.items() if operation in first)
    if not retryable:
        return []
    oldest, found = min(first.values()), []
    origin = error == "origin"
    for row in rows:
        numbers = unpack(SET_CODE, row.sets)
        if retryable.isdisjoint(numbers):
            continue
        after = oldest - row.start
        good = [
            (number, start)
            for number, outcome, start in zip(
                numbers, unpack(OUTCOME_CODE, row.outcomes), unpack(START_CODE, row.starts), strict=True
            )
            # The last bit of an outcome is the error of the request itself.
            if start > after
            and not outcome & 1
            and number in retryable
            and not (origin and outcome & 7 and split(outcome)[2])
        ]
        if not good:
            continue
        latest: dict[Operation, int] = {}
        for number, start in good:
            operation = sets.operation[number]
            latest[operation] = max(latest.get(operation, 0), row.start + start)
        person = sets.person(numbers)
        found += [Try(row.trace, False, person, operation, start) for operation, start in latest.items()]
    return found


def affected_traces(db: ReadSession, rows: Iterable[Row], since: int | None, *, all_failed: bool) -> Affected:
    """Who is affected by failing traces; rows are (errors, tags of the entry, session).

    A trace failed if it has an error, or with `all_failed` in any case.
    """
    sides = Side(), Side()
    failed: list[tuple[Side, str, str]] = []
    for errors, tags_text, session in rows:
        tags = orjson.loads(tags_text)
        side = sides[SYNTHETIC_TAG in tags]
        side.requests += 1
        if errors or all_failed:
            failed.append((side, tags.get(SEAT, ""), session or ""))
    identities = Identities([(person, session) for _, person, session in failed], partial(_people_of, db))
    for side, person, session in failed:
        side.fail(identities.person(person, session), session, recovered=False)
    return Affected(sides[0].reach(None), sides[1].reach(None), since)


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
