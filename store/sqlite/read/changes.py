"""`store.api.ChangeReader` over SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from signals.changes import FLAG_KEY, FLAG_VARIANT, INSTANCE_TAG, PAGE_VERSION, POD_TAGS, VERSION_TAGS
from store.api import BadQuery
from store.change_results import Change, ChangeKind, FailingOperation, Operation, Seen, VersionRow, Versions
from store.queries import Page, Window
from store.results import Measure
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, split, unpack, within
from store.sqlite.read.error_sightings import error_sightings
from store.sqlite.read.read_connection import ReadSession, Row, SqlitePart
from store.sqlite.read.request_groups import SUMMED, by_tag
from store.sqlite.read.request_rows import newest
from store.sqlite.read.rollup_sums import Tally
from store.sqlite.read.row_mapping import limited
from store.sqlite.read.sightings import first_moments, first_slots, sightings
from store.sqlite.read.tag_set_search import all_sets, read_sets, sets_with
from store.sqlite.table_layout import SYNTHETIC_TAG, TAG_SET_SLOT_NS
from store.sqlite.tag_sets import ERROR, OPERATION, SERVICE, TagSet, environment_in, service_in, values_in

MAX_FAILING: Final = 600
"""The newest traces with an error whose entry is looked at: about 5 ms."""
MAX_REQUESTS: Final = 10_000
"""The newest requests that are counted by operation: enough to rank by, at a third of the cost."""
MAX_ROWS: Final = 6_000
"""The newest traces whose requests are read."""
_KINDS: Final[tuple[tuple[ChangeKind, str], ...]] = (
    ("version", VERSION_TAGS[0]),
    ("version", VERSION_TAGS[1]),
    ("version", VERSION_TAGS[2]),
    ("instance", INSTANCE_TAG),
)

_Version = tuple[str, str]
"""A version attribute and its value."""
_Subject = tuple[ChangeKind, str, str]
"""Kind, service, and attribute, or the key of a flag: what has one value after the other."""

_PROCESS_TAGS: Final = (SERVICE, *VERSION_TAGS, INSTANCE_TAG, *POD_TAGS, FLAG_KEY, FLAG_VARIANT)
"""What `_subjects` reads of a tag set."""


class SqliteChangeReader(SqlitePart):
    """Finds what fails, what is slow, and what changed."""

    def failing_operations(
        self, window: Window, environment: str | None = None, limit: int = 20
    ) -> Sequence[FailingOperation]:
        limited(limit)
        with self._connections.session() as db:
            real, synthetic = _failing(db, window, environment)
        order = sorted({*real, *synthetic}, key=lambda of: (-real[of], -synthetic[of], of))
        return [FailingOperation(of, real[of], synthetic[of]) for of in order[:limit]]

    def operation_measures(
        self, window: Window, environment: str | None = None
    ) -> tuple[Mapping[Operation, Measure], bool]:
        with self._connections.session() as db:
            return _operation_measures(db, window, environment)

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
            groups: dict[_Version, set[int]] = {}
            for number, tags in all_sets(db).items():
                if service_in(tags) == service:
                    for version in _versions_in(tags):
                        groups.setdefault(version, set()).add(number)
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


def _failing(
    db: ReadSession, window: Window, environment: str | None
) -> tuple[Counter[Operation], Counter[Operation]]:
    """How often the entry of a trace failed, by its operation: of real traffic, and of synthetic."""
    rows = db.all(
        "SELECT t.service, t.operation, r.sets, r.lows FROM trace_pairs p "
        "CROSS JOIN traces t ON t.id = p.trace "
        "CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace "
        "WHERE p.pair = (SELECT id FROM pairs WHERE tag = ? AND value = '') "
        "AND p.start >= ? AND p.start < ? ORDER BY p.start DESC LIMIT ?",
        (ERROR, window.from_unix_nano, window.to_unix_nano, MAX_FAILING),
    )
    sets = read_sets(db, set(unpack(SET_CODE, b"".join([row[2] for row in rows]))))
    sides = Counter[Operation](), Counter[Operation]()
    for service, operation, numbers_body, outcomes_body in rows:
        numbers = unpack(SET_CODE, numbers_body)
        for number, outcome in zip(numbers, unpack(OUTCOME_CODE, outcomes_body), strict=True):
            tags = sets.get(number, {})
            if service_in(tags) != service or operation not in values_in(tags, OPERATION):
                continue
            if outcome & 1 and environment in (None, environment_in(tags)):
                programs = any(values_in(sets.get(each, {}), SYNTHETIC_TAG) for each in numbers)
                sides[programs][Operation(service, operation)] += 1
            break
    return sides


def _operation_measures(
    db: ReadSession, window: Window, environment: str | None
) -> tuple[dict[Operation, Measure], bool]:
    rows: list[tuple[bytes, bytes]] = []
    counted, cut = 0, False
    for place, row in enumerate(newest(db, window, None, MAX_ROWS + 1)):
        if place >= MAX_ROWS or counted >= MAX_REQUESTS:
            cut = True
            break
        sets, outcomes, _ = within(row, window)
        rows.append((sets, outcomes))
        counted += len(outcomes) // 2  # outcomes take two bytes each
    numbers = unpack(SET_CODE, b"".join([row[0] for row in rows]))
    of_set = {
        number: Operation(service_in(tags), next(iter(values_in(tags, OPERATION)), ""))
        for number, tags in read_sets(db, set(numbers)).items()
        if environment is None or environment_in(tags) == environment
    }
    counts = Counter(
        zip(
            map(of_set.get, numbers),
            unpack(OUTCOME_CODE, b"".join([row[1] for row in rows])),
            strict=True,
        )
    )
    tallies: dict[Operation, Tally] = {}
    for (of, outcome), n in counts.items():
        if of is not None:
            bucket, error, origin = split(outcome)
            tallies.setdefault(of, Tally()).add(bucket, n, error * n, origin * n)
    return {of: tally.measure() for of, tally in tallies.items()}, cut


def _key_outcomes(
    db: ReadSession, service: str, window: Window, key: Operation | None, environment: str | None
) -> tuple[Counter[_Version], Counter[_Version], bool]:
    """Requests of the key operation, and those that failed, by (tag, version) that they met."""
    tried, failed = Counter[_Version](), Counter[_Version]()
    if key is None:
        return tried, failed, False
    sets = all_sets(db)
    keys = frozenset(
        number
        for number, tags in sets.items()
        if service_in(tags) == key.service
        and key.operation in values_in(tags, OPERATION)
        and environment in (None, environment_in(tags))
    )
    met = {number: _versions_in(tags) for number, tags in sets.items() if service_in(tags) == service}
    for place, row in enumerate(newest(db, window, service, MAX_ROWS + 1)):
        if place >= MAX_ROWS:
            return tried, failed, True
        if keys.isdisjoint(memoryview(row.sets).cast(SET_CODE)):
            continue
        sets_body, outcomes, _ = within(row, window)
        numbers = unpack(SET_CODE, sets_body)
        ended = [
            outcome & 1
            for number, outcome in zip(numbers, unpack(OUTCOME_CODE, outcomes), strict=True)
            if number in keys
        ]
        for version in {version for number in numbers for version in met.get(number, ())}:
            tried[version] += len(ended)
            failed[version] += sum(ended)
    return tried, failed, False


def _versions_in(tags: TagSet) -> tuple[_Version, ...]:
    return tuple((tag, value) for tag in VERSION_TAGS if tag in tags for value in values_in(tags, tag))


def _changes(db: ReadSession, window: Window, environment: str | None) -> list[Change]:
    slots = first_slots(db)
    groups: dict[tuple[_Subject, str], set[int]] = {}
    for example, numbers in _by_process(all_sets(db), environment).values():
        for subject, value in _subjects(example):
            groups.setdefault((subject, value), set()).update(numbers)
    begin = window.from_unix_nano // TAG_SET_SLOT_NS
    # A first slot before the window's own is before the window: its moment need not be known.
    early: dict[tuple[_Subject, str], int] = {}
    inside: dict[tuple[_Subject, str], set[int]] = {}
    values: Counter[_Subject] = Counter(subject for subject, _ in groups)
    for one, ids in groups.items():
        first = min((slots[number] for number in ids if number in slots), default=None)
        if first is None or values[one[0]] < 2:
            continue
        if first < begin:
            early[one] = first * TAG_SET_SLOT_NS
        elif first * TAG_SET_SLOT_NS < window.to_unix_nano:
            inside[one] = ids
    moments = {**early, **{one: at for one, (at, _) in first_moments(db, inside, slots).items()}}
    of_subject: dict[_Subject, list[tuple[int, str]]] = {}
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


def _by_process(
    sets: Mapping[int, TagSet], environment: str | None
) -> dict[tuple[object, ...], tuple[TagSet, list[int]]]:
    """A tag set for all that name the same process, and the numbers of these.

    There are thousands of sets and few processes.
    """
    found: dict[tuple[object, ...], tuple[TagSet, list[int]]] = {}
    for number, tags in sets.items():
        if environment is None or environment_in(tags) == environment:
            described: tuple[object, ...] = tuple(map(tags.get, _PROCESS_TAGS))
            try:
                of = found.setdefault(described, (tags, []))
            except TypeError:  # a list: several values
                of = found.setdefault(tuple(map(repr, described)), (tags, []))
            of[1].append(number)
    return found


def _of(subject: _Subject, moments: list[tuple[int, str]], window: Window) -> Iterator[Change]:
    """The values of one subject that were first seen in the window, the very first one excepted."""
    kind, service, tag = subject
    ordered = sorted(moments)
    for (_, before), (at, value) in pairwise(ordered):
        if window.from_unix_nano <= at < window.to_unix_nano:
            yield Change(kind, service, tag, value, before, at)


def _subjects(tags: TagSet) -> Iterator[tuple[_Subject, str]]:
    """What a tag set says of versions, the process and flags of its service."""
    service = service_in(tags)
    for kind, tag in _KINDS:
        for value in values_in(tags, tag):
            yield (kind, service, tag), value
    if INSTANCE_TAG not in tags:
        pod = next((tag for tag in POD_TAGS if tag in tags), None)
        if pod is not None:
            for value in values_in(tags, pod):
                yield ("instance", service, pod), value
    # Of several flags in one request it is not known which variant is whose.
    keys, variants = values_in(tags, FLAG_KEY), values_in(tags, FLAG_VARIANT)
    if len(keys) == 1 and len(variants) == 1:
        yield ("flag", service, keys[0]), variants[0]
