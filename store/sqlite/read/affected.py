"""Who is affected: distinct sessions and people of failed requests, apart for people and programs.

Counts the newest requests, or traces, up to a bound. A person is an `enduser.id`: of the
request, else of another request of its trace, else of its session; a session without one
counts as a person of its own. A failed request counts as recovered where its session, or
without one its person, made a later request of the same operation that went through.
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress, islice
from typing import Any, Final, Literal, NamedTuple

import orjson

from signals.attributes import SEAT
from store.change_results import Operation
from store.queries import Window
from store.reach import Identities, Side, Try, attribute
from store.results import Affected
from store.sqlite.packed_requests import split, within
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.refused_amounts import refused_amounts
from store.sqlite.read.request_rows import newest_parts
from store.sqlite.read.request_slots import RequestColumns, SlotKey, SlotPart
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_search import KnownSet, matching_sets, read_sets, sets_with
from store.sqlite.table_layout import SYNTHETIC_TAG
from store.tag_sets import OPERATION

MAX_REQUESTS: Final = 15_000
MAX_TRACES: Final = 3_000
"""The newest requests of a window that are counted, and the traces in which they are."""
MAX_LOOKED: Final = 12_000
"""The traces that are looked at for them: orders are few among the requests of a shop."""
_AT_ONCE: Final = 500
_KNOWN_BYTES: Final = 4 * 1024**2


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
        return next((tags.person for tags in map(self._sets.get, numbers) if tags and tags.person), "")


class _Counted(NamedTuple):
    """What was counted of some traces."""

    traces: int
    """Those that may match."""
    all_requests: int
    """Of these traces, those that do not match included."""
    requests: tuple[int, int]
    """Those that match, of people and of programs."""
    recovered_inside: tuple[int, int]
    failures: tuple[Try, ...]
    successes: tuple[Try, ...]
    """The newest request of each trace and operation that went through."""


class _Known(BoundedCache[tuple[int, Hashable], tuple[int, _Counted]]):
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
    first: dict[Operation, int] = {}
    for failure in failures:
        if failure.start < first.get(failure.operation, failure.start + 1):
            first[failure.operation] = failure.start
    oldest = min(first.values(), default=0)
    successes = [
        success
        for each in counted
        for success in each.successes
        if success.start > oldest and success.operation in first
    ]
    sessions = _sessions_of(db, {each.trace for each in (*failures, *successes)})
    attribute(failures, successes, sides, sessions, partial(_people_of, db))
    keys = {failure.trace: key for key, each in parts for failure in each.failures} if amounts else {}
    refused = [
        refused_amounts(db, [one.trace for one in side.lost], keys) if amounts else None for side in sides
    ]
    return Affected(sides[0].reach(refused[0]), sides[1].reach(refused[1]), since)


def _counted(
    db: ReadSession, window: Window, question: _Question
) -> tuple[list[tuple[SlotKey | None, _Counted]], int | None]:
    """What was counted part by part, newest first; the start of the oldest trace if older ones are left."""
    known = db.shared.of(_Known)
    operation = dict(question.where).get(OPERATION)
    candidates = None if operation is None else sets_with(db, OPERATION, operation, question.service)
    found: list[tuple[SlotPart, RequestColumns | _Counted]] = []
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
    sets = _Sets(read_sets(db, ids), question.service, dict(question.where), question.environment)
    counted = []
    for part, each in found:
        one = each if isinstance(each, _Counted) else _count(each, sets, question.error)
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
    if part.whole and len(places) == len(part.columns):
        return part.columns
    rows = part.columns.rows(places)
    return RequestColumns(list(rows) if part.whole else [within(row, window) for row in rows])


def _count(columns: RequestColumns, sets: _Sets, error: Literal["any", "origin"]) -> _Counted:
    """What these traces say."""
    sides = Side(), Side()
    failures: list[Try] = []
    successes: list[Try] = []
    for one in _matched(columns, sets):
        failures += _failures(one, sets, sides, error)
        successes += _successes(one, sets, error)
    return _Counted(
        len(columns),
        len(columns.outcomes),
        (sides[0].requests, sides[1].requests),
        (sides[0].recovered_inside, sides[1].recovered_inside),
        tuple(failures),
        tuple(successes),
    )


class _Matched(NamedTuple):
    """A trace with a request that matches."""

    columns: RequestColumns
    place: int
    low: int
    high: int
    """Its requests are those from the first to before the second of all traces."""
    own: Sequence[int]
    """Those that match."""
    bad: Sequence[int]
    """Those that failed, or under which something failed."""

    @property
    def numbers(self) -> Sequence[int]:
        """The tag sets of its requests."""
        return self.columns.sets[self.low : self.high]


def _matched(columns: RequestColumns, sets: _Sets) -> Iterator[_Matched]:
    # Passed over in C, all traces at once: of a trace's requests few match, and fewer failed.
    matching = map(sets.matching.__contains__, columns.sets)
    own = list(compress(range(len(columns.sets)), matching))
    # An outcome's last three bits are 0 where nothing failed.
    bad = [at for at, outcome in enumerate(columns.outcomes) if outcome & 7]
    low = first = first_bad = 0
    for place, high in enumerate(columns.ends):
        behind = bisect_left(own, high, first)
        if behind > first:
            first_bad = bisect_left(bad, low, first_bad)
            behind_bad = bisect_left(bad, high, first_bad)
            yield _Matched(columns, place, low, high, own[first:behind], bad[first_bad:behind_bad])
            first, first_bad = behind, behind_bad
        low = high


def _failures(
    one: _Matched, sets: _Sets, sides: tuple[Side, Side], error: Literal["any", "origin"]
) -> Iterator[Try]:
    """The failed requests of a trace; counts all matching ones into their side."""
    columns = one.columns
    synthetic = bool(sets.synthetic) and not sets.synthetic.isdisjoint(one.numbers)
    side = sides[synthetic]
    side.requests += len(one.own)
    if not one.bad:
        return
    # The place in what `split` returns.
    which = 1 if error == "any" else 2
    failed = [at for at in one.own if columns.outcomes[at] & 7 and split(columns.outcomes[at])[which]]
    side.recovered_inside += _recovered_inside(one, failed)
    if failed:
        person = sets.person([columns.sets[at] for at in failed]) or sets.person(one.numbers)
        trace, begun = columns.traces[one.place], columns.begun[one.place]
        for at in failed:
            yield Try(trace, synthetic, person, sets.operation[columns.sets[at]], begun + columns.starts[at])


def _recovered_inside(one: _Matched, failed: Sequence[int]) -> int:
    """The matching requests that went through with something failed under them, of a trace with any failure.

    Of a request in the middle of a trace that is known of its own service only, of one that begins it
    of all services.
    """
    outcomes, starts = one.columns.outcomes, one.columns.starts
    return len(
        [
            at
            for at in one.own
            if not outcomes[at] & 1 and at not in failed and (outcomes[at] & 7 or starts[at] == 0)
        ]
    )


def _successes(one: _Matched, sets: _Sets, error: Literal["any", "origin"]) -> Iterator[Try]:
    """The newest matching request of each operation of a trace that went through."""
    origin = error == "origin"
    columns, of = one.columns, sets.operation
    latest: dict[Operation, int] = {}
    for at in one.own:
        outcome, start, operation = columns.outcomes[at], columns.starts[at], of[columns.sets[at]]
        # The last bit of an outcome is the error of the request itself.
        if (
            not outcome & 1
            and not (origin and outcome & 7 and split(outcome)[2])
            and start >= latest.get(operation, 0)
        ):
            latest[operation] = start
    if latest:
        person = sets.person(one.numbers)
        trace, begun = columns.traces[one.place], columns.begun[one.place]
        for operation, start in latest.items():
            yield Try(trace, False, person, operation, begun + start)


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


class _Sessions(dict[Any, str]):
    """The sessions of traces that were looked up in one snapshot; empty for a trace without."""


def _parts(values: Iterable[object]) -> Iterator[tuple[str, list[object]]]:
    """(question marks, values) of so many at once as one statement takes."""
    remaining = iter(values)
    while part := list(islice(remaining, _AT_ONCE)):
        yield ", ".join("?" * len(part)), part


def _sessions_of(db: ReadSession, traces: Iterable[int]) -> Mapping[int, str]:
    """The browser session of each of these traces (by their row's number), and of some others."""
    found = db.noted.of(_Sessions)
    for marks, part in _parts([trace for trace in traces if trace not in found]):
        found.update(dict.fromkeys(part, ""))
        rows = db.all(
            "SELECT t.id, coalesce(t.session_id, "
            "(SELECT k.session_id FROM links k WHERE k.trace_id = t.trace_id LIMIT 1), '') "
            f"FROM traces t WHERE t.id IN ({marks})",
            part,
        )
        found.update(rows)
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
