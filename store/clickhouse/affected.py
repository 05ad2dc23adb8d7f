"""Who is affected by failing requests and traces, over ClickHouse: from whole traces, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from signals.amounts import amount_of
from signals.attributes import SEAT
from signals.model import SpanError
from store.api import BadQuery, TraceQuery
from store.change_results import Operation
from store.clickhouse.conditions import is_backend, is_error_row
from store.clickhouse.connection import Values
from store.clickhouse.derived import AROUND_NS, Derived, DerivedRequest
from store.clickhouse.session_events import SessionPart
from store.clickhouse.traces import TraceSearch
from store.queries import Window
from store.reach import Identities, Side, Try, attribute
from store.results import Affected, Refused
from store.tallies import SUMMED

MAX_TRACES: Final = 3_000
"""The newest traces of a window whose requests are counted."""
MAX_LOOKED: Final = 12_000
"""Those that are looked at for one operation: orders are few among the requests of a shop."""
_MAX_REQUESTS: Final = 15_000
MAX_AFFECTED: Final = 500
"""Traces of a search that are counted."""
_MAX_LOOKED_AFFECTED: Final = 8_000
MAX_REFUSED: Final = 200
_PEOPLE_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which requests are counted, and what of them counts as failed."""

    service: str | None
    window: Window
    where: Mapping[str, str]
    operation: str | None
    error: Literal["any", "origin"]
    environment: str | None

    def matches(self, one: DerivedRequest) -> bool:
        return (
            self.service in (None, one.service)
            and self.operation in (None, one.operation)
            and self.environment in (None, one.environment)
            and one.carries(self.where)
        )

    def failed(self, one: DerivedRequest) -> bool:
        return one.error if self.error == "any" else one.worst is SpanError.ORIGIN

    def inside(self, one: Derived) -> list[DerivedRequest]:
        begin, end = self.window.from_unix_nano, self.window.to_unix_nano
        return [each for each in one.requests if begin <= each.start < end]


