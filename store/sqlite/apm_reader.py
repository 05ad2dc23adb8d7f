"""Questions about services: the map, rates, percentiles, breakdowns."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from store.api import BadQuery
from store.model import Breakdown
from store.model import MapEdge
from store.model import MapNode
from store.model import Measure
from store.model import Point
from store.model import ServiceMap
from store.model import TagValue
from store.model import Window
from store.semantics import PROMOTED
from store.semantics import UNBOUNDED
from store.sqlite.answers import limited
from store.sqlite.asking import Asking
from store.sqlite.asking import Question
from store.sqlite.gather import Tally
from store.sqlite.gather import Wanted
from store.sqlite.gather import gather
from store.sqlite.request_scan import scan_requests
from store.sqlite.rollups import CALL
from store.sqlite.rollups import FINE_S
from store.sqlite.rollups import OPERATION
from store.sqlite.rollups import REPEAT
from store.sqlite.rollups import SECOND_NS
from store.sqlite.rollups import SERVICE
from store.sqlite.rollups import TAG

_SUMMED = frozenset(PROMOTED) - UNBOUNDED
_EXACT = 60_000
"""Up to so many requests, a time series counts each; beyond, it adds up slots of 10 s."""
_MAX_COLUMNS = 1_000


class ApmReader:
    """The part of `store.api.Reader` that knows services."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def services(self, window: Window, environment: str | None = None) -> Mapping[str, Measure]:
        with self._asking.question() as ask:
            found = gather(ask, Wanted(SERVICE, environment=environment), window, lambda key: key.subject)
        return {str(name): tally.measure() for name, tally in sorted(found.items()) if tally.requests > 0}

    def operations(
        self, service: str, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        wanted = Wanted(OPERATION, subject=service, environment=environment)
        with self._asking.question() as ask:
            found = gather(ask, wanted, window, lambda key: key.item)
        return {str(name): tally.measure() for name, tally in sorted(found.items()) if tally.requests > 0}

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        with self._asking.question() as ask:
            services = gather(ask, Wanted(SERVICE, environment=environment), window, lambda key: key.subject)
            calls = gather(
                ask,
                Wanted(CALL, environment=environment),
                window,
                lambda key: (key.subject, key.item, key.value),
            )
        reporting = {name for name, tally in services.items() if tally.requests > 0}
        nodes = {
            str(name): MapNode(str(name), False, False, services[name].measure())
            for name in sorted(reporting, key=str)
        }
        edges: dict[tuple[str, str], Tally] = {}
        outside: dict[str, Tally] = {}
        databases: set[str] = set()
        for (source, target, flag), tally in calls.items():
            if tally.requests <= 0:
                continue
            edges.setdefault((source, target), Tally()).merge(tally)
            if target not in reporting:
                outside.setdefault(target, Tally()).merge(tally)
                if flag == "d":
                    databases.add(target)
            if source not in reporting and source not in outside:
                nodes.setdefault(source, MapNode(source, False, False, Measure()))
        for name, tally in outside.items():
            nodes[name] = MapNode(name, True, name in databases, tally.measure())
        return ServiceMap(
            tuple(nodes[name] for name in sorted(nodes)),
            tuple(
                MapEdge(source, target, edges[source, target].measure()) for source, target in sorted(edges)
            ),
        )

    def series(
        self,
        service: str | None,
        window: Window,
        columns: int = 60,
        operation: str | None = None,
        environment: str | None = None,
    ) -> Sequence[Point]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        width = max(1, -(-window.duration_ns // columns))
        tallies = [Tally() for _ in range(columns)]
        with self._asking.question() as ask:
            exact = (
                None if environment is not None else _exact_columns(ask, service, operation, window, width)
            )
            if exact is None:
                exact = _slot_columns(ask, service, operation, environment, window, width)
            for column, bucket, n, errors, origins in exact:
                if 0 <= column < columns:
                    tallies[column].add(bucket, n, errors, origins)
        begin = window.from_unix_nano
        return [Point(begin + place * width, tally.measure()) for place, tally in enumerate(tallies)]

    def breakdown(
        self,
        service: str | None,
        tag: str,
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> Breakdown:
        limited(limit)
        with self._asking.question() as ask:
            if where or tag not in _SUMMED:
                filters = dict(where or {})
                tallies, scanned, cut = scan_requests(ask, service, tag, window, filters, environment)
            else:
                tallies, scanned, cut = _summed(ask, service, tag, window, environment), 0, False
        return ranked(tag, tallies, limit, scanned, cut=cut)

    def tags(self, window: Window) -> Sequence[str]:
        first = window.from_unix_nano // (FINE_S * SECOND_NS)
        behind = -(-window.to_unix_nano // (FINE_S * SECOND_NS))
        with self._asking.question() as ask:
            rows = ask.all(
                "SELECT DISTINCT s.item FROM series s WHERE s.kind = ? "
                "AND EXISTS (SELECT 1 FROM cells c WHERE c.series = s.id AND c.width = ? "
                "AND c.slot >= ? AND c.slot < ? AND c.n > 0) ORDER BY 1",
                (TAG, FINE_S, first, behind),
            )
        return [tag for (tag,) in rows]

    def environments(self, window: Window) -> Sequence[str]:
        with self._asking.question() as ask:
            backend = gather(ask, Wanted(SERVICE), window, lambda key: key.environment)
            browser = ask.all(
                "SELECT DISTINCT environment FROM sessions WHERE finish >= ? AND start < ?",
                (window.from_unix_nano, window.to_unix_nano),
            )
        seen = {str(name) for name, tally in backend.items() if tally.requests > 0} | {
            name for (name,) in browser
        }
        return sorted(seen - {""})


def ranked(tag: str, tallies: Mapping[str, Tally], limit: int, scanned: int, *, cut: bool) -> Breakdown:
    """Values by requests, most first, then by name."""
    order = sorted(
        (value for value, tally in tallies.items() if tally.requests > 0),
        key=lambda value: (-tallies[value].requests, value),
    )
    values = tuple(TagValue(value, tallies[value].measure()) for value in order[:limit])
    return Breakdown(tag, values, scanned, truncated=cut or len(order) > limit)


def _summed(
    ask: Question, service: str | None, tag: str, window: Window, environment: str | None
) -> dict[str, Tally]:
    """By value from the rollups; what carries no value is what is left of all requests."""
    tagged = gather(ask, Wanted(TAG, service, tag, environment), window, lambda key: key.value)
    tallies = {str(value): tally for value, tally in tagged.items()}
    absent = Tally()
    everything = gather(ask, Wanted(SERVICE, service, environment=environment), window, lambda key: "")
    for tally in everything.values():
        absent.merge(tally)
    for tally in tallies.values():
        absent.merge(tally, -1)
    for tally in gather(ask, Wanted(REPEAT, service, tag, environment), window, lambda key: "").values():
        absent.merge(tally)
    if absent.requests > 0:
        tallies[""] = absent
    return tallies


Columns = Sequence[tuple[int, int, int, int, int]]
"""(column, bucket, requests, errors, origin errors)"""


def _exact_columns(
    ask: Question, service: str | None, operation: str | None, window: Window, width: int
) -> Columns | None:
    """Row by row, or None if there are too many rows."""
    condition = "start >= ? AND start < ?"
    values: list[object] = [window.from_unix_nano, window.to_unix_nano]
    for column, value in (("service", service), ("operation", operation)):
        if value is not None:
            condition += f" AND {column} = ?"
            values.append(value)
    row = ask.one(
        f"SELECT count(*) FROM (SELECT 1 FROM requests WHERE {condition} LIMIT ?)", (*values, _EXACT + 1)
    )
    if row is None or row[0] > _EXACT:
        return None
    return ask.all(
        "SELECT (start - ?) / ?, bucket, count(*), sum(error), sum(worst = 2) FROM requests "
        f"WHERE {condition} GROUP BY 1, 2",
        (window.from_unix_nano, width, *values),
    )


def _slot_columns(
    ask: Question,
    service: str | None,
    operation: str | None,
    environment: str | None,
    window: Window,
    width: int,
) -> Columns:
    """From slots of 10 s, each filed by its middle."""
    slot_ns = FINE_S * SECOND_NS
    kind = SERVICE if operation is None else OPERATION
    condition, values = Wanted(kind, service, operation, environment).conditions()
    return ask.all(
        "SELECT (c.slot * ? + ? - ?) / ?, c.bucket, sum(c.n), sum(c.errors), sum(c.origins) "
        "FROM series s "
        "CROSS JOIN cells c ON c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
        f"WHERE {condition} GROUP BY 1, 2",
        (
            slot_ns,
            slot_ns // 2,
            window.from_unix_nano,
            width,
            FINE_S,
            window.from_unix_nano // slot_ns,
            -(-window.to_unix_nano // slot_ns),
            *values,
        ),
    )
