"""`store.api.ChangeReader` over SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain, compress, pairwise
from typing import Final

from signals.changes import PAGE_VERSION, VERSION_TAGS
from store.api import BadQuery
from store.change_results import Change, FailingOperation, Operation, Seen, VersionRow, Versions
from store.queries import Page, Window
from store.results import Measure
from store.sqlite.read.error_sightings import error_sightings
from store.sqlite.read.failing_entries import count_failing
from store.sqlite.read.processes import Process, Subject, processes, version_sets
from store.sqlite.read.read_connection import ReadSession, Row, SqlitePart
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.read.request_groups import SUMMED, by_operation, by_tag
from store.sqlite.read.request_rows import newest_parts
from store.sqlite.read.request_slots import cut_to
from store.sqlite.read.row_mapping import limited
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.sightings import first_moments, first_slots, sightings
from store.sqlite.read.tag_set_search import sets_of_environment, sets_with
from store.sqlite.table_layout import TAG_SET_SLOT_NS
from store.tag_sets import OPERATION

MAX_REQUESTS: Final = 10_000
"""The newest requests that are counted by operation: enough to rank by, at a third of the cost."""
MAX_ROWS: Final = 6_000
"""The newest traces whose requests are read."""
_KNOWN_BYTES: Final = 1024**2
_Version = tuple[str, str]
"""A version attribute and its value."""
_Outcomes = dict[tuple[_Version, ...], tuple[int, int]]
"""(requests, those that failed) by versions."""


class SqliteChangeReader(SqlitePart):
    """Finds what fails, what is slow, and what changed."""

    def failing_operations(
        self, window: Window, environment: str | None = None, limit: int = 20
    ) -> Sequence[FailingOperation]:
        limited(limit)
        with self._connections.session() as db:
            real, synthetic = count_failing(db, window, environment)
        order = sorted({*real, *synthetic}, key=lambda of: (-real[of], -synthetic[of], of))
        return [FailingOperation(of, real[of], synthetic[of]) for of in order[:limit]]

    def operation_measures(
        self, window: Window, environment: str | None = None
    ) -> tuple[Mapping[Operation, Measure], bool]:
        with self._connections.session() as db:
            tallies, cut = by_operation(db, window, environment, MAX_REQUESTS, MAX_ROWS)
        return {of: tally.measure() for of, tally in tallies.items()}, cut

    def versions(
        self,
        service: str,
        window: Window,
        key: Operation | None = None,
        environment: str | None = None,
    ) -> Versions:
        with self._connections.session() as db:
            tallies, _, _, cut = by_tag(db, service, VERSION_TAGS, window, {}, environment)
            carried = {tag: found for tag, found in tallies.items() if any(found)}
            groups = version_sets(db, service)
            seen = sightings(db, {one: groups[one] for one in groups if one[1] in carried.get(one[0], ())})
            tried, failed, short = _key_outcomes(db, service, window, key, environment)
        rows = [
            VersionRow(
                tag,
                value,
                seen.get((tag, value)),
                tally.measure(),
                tried[tag, value],
                failed[tag, value],
            )
            for tag, found in carried.items()
            for value, tally in found.items()
        ]
        rows.sort(key=_version_order)
        return Versions(tuple(rows), cut or short)

    def seen(self, tag: str, values: Sequence[str], service: str | None = None) -> Mapping[str, Seen]:
        if tag not in SUMMED:
            raise BadQuery("first and last sightings are kept of promoted tags only.")
        with self._connections.session() as db:
            return sightings(db, {value: sets_with(db, tag, value, service) for value in values if value})

    def errors_seen(self, error_ids: Sequence[str]) -> Mapping[str, Seen]:
        with self._connections.session() as db:
            return error_sightings(db, error_ids)

    def changes(self, window: Window, environment: str | None = None, limit: int = 100) -> Page[Change]:
        limited(limit)
        with self._connections.session() as db:
            found = _changes(db, window, environment)
        found.sort(key=lambda one: (-one.unix_nano, one.kind, one.service, one.tag, one.value))
        return Page(found[:limit], None, len(found) > limit)


def _version_order(row: VersionRow) -> tuple[int, bool, int, str]:
    first = row.seen.first_unix_nano if row.seen else 0
    return VERSION_TAGS.index(row.tag), not row.value, -first, row.value


class _KnownOutcomes(BoundedCache[tuple[int, Hashable], tuple[int, _Outcomes]]):
    """(version, outcomes) by slot and question."""

    def __init__(self) -> None:
        super().__init__(_KNOWN_BYTES, lambda known: 500 + 300 * len(known[1]))


def _key_outcomes(
    db: ReadSession, service: str, window: Window, key: Operation | None, environment: str | None
) -> tuple[Counter[_Version], Counter[_Version], bool]:
    """Requests of the key operation, and those that failed, by (tag, version) that they met."""
    tried, failed = Counter[_Version](), Counter[_Version]()
    if key is None:
        return tried, failed, False
    question = service, key, environment
    known = db.shared.of(_KnownOutcomes)
    keys, met = _keys_and_versions(db, service, key, environment)
    counts: _Outcomes = {}
    rows, cut = 0, False
    for part in newest_parts(db, window, service):
        fitting = min(len(part.columns), MAX_ROWS - rows)
        rows += fitting
        cut = fitting < len(part.columns)
        kept = known.get((part.key[0], question)) if part.key and not cut else None
        if part.key and kept and kept[0] == part.key[1]:
            found = kept[1]
        else:
            found = _outcomes_of(cut_to(part, window).first(fitting), keys, met)
            if part.key and not cut:
                known.update({(part.key[0], question): (part.key[1], found)})
        for versions, (ended, bad) in found.items():
            before = counts.get(versions, (0, 0))
            counts[versions] = before[0] + ended, before[1] + bad
        if cut:
            break
    for versions, (all_ended, bad) in counts.items():
        for version in versions:
            tried[version] += all_ended
            failed[version] += bad
    return tried, failed, cut


def _keys_and_versions(
    db: ReadSession, service: str, key: Operation, environment: str | None
) -> tuple[frozenset[int], dict[int, tuple[_Version, ...]]]:
    """The tag sets of the key operation, and the versions that those of the service carry."""
    keys = sets_with(db, OPERATION, key.operation, key.service)
    if environment is not None:
        keys &= sets_of_environment(db, environment)
    met: dict[int, tuple[_Version, ...]] = {}
    for version, numbers in version_sets(db, service).items():
        for number in numbers:
            met[number] = (*met.get(number, ()), version)
    return keys, met


def _outcomes_of(
    columns: RequestColumns, keys: frozenset[int], met: Mapping[int, tuple[_Version, ...]]
) -> _Outcomes:
    """(requests of the key operation, those that failed) of some traces, by the versions that they met."""
    counts: _Outcomes = {}
    sets, outcomes, low = memoryview(columns.sets), columns.outcomes, 0
    is_key, is_met = keys.__contains__, met.__contains__
    known: dict[tuple[int, ...], tuple[_Version, ...]] = {}
    for high in columns.ends:
        numbers = sets[low:high]
        if not keys.isdisjoint(numbers):
            # Passed over in C: of a trace's requests few are of the operation, and few of the service.
            ended = [outcome & 1 for outcome in compress(outcomes[low:high], map(is_key, numbers))]
            carried = tuple(filter(is_met, numbers))
            versions = known.get(carried)
            if versions is None:
                all_versions = chain.from_iterable(map(met.__getitem__, carried))
                versions = known[carried] = tuple(dict.fromkeys(all_versions))
            before = counts.get(versions, (0, 0))
            counts[versions] = before[0] + len(ended), before[1] + sum(ended)
        low = high
    return counts


def _changes(db: ReadSession, window: Window, environment: str | None) -> list[Change]:
    of_processes: dict[tuple[Subject, str], list[Process]] = {}
    for process in processes(db):
        if environment is None or process.environment == environment:
            for one in process.values:
                of_processes.setdefault(one, []).append(process)
    values = Counter(subject for subject, _ in of_processes)
    groups = {
        one: frozenset(chain.from_iterable(process.sets for process in found))
        for one, found in of_processes.items()
        if values[one[0]] > 1
    }
    slots = first_slots(db, groups)
    begin, end = window.from_unix_nano // TAG_SET_SLOT_NS, window.to_unix_nano
    # A first slot before the window's own is before the window: its moment need not be known.
    moments = {one: slot * TAG_SET_SLOT_NS for one, slot in slots.items() if slot < begin}
    inside = {
        one: groups[one] for one, slot in slots.items() if slot >= begin and slot * TAG_SET_SLOT_NS < end
    }
    moments |= {one: at for one, (at, _) in first_moments(db, inside, slots).items()}
    of_subject: dict[Subject, list[tuple[int, str]]] = {}
    for (subject, value), at in moments.items():
        of_subject.setdefault(subject, []).append((at, value))
    for app, version, at in _page_versions(db, environment):
        of_subject.setdefault(("page", app, PAGE_VERSION), []).append((at, version))
    return [change for subject, ordered in of_subject.items() for change in _of(subject, ordered, window)]


def _page_versions(db: ReadSession, environment: str | None) -> list[Row]:
    """(app, version, start of the first session with it) of applications in browsers."""
    return [
        (app, version, start)
        for app, own, version, start in db.each(
            "SELECT s.app, s.environment, p.value, s.start FROM pairs p CROSS JOIN sessions s "
            "ON s.id = (SELECT min(session) FROM session_pairs WHERE pair = p.id) WHERE p.tag = ?",
            (PAGE_VERSION,),
        )
        if environment in (None, own)
    ]


def _of(subject: Subject, moments: list[tuple[int, str]], window: Window) -> Iterator[Change]:
    """The values of one subject that were first seen in the window, the very first one excepted."""
    kind, service, tag = subject
    ordered = sorted(moments)
    for (_, before), (at, value) in pairwise(ordered):
        if window.from_unix_nano <= at < window.to_unix_nano:
            yield Change(kind, service, tag, value, before, at)