class ClickHouseAffectedReader(SessionPart):
    """Counts people."""

    def affected(
        self,
        service: str | None,
        window: Window,
        where: Mapping[str, str] | None = None,
        operation: str | None = None,
        error: Literal["any", "origin"] = "any",
        environment: str | None = None,
        *,
        amounts: bool = False,
    ) -> Affected:
        if any(tag not in SUMMED for tag in where or {}):
            raise BadQuery("who is affected is narrowed by promoted tags only: remove the others.")
        if error not in ("any", "origin"):
            raise BadQuery(f"error is {error!r}: give any or origin.")
        asked = _Asked(service, window, dict(where or {}), operation, error, environment)
        traces, since = self._counted(asked)
        sides = Side(), Side()
        failures = list(_failures(traces, asked, sides))
        successes = _successes(traces, asked, failures)
        names = [one.summary.session_id or "" for one in traces]
        attribute(failures, successes, sides, dict(enumerate(names)), self.people_of)
        refused = [
            self._refused([traces[one.trace].summary.trace_id for one in side.lost]) if amounts else None
            for side in sides
        ]
        return Affected(sides[0].reach(refused[0]), sides[1].reach(refused[1]), since)

    def affected_by_traces(self, query: TraceQuery) -> Affected:
        search = TraceSearch(self, replace(query, sort="newest", cursor=None), _MAX_LOOKED_AFFECTED)
        found: list[Derived] = []
        for one in search.each(None):
            found.append(one)
            if len(found) > MAX_AFFECTED:
                break
        cut, found = len(found) > MAX_AFFECTED or search.truncated, found[:MAX_AFFECTED]
        begun = [one.summary.start_unix_nano for one in found]
        since = min(begun, default=query.window.to_unix_nano) if cut else None
        sides = Side(), Side()
        failed: list[tuple[Side, str, str]] = []
        for one in found:
            side = sides[one.synthetic]
            side.requests += 1
            if one.summary.errors or query.error is not None:
                person = one.summary.tags.get(SEAT, "")
                failed.append((side, person, one.summary.session_id or ""))
        identities = Identities([(person, session) for _, person, session in failed], self.people_of)
        for side, person, session in failed:
            side.fail(identities.name(person, session), session)
        return Affected(sides[0].reach(None), sides[1].reach(None), since)

    def people_of(self, sessions: Sequence[str]) -> Mapping[str, str]:
        """The person of each of these sessions that has one."""
        if self.span_rows is None:
            return {}
        found = {}
        for begin in range(0, len(sessions), _PEOPLE_AT_ONCE):
            part = self.sessions_of(sessions[begin : begin + _PEOPLE_AT_ONCE])
            for one in self.whole_sessions(part):
                if person := one.summary.attributes.get(SEAT):
                    found[str(one.summary.session_id)] = person
        return found

    def _counted(self, asked: _Asked) -> tuple[list[Derived], int | None]:
        """The traces whose requests are counted, newest first, and since when if there are more."""
        if self.traces is None:
            return [], None
        values = Values()
        backend = is_backend(self.spans_table())
        holding = []
        if asked.operation is not None:
            holding.append(f"(SpanName = {values.text(asked.operation)} AND {backend})")
        if asked.service is not None:
            holding.append(f"(ServiceName = {values.text(asked.service)} AND {backend})")
        window = asked.window
        around = Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)
        settled = self._with_requests(asked)
        looked, cut = settled or self.traces.newest(
            around, MAX_LOOKED if asked.operation else MAX_TRACES, values=values, holding=holding
        )
        found: list[Derived] = []
        counted, begun = 0, window.to_unix_nano
        for one in looked:
            inside = asked.inside(one)
            if not inside:
                continue
            if len(found) >= MAX_TRACES or counted >= _MAX_REQUESTS:
                return found, begun
            begun = min(begun, one.summary.start_unix_nano)
            found.append(one)
            counted += len(inside)
        return found, begun if cut else None

    def _with_requests(self, asked: _Asked) -> tuple[list[Derived], bool] | None:
        """The same where the window is settled: each of these traces has a request that counts."""
        values = Values()
        chosen = (
            ("Service", asked.service),
            ("Operation", asked.operation),
            ("Environment", asked.environment),
        )
        parts = [f"{column} = {values.text(value)}" for column, value in chosen if value is not None]
        if not parts or self.traces is None:
            return None
        return self.traces.with_requests(asked.window, MAX_TRACES, " AND ".join(parts), values)

    def _refused(self, traces: Sequence[str]) -> Refused:
        """What the failed requests of these traces asked for; a trace comes once for each."""
        looked = Counter(traces[:MAX_REFUSED])
        sums: dict[str, Decimal] = {}
        known = 0
        if looked and self.span_rows is not None:
            values = Values()
            spans = self.span_rows.spans(
                f"TraceId IN {values.texts(list(looked))} AND {is_error_row(self.span_rows.table)}",
                values,
                "Timestamp",
            )
            outermost: dict[str, tuple[str, str]] = {}
            counts: Counter[str] = Counter()
            for span in spans:
                amount = amount_of(span.attributes)
                if amount is None:
                    continue
                first = outermost.setdefault(span.trace_id, (span.service, span.name))
                if (span.service, span.name) == first and counts[span.trace_id] < looked[span.trace_id]:
                    counts[span.trace_id] += 1
                    sums[amount.currency] = sums.get(amount.currency, Decimal(0)) + amount.value
                    known += 1
        return Refused(sums, known, looked.total())


def _person(requests: Iterable[DerivedRequest]) -> str:
    return next((value for one in requests for value in one.values(SEAT)), "")


def _failures(traces: Sequence[Derived], asked: _Asked, sides: tuple[Side, Side]) -> Iterator[Try]:
    """The failed requests; counts all matching ones into their side."""
    for number, one in enumerate(traces):
        inside = asked.inside(one)
        matching = [each for each in inside if asked.matches(each)]
        if not matching:
            continue
        side = sides[one.synthetic]
        side.requests += len(matching)
        failed = [each for each in matching if asked.failed(each)]
        bad = [each for each in inside if each.error or each.worst is not SpanError.NONE]
        if bad:
            # In the middle of a trace what failed is known of its own service, at its beginning of all.
            side.recovered_inside += sum(
                (each.error or each.worst is not SpanError.NONE or each.start == one.summary.start_unix_nano)
                for each in matching
                if not each.error and each not in failed
            )
        person = _person([*failed, *inside])
        for each in failed:
            yield Try(number, one.synthetic, person, Operation(each.service, each.operation), each.start)


def _successes(traces: Sequence[Derived], asked: _Asked, failures: Sequence[Try]) -> list[Try]:
    """The requests of the operations that failed which went through after the first failure."""
    first: dict[Operation, int] = {}
    for failure in failures:
        first[failure.operation] = min(first.get(failure.operation, failure.start), failure.start)
    found: list[Try] = []
    for number, one in enumerate(traces):
        latest: dict[Operation, int] = {}
        inside = asked.inside(one)
        for each in inside:
            operation = Operation(each.service, each.operation)
            if operation not in first or each.error or not asked.matches(each) or asked.failed(each):
                continue
            if each.start > first[operation]:
                latest[operation] = max(latest.get(operation, 0), each.start)
        person = _person(inside)
        found += [Try(number, False, person, operation, start) for operation, start in latest.items()]
    return found
