"""Who is affected: distinct sessions and people of failed requests, apart for people and programs.

Counts the newest requests, or traces, up to a bound. A person is an `enduser.id`: of the
request, else of another request of its trace, else of its session; a session without one
counts as a person of its own. A failed request counts as recovered where its session, or
without one its person, made a later request of the same operation that went through.
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple

import orjson

from signals.attributes import SEAT
from store.change_results import Operation
from store.queries import Window
from store.reach import Identities, Side, Try, attribute
from store.results import Affected
from store.sqlite.read.counted_tries import AskedSets, Counted, count
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.refused_amounts import refused_amounts
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.read.request_rows import newest_parts
from store.sqlite.read.request_slots import SlotKey, SlotPart
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_search import read_sets, sets_with
from store.sqlite.read.trace_sessions import by_parts, sessions_of
from store.sqlite.table_layout import SYNTHETIC_TAG
from store.tag_sets import OPERATION

MAX_REQUESTS: Final = 15_000
MAX_TRACES: Final = 3_000
"""The newest requests of a window that are counted, and the traces in which they are."""
MAX_LOOKED: Final = 12_000
"""The traces that are looked at for them: orders are few among the requests of a shop."""
_KNOWN_BYTES: Final = 4 * 1024**2


class _Known(BoundedCache[tuple[int, Hashable], tuple[int, Counted]]):
    """(version, what was counted) by slot and question."""

    def __init__(self) -> None:
        super().__init__(
            _KNOWN_BYTES, lambda known: 700 + 250 * (len(known[1].failures) + len(known[1].successes))
        )


class _Question(NamedTuple):
    service: str | None
    where: frozenset[tuple[str, str]]
    error: Literal["any", "origin"]
    environment: str | None


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
    question = _Question(service, frozenset(where.items()), error, environment)
    parts, since = _counted(db, window, question)
    counted = [each for _, each in parts]
    sides = Side(), Side()
    for number, side in enumerate(sides):
        side.requests = sum([each.requests[number] for each in counted])
        side.recovered_inside = sum([each.recovered_inside[number] for each in counted])
    failures = [failure for each in counted for failure in each.failures]
    first = _first(failures)
    oldest = min(first.values(), default=0)
    tries = [
        (
            key,
            each.failures,
            [one for one in each.successes if one.start > oldest and one.operation in first] if first else (),
        )
        for key, each in parts
    ]
    sessions = sessions_of(
        db, [(key, {one.trace for one in (*failed, *through)}) for key, failed, through in tries]
    )
    successes = [one for _, _, through in tries for one in through]
    attribute(failures, successes, sides, sessions, partial(_people_of, db))
    keys = {failure.trace: key for key, each in parts for failure in each.failures} if amounts else {}
    refused = [
        refused_amounts(db, [one.trace for one in side.lost], keys) if amounts else None for side in sides
    ]
    return Affected(sides[0].reach(refused[0]), sides[1].reach(refused[1]), since)


def _first(failures: Iterable[Try]) -> dict[Operation, int]:
    """When the first failure of each operation began."""
    first: dict[Operation, int] = {}
    for failure in failures:
        if failure.start < first.get(failure.operation, failure.start + 1):
            first[failure.operation] = failure.start
    return first


def _counted(
    db: ReadSession, window: Window, question: _Question
) -> tuple[list[tuple[SlotKey | None, Counted]], int | None]:
    """What was counted part by part, newest first; the start of the oldest trace if older ones are left."""
    known = db.shared.of(_Known)
    operation = dict(question.where).get(OPERATION)
    candidates = None if operation is None else sets_with(db, OPERATION, operation, question.service)
    found: list[tuple[SlotPart, RequestColumns | Counted]] = []
    room = _Room(window.to_unix_nano)
    for part in newest_parts(db, window, question.service):
        kept = known.get((part.key[0], question)) if part.key else None
        if part.key and kept and kept[0] == part.key[1]:
            one = kept[1]
            if room.holds(part.columns, one.traces, one.all_requests):
                found.append((part, one))
                continue
        places = _places(part.columns, candidates)
        matched = _of_window(part, places, window)
        if not room.holds(part.columns, len(matched), len(matched.outcomes)):
            found.append((part._replace(key=None), room.fill(part.columns, places, matched)))
            if room.is_full:
                break
        else:
            found.append((part, matched))
    missing = [matched for _, matched in found if isinstance(matched, RequestColumns)]
    ids = set[int]().union(*[matched.sets for matched in missing])
    sets = AskedSets(read_sets(db, ids), question.service, dict(question.where), question.environment)
    counted = []
    for part, each in found:
        one = each if isinstance(each, Counted) else count(each, sets, question.error)
        if part.key and one is not each:
            known.update({(part.key[0], question): (part.key[1], one)})
        counted.append((part.key, one))
    return counted, room.begun if room.is_full else None


class _Room:
    """How many more traces may be looked at."""

    def __init__(self, begun: int) -> None:
        self._looked = self._traces = self._requests = 0
        self.begun = begun
        """Start of the oldest trace that was looked at."""
        self.is_full = False
        """Whether a trace was left out."""

    def holds(self, columns: RequestColumns, traces: int, requests: int) -> bool:
        """Whether all these traces are looked at, of which so many with their requests are counted."""
        looked = self._looked + len(columns)
        traces, requests = self._traces + traces, self._requests + requests
        # A trace that is only dismissed does not come behind the last one that is counted, either.
        if looked > MAX_LOOKED or traces >= MAX_TRACES or requests >= MAX_REQUESTS:
            return False
        self._looked, self._traces, self._requests = looked, traces, requests
        self.begun = min(self.begun, min(columns.begun, default=self.begun))
        return True

    def fill(self, columns: RequestColumns, places: Sequence[int], matched: RequestColumns) -> RequestColumns:
        """Those of the matched traces that are counted, looking at one by one up to the bounds."""
        taken, start = 0, self._requests
        for place, begun in enumerate(columns.begun):
            if self._looked >= MAX_LOOKED or self._traces >= MAX_TRACES or self._requests >= MAX_REQUESTS:
                self.is_full = True
                break
            self._looked += 1
            self.begun = min(self.begun, begun)
            if taken < len(places) and places[taken] == place:
                self._traces += 1
                self._requests = start + matched.ends[taken]
                taken += 1
        return matched.first(taken)


def _places(columns: RequestColumns, candidates: frozenset[int] | None) -> Sequence[int]:
    """The places of the traces that hold a candidate, all of them without candidates."""
    if candidates is None:
        return range(len(columns))
    # A view and not a copy: most traces are dismissed.
    sets, disjoint = memoryview(columns.sets), candidates.isdisjoint
    found, low = [], 0
    for place, high in enumerate(columns.ends):
        if not disjoint(sets[low:high]):
            found.append(place)
        low = high
    return found


def _of_window(part: SlotPart, places: Sequence[int], window: Window) -> RequestColumns:
    """The traces at these places with their requests in the window."""
    columns = part.columns
    if len(places) < len(columns):
        columns = RequestColumns(list(columns.rows(places)))
    return columns if part.whole else columns.within(window)


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
        side.fail(identities.name(person, session), session)
    return Affected(sides[0].reach(None), sides[1].reach(None), since)


def _people_of(db: ReadSession, sessions: Iterable[str]) -> dict[str, str]:
    """The person of each of these sessions that has one."""
    found: dict[str, str] = {}
    for marks, part in by_parts(sessions):
        for session, attributes in db.each(
            f"SELECT session_id, attributes FROM sessions WHERE session_id IN ({marks})", part
        ):
            person = orjson.loads(attributes).get(SEAT)
            if person:
                found[session] = person[0]
    return found
