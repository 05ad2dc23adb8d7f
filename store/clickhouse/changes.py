"""`store.api.ChangeReader` over ClickHouse: from the newest traces that are kept.

What is older than these is not looked at: a sighting says then that it is not exact, a page that it is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from signals.changes import FLAG_KEY, FLAG_VARIANT, INSTANCE_TAG, PAGE_VERSION, POD_TAGS, VERSION_TAGS
from store.api import BadQuery
from store.change_results import Change, FailingOperation, Operation, Seen, VersionRow, Versions
from store.clickhouse.conditions import is_error_row
from store.clickhouse.derived import AROUND_NS, Derived, DerivedRequest
from store.clickhouse.rum import errors_of
from store.clickhouse.session_events import SessionPart
from store.histogram import bucket_of
from store.process_values import Process, Subject
from store.queries import Page, Window
from store.question_parts import limited
from store.results import Measure
from store.tag_sets import SERVICE
from store.tallies import SUMMED, Tally

MAX_FAILING: Final = 600
MAX_REQUESTS: Final = 10_000
MAX_TRACES: Final = 6_000
"""The newest traces whose requests are read."""
MAX_ERRORS: Final = 1_000
"""The oldest errors that are read, and the newest."""
_MOST_SESSIONS: Final = 5_000
_OF_PROCESS: Final = (*VERSION_TAGS, INSTANCE_TAG, *POD_TAGS, FLAG_KEY, FLAG_VARIANT)


class ClickHouseChangeReader(SessionPart):
    """Finds what fails, what is slow, and what changed."""

    def failing_operations(
        self, window: Window, environment: str | None = None, limit: int = 20
    ) -> Sequence[FailingOperation]:
        limited(limit)
        sides = Counter[Operation](), Counter[Operation]()
        for one in self._failing(window):
            entry = one.summary.service, one.summary.operation
            for each in one.requests:
                if (each.service, each.operation) == entry:
                    if each.error and environment in (None, each.environment):
                        sides[one.synthetic][Operation(*entry)] += 1
                    break
        real, synthetic = sides
        order = sorted({*real, *synthetic}, key=lambda of: (-real[of], -synthetic[of], of))
        return [FailingOperation(of, real[of], synthetic[of]) for of in order[:limit]]

    def operation_measures(
        self, window: Window, environment: str | None = None
    ) -> tuple[Mapping[Operation, Measure], bool]:
        found, cut = self._newest(window)
        tallies: dict[Operation, Tally] = {}
        counted = 0
        for one in found:
            for each in _inside(one, window):
                counted += 1
                if environment in (None, each.environment):
                    of = Operation(each.service, each.operation)
                    _count(tallies.setdefault(of, Tally()), each)
            if counted >= MAX_REQUESTS:
                cut = cut or one is not found[-1]
                break
        return {of: tally.measure() for of, tally in tallies.items()}, cut

    def versions(
        self, service: str, window: Window, key: Operation | None = None, environment: str | None = None
    ) -> Versions:
        found, cut = self._newest(window)
        tallies: dict[tuple[str, str], Tally] = {}
        tried, failed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for one in found:
            inside = _inside(one, window)
            met: dict[tuple[str, str], None] = {}
            for each in inside:
                if each.service != service:
                    continue
                carried = [(tag, value) for tag in VERSION_TAGS for value in each.values(tag)]
                met |= dict.fromkeys(carried)
                if environment in (None, each.environment):
                    without = [(tag, "") for tag in VERSION_TAGS if not each.values(tag)]
                    for version in (*carried, *without):
                        _count(tallies.setdefault(version, Tally()), each)
            keys = [
                each
                for each in inside
                if key == (each.service, each.operation) and environment in (None, each.environment)
            ]
            for version in met:
                tried[version] += len(keys)
                failed[version] += sum(each.error for each in keys)
        named = {tag for tag, value in tallies if value}
        seen = self._sightings(service, [version for version in tallies if version[1]])
        rows = [
            VersionRow(*version, seen.get(version), tally.measure(), tried[version], failed[version])
            for version, tally in tallies.items()
            if version[0] in named
        ]
        rows.sort(key=_version_order)
        return Versions(tuple(rows), cut)

    def seen(self, tag: str, values: Sequence[str], service: str | None = None) -> Mapping[str, Seen]:
        if tag not in SUMMED:
            raise BadQuery("first and last sightings are kept of promoted tags only.")
        found = self._sightings(service, [(tag, value) for value in values if value])
        return {value: one for (_, value), one in found.items()}

    def errors_seen(self, error_ids: Sequence[str]) -> Mapping[str, Seen]:
        asked = frozenset(error_ids)
        settled = self.settled_samples()
        parts = settled.open_parts(Window.ALL) if settled is not None else None
        if settled is not None and parts is not None:
            found = {name: Seen(*times) for name, times in settled.errors_seen(error_ids).items()}
            events = [event for part in parts for event in self.errors_within(part, 2 * MAX_ERRORS)[0]]
            for error in errors_of(events, {}):
                if error.error_id in asked:
                    known = found.get(error.error_id, Seen(error.start, error.start))
                    first, last = known.first_unix_nano, known.last_unix_nano
                    found[error.error_id] = Seen(min(first, error.start), max(last, error.start))
            return found
        return self._errors_read(asked)

    def _errors_read(self, asked: frozenset[str]) -> dict[str, Seen]:
        """The same from the oldest events and the newest."""
        oldest = errors_of(self.error_events(2 * MAX_ERRORS + 1, newest=False), {})
        whole = len(oldest) <= MAX_ERRORS
        newest = [] if whole else errors_of(self.error_events(2 * MAX_ERRORS, newest=True), {})[:MAX_ERRORS]
        found: dict[str, Seen] = {}
        for error in oldest[:MAX_ERRORS]:
            if error.error_id in asked:
                known = found.get(error.error_id)
                first = known.first_unix_nano if known else error.start
                found[error.error_id] = Seen(first, error.start)
        for error in reversed(newest):
            if error.error_id in asked:
                seen = found.get(error.error_id, Seen(error.start, error.start, exact=False))
                last = max(seen.last_unix_nano, error.start)
                found[error.error_id] = Seen(seen.first_unix_nano, last, seen.exact)
        return found

    def changes(self, window: Window, environment: str | None = None, limit: int = 100) -> Page[Change]:
        limited(limit)
        traces, cut = self._newest(Window.ALL)
        begun_by: dict[tuple[object, ...], DerivedRequest] = {}
        for one in traces:
            for each in one.requests:
                if environment in (None, each.environment):
                    process = _process_of(each)
                    known = begun_by.get(process)
                    if known is None or each.start < known.start:
                        begun_by[process] = each
        first: dict[Subject, dict[str, int]] = {}
        for each in begun_by.values():
            for subject, value in Process({**each.tags, SERVICE: each.service}).values:
                moments = first.setdefault(subject, {})
                moments[value] = min(moments.get(value, each.start), each.start)
        sessions, short = self.sessions_within(Window.ALL, _MOST_SESSIONS)
        for whole in self.whole_sessions(sessions):
            summary = whole.summary
            if environment in (None, summary.environment):
                moments = first.setdefault(("page", summary.app, PAGE_VERSION), {})
                for value in (value for tag, value in whole.pairs if tag == PAGE_VERSION):
                    begun = summary.start_unix_nano
                    moments[value] = min(moments.get(value, begun), begun)
        found = [change for subject, moments in first.items() for change in _of(subject, moments, window)]
        found.sort(key=lambda one: (-one.unix_nano, one.kind, one.service, one.tag, one.value))
        return Page(found[:limit], None, len(found) > limit or cut or short)

    def _sightings(
        self, service: str | None, asked: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Seen]:
        if not asked:
            return {}
        traces, cut = self._newest(Window.ALL)
        found: dict[tuple[str, str], Seen] = {}
        for one in traces:
            for each in one.requests:
                if service not in (None, each.service):
                    continue
                for tag, value in asked:
                    if value in each.values(tag):
                        known = found.get((tag, value))
                        first, last = (
                            (min(known.first_unix_nano, each.start), max(known.last_unix_nano, each.start))
                            if known
                            else (each.start, each.start)
                        )
                        found[tag, value] = Seen(first, last, exact=not cut)
        return found

    def _newest(self, window: Window) -> tuple[list[Derived], bool]:
        traces = self.traces
        if traces is None:
            return [], False
        begin = max(0, window.from_unix_nano - AROUND_NS)
        end = min(window.to_unix_nano + AROUND_NS, Window.ALL.to_unix_nano)
        asked = Window(begin, end)
        return self.moment.once(("newest", asked), lambda: traces.newest(asked, MAX_TRACES))

    def _failing(self, window: Window) -> list[Derived]:
        """The newest traces of the window with an error."""
        if self.traces is None:
            return []
        holding = [is_error_row(self.spans_table())]
        found, _ = self.traces.newest(window, MAX_FAILING, holding=holding)
        begin, end = window.from_unix_nano, window.to_unix_nano
        return [one for one in found if begin <= one.summary.start_unix_nano < end]


def _process_of(one: DerivedRequest) -> tuple[object, ...]:
    """What tells its process; requests of one process say the same of it."""
    named = map(one.tags.get, _OF_PROCESS)
    return one.service, *((*value,) if isinstance(value, list) else value for value in named)


def _inside(one: Derived, window: Window) -> list[DerivedRequest]:
    begin, end = window.from_unix_nano, window.to_unix_nano
    return [each for each in one.requests if begin <= each.start < end]


def _count(tally: Tally, one: DerivedRequest) -> None:
    tally.add(bucket_of(one.duration), 1, int(one.error), int(one.worst.value == "origin"))


def _version_order(row: VersionRow) -> tuple[int, bool, int, str]:
    first = row.seen.first_unix_nano if row.seen else 0
    return VERSION_TAGS.index(row.tag), not row.value, -first, row.value


def _of(subject: Subject, moments: Mapping[str, int], window: Window) -> list[Change]:
    """The values of one subject that were first seen in the window, the very first one excepted."""
    ordered = sorted((at, value) for value, at in moments.items())
    return [
        Change(*subject, value, before, at)
        for (_, before), (at, value) in pairwise(ordered)
        if window.from_unix_nano <= at < window.to_unix_nano
    ]
