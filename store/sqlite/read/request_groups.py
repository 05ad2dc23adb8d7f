"""Requests grouped by tags, and by time: breakdowns and time series.

Counts requests of the window, newest first and up to a bound, by tag set; the tags
themselves are read afterwards, once for each set and not for each request.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from operator import add, attrgetter, floordiv, sub
from typing import NamedTuple

from signals.attributes import SEAT
from store.change_results import Operation
from store.queries import Window
from store.sqlite.packed_requests import (
    OUTCOME_CODE,
    SET_CODE,
    columns_of,
    split,
)
from store.sqlite.read.exact_samples import FEW, Request, request_durations
from store.sqlite.read.outcome_tallies import tally_of
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_columns import RequestColumns, joined
from store.sqlite.read.request_rows import newest_within, parts_within
from store.sqlite.read.request_slots import SlotPart
from store.sqlite.read.rollup_sums import Columns, cell_columns, slots_of_columns
from store.sqlite.read.series_filter import SeriesFilter
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_search import KnownSet, matching_sets, read_sets
from store.tag_sets import (
    OF_CALLS,
    OPERATION,
    SERVICE,
    TagSet,
    received_in,
    values_in,
)
from store.tallies import SUMMED as SUMMED, Tally, ranked as ranked

MAX_COUNTED = 30_000
"""The newest requests of a window that a breakdown by many tags or a filtered series counts."""
_MAX_TALLIED = 40_000
"""Those that a breakdown by one tag counts."""
MAX_ROWS = 6_000
"""The newest traces of a window whose requests are read."""
_FEW_TRACES = 4_000
"""With fewer traces than this, a time series counts each request; else it sums slots."""
_TAGS_SAMPLE = 5_000
"""The newest requests whose tags are listed."""

_WITHOUT = ("",)
"""The value of requests without a tag."""
_MATCHING_BYTES = 5 * 1024**2
_FORM_CODE = "Q"
_OUTCOME_BITS = 16
_OUTCOME_MASK = 2**_OUTCOME_BITS - 1
_FEW_REQUESTS = 3_000
"""With fewer than this, the durations of values with few requests are looked up: 3 ms for them all."""
_MOST_EXACT = 400


def by_tag(
    db: ReadSession,
    service: str | None,
    tags: Sequence[str],
    window: Window,
    where: Mapping[str, str],
    environment: str | None,
    *,
    received: bool = False,
) -> tuple[dict[str, dict[str, Tally]], int, int, bool]:
    """(tag to value to tally, requests read, requests counted, whether older ones were left out)."""
    bound = max(MAX_COUNTED, _MAX_TALLIED // max(1, len(tags)))
    parts, cut = parts_within(db, window, service, bound, MAX_ROWS)
    one = _counted_parts(db, parts, window, (service, frozenset(where.items()), environment))
    values_of = received_in if received else values_in
    known: dict[tuple[int, ...], Tally] = {}
    found = {tag: _tallies(tag, one.forms, one.by_form, values_of, known) for tag in tags if tag != SEAT}
    if SEAT in tags or one.scanned <= _FEW_REQUESTS:
        sets = read_sets(db, set[int]().union(*[each.sets for each in one.matched]))
        if SEAT in tags:
            found[SEAT] = _tallies_of_persons(one.matched, sets, one.forms, values_of)
        if one.scanned <= _FEW_REQUESTS:
            _make_exact(db, joined([part.columns for part in parts]), sets, found, values_of)
    counted = sum([len(each.sets) for each in one.matched])
    return {tag: found[tag] for tag in tags}, counted if service else one.scanned, counted, cut


def by_operation(
    db: ReadSession, window: Window, environment: str | None, most_requests: int, most_rows: int
) -> tuple[dict[Operation, Tally], bool]:
    """Tallies of the newest requests up to these bounds; True if older ones were left out."""
    parts, cut = parts_within(db, window, None, most_requests, most_rows)
    one = _counted_parts(db, parts, window, (None, frozenset(), environment))
    outcomes: dict[Operation, list[tuple[int, int]]] = {}
    for form, found in one.by_form.items():
        outcomes.setdefault(one.forms[form].of, []).extend(found)
    return {of: tally_of(found) for of, found in outcomes.items()}, cut


_Question = tuple[str | None, frozenset[tuple[str, str]], str | None]
"""Service, tags and environment of requests."""


class _CountedParts(NamedTuple):
    """The requests of some parts that match a question."""

    matched: Sequence[_Matched]
    scanned: int
    """Those that do not match included."""
    forms: Mapping[int, KnownSet]
    """A set of each form."""
    by_form: Mapping[int, Sequence[tuple[int, int]]]
    """(outcome, how often) by form: most sets differ by the person alone, and are one for every other tag."""


class _Noted(dict[Hashable, _CountedParts]):
    """What was counted in one snapshot: a page breaks the same requests down in several places."""


def _counted_parts(
    db: ReadSession, parts: Sequence[SlotPart], window: Window, question: _Question
) -> _CountedParts:
    """`parts` are the newest of the window, up to whatever bounds."""
    noted = db.noted.of(_Noted)
    scanned = sum([len(part.columns.outcomes) for part in parts])
    key = window, question, scanned, sum([len(part.columns) for part in parts])
    found = noted.get(key)
    if found is None:
        matched = _matched(db, parts, question)
        forms: dict[int, KnownSet] = {}
        for each in matched:
            forms.update(each.forms)
        found = noted[key] = _CountedParts(matched, scanned, forms, _by_form(matched))
    return found


class _Matched(NamedTuple):
    """Requests that match a question, of one slot of this version."""

    version: int
    sets: array[int]
    outcomes: array[int]
    codes: array[int]
    """The form of each request's set and its outcome in one number, so that counting numbers counts both."""
    forms: Mapping[int, KnownSet]
    """A set of each form."""

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return 600 + 14 * len(self.sets) + sum([450 + 60 * len(tags) for tags in self.forms.values()])


class _Matching(BoundedCache[tuple[int, Hashable], "_Matched"]):
    """By slot and question."""

    def __init__(self) -> None:
        super().__init__(_MATCHING_BYTES, attrgetter("bytes"))


def _matched(db: ReadSession, parts: Sequence[SlotPart], question: _Question) -> list[_Matched]:
    """The requests that match, slot by slot."""
    service, where, environment = question
    known = db.shared.of(_Matching)
    found: list[_Matched] = []
    missing: list[SlotPart] = []
    for part in parts:
        kept = known.get((part.key[0], question)) if part.key else None
        if part.key and kept and kept.version == part.key[1]:
            found.append(kept)
        else:
            missing.append(part)
    sets = read_sets(db, set[int]().union(*[part.columns.sets for part in missing]))
    matching = matching_sets(sets, service, dict(where), environment)
    form_of = {number: tags.form << _OUTCOME_BITS for number, tags in matching.items()}
    for part in missing:
        numbers, outcomes = part.columns.sets, part.columns.outcomes
        if len(matching) < len(sets):
            # Most requests of a trace are of other services: they are passed over in C.
            flags = list(map(matching.__contains__, numbers))
            numbers = array(SET_CODE, compress(numbers, flags))
            outcomes = array(OUTCOME_CODE, compress(outcomes, flags))
        codes = array(_FORM_CODE, map(add, map(form_of.__getitem__, numbers), outcomes))
        forms = {tags.form: tags for tags in map(matching.__getitem__, set(numbers))}
        found.append(_Matched(part.key[1] if part.key else 0, numbers, outcomes, codes, forms))
        if part.key:
            known.update({(part.key[0], question): found[-1]})
    return found


def _by_form(found: Sequence[_Matched]) -> dict[int, list[tuple[int, int]]]:
    by_form: dict[int, list[tuple[int, int]]] = {}
    # In C: a loop over all requests took twice as long.
    for code, n in Counter(chain.from_iterable([each.codes for each in found])).items():
        by_form.setdefault(code >> _OUTCOME_BITS, []).append((code & _OUTCOME_MASK, n))
    return by_form


def _tallies_of_persons(
    found: Sequence[_Matched],
    sets: Mapping[int, KnownSet],
    forms: Mapping[int, KnownSet],
    values_of: Callable[[TagSet, str], list[str]],
) -> dict[str, Tally]:
    """Person to tally. By their sets and not by form, as nothing else tells of persons.

    Requests are counted by person and outcome at once, in C: there are as many sets as persons, times all
    else in which sets differ.
    """
    persons: dict[int, tuple[str, ...]]
    if any(OF_CALLS in tags or isinstance(tags.get(SEAT), list) for tags in forms.values()):
        persons = {number: tuple(values_of(tags, SEAT)) or _WITHOUT for number, tags in sets.items()}
    else:
        # Each set has one or none: most often. One tuple for all sets of a person.
        alone = {person: (person,) for person in {tags.person for tags in sets.values()}}
        persons = {number: alone[tags.person] for number, tags in sets.items()}
    of_each = map(persons.__getitem__, chain.from_iterable([each.sets for each in found]))
    counts = Counter(zip(of_each, chain.from_iterable([each.outcomes for each in found]), strict=True))
    outcomes: dict[str, list[tuple[int, int]]] = {}
    for (carried, outcome), n in counts.items():
        for person in carried:
            outcomes.setdefault(person, []).append((outcome, n))
    return {person: tally_of(of_person) for person, of_person in outcomes.items()}


def _tallies(
    tag: str,
    sets: Mapping[int, TagSet],
    by_set: Mapping[int, Sequence[tuple[int, int]]],
    values_of: Callable[[TagSet, str], list[str]],
    known: dict[tuple[int, ...], Tally],
) -> dict[str, Tally]:
    """Value to tally, of requests whose outcomes are given by set.

    `known` are tallies by their sets: many tags divide requests alike, or not at all.
    """
    sets_of: dict[str, list[int]] = {}
    for number in by_set:
        for value in values_of(sets[number], tag) or _WITHOUT:
            sets_of.setdefault(value, []).append(number)
    tallies = {}
    for value, numbers in sets_of.items():
        key = tuple(numbers)
        tally = known.get(key)
        if tally is None:
            tally = known[key] = tally_of(chain.from_iterable(map(by_set.__getitem__, numbers)))
        # Each has its own: durations are added to it.
        tallies[value] = Tally(tally.requests, tally.errors, tally.origins, tally.buckets.copy())
    return tallies


def _make_exact(
    db: ReadSession,
    columns: RequestColumns,
    sets: Mapping[int, KnownSet],
    found: Mapping[str, Mapping[str, Tally]],
    values_of: Callable[[TagSet, str], list[str]],
) -> None:
    """Give the tallies with few requests, by tag and value, their durations."""
    places: dict[int, list[Tally]] = {}
    for tag, tallies in found.items():
        for tagset, tags in sets.items():
            for value in values_of(tags, tag) or [""]:
                if tallies[value].requests <= FEW:
                    places.setdefault(tagset, []).append(tallies[value])
    requests: dict[int, list[Request]] = {}
    for row in columns.rows():
        for tagset, outcome, start in zip(*columns_of(row), strict=True):
            if tagset in places:
                service = sets[tagset].of.service
                one = Request(row.trace, service, row.start + start, split(outcome)[0])
                requests.setdefault(tagset, []).append(one)
    left = _MOST_EXACT
    for tagset in sorted(requests, key=lambda tagset: len(requests[tagset])):
        left -= len(requests[tagset])
        if left < 0:
            return
        durations = request_durations(db, requests[tagset])
        for tally in places[tagset]:
            tally.values += durations


def carried_tags(db: ReadSession, window: Window) -> list[str]:
    """The tags of the window's newest requests, by name."""
    columns, _ = newest_within(db, window, None, _TAGS_SAMPLE, MAX_ROWS)
    sets = read_sets(db, set(columns.sets))
    return sorted(set[str]().union(*sets.values()) - {OF_CALLS, OPERATION, SERVICE})


def columns_by_set(
    db: ReadSession,
    service: str | None,
    window: Window,
    width: int,
    where: Mapping[str, str],
    environment: str | None,
) -> tuple[Columns, bool]:
    """Request by request, of the newest that carry all of `where`; True if older ones were left out."""
    found, cut = newest_within(db, window, service, MAX_COUNTED, MAX_ROWS)
    everything = service is None and environment is None and not where
    sets = {} if everything else read_sets(db, set(found.sets))
    matching = None if everything else matching_sets(sets, service, where, environment)
    sizes = map(sub, found.ends, chain((0,), found.ends))
    after = [begun - window.from_unix_nano for begun in found.begun]
    begins: Iterable[int] = map(add, chain.from_iterable(map(repeat, after, sizes)), found.starts)
    outcomes: Iterable[int] = found.outcomes
    if matching is not None:
        flags = list(map(matching.__contains__, found.sets))
        begins, outcomes = compress(begins, flags), compress(outcomes, flags)
    # In C: a loop over the traces took three times as long.
    counts = Counter(zip(map(floordiv, begins, repeat(width)), outcomes, strict=True))
    columns = []
    for (column, outcome), n in counts.items():
        bucket, error, origin = split(outcome)
        columns.append((column, bucket, n, error * n, origin * n))
    return columns, cut


def are_few(db: ReadSession, window: Window) -> bool:
    """Whether the window is small enough to count every request."""
    row = db.one(
        "SELECT count(*) FROM (SELECT 1 FROM requests WHERE start >= ? AND start < ? LIMIT ?)",
        (window.from_unix_nano, window.to_unix_nano, _FEW_TRACES),
    )
    return row is None or row[0] < _FEW_TRACES


def slot_columns(db: ReadSession, selected: SeriesFilter, window: Window, width: int) -> Columns:
    """From slots at most a quarter of a column wide (or the finest), each filed by its middle."""
    slots = slots_of_columns(window, width)
    return list(
        cell_columns(db, selected, slots, window.from_unix_nano, width, -(-window.duration_ns // width))
    )
