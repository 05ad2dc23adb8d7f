"""A ClickHouse store with tables of our own, a settler for it, and telemetry that means trouble for both."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from signals.model import Span, SpanKind, TraceId
from store.api import Batch, StoreStatus, TraceQuery, Window
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from store.clickhouse.lease import Lease
from store.clickhouse.preparing import execute, plan, with_spans
from store.clickhouse.reader import ClickHouseReader
from store.clickhouse.settler import Settler
from store.clickhouse.writer import ClickHouseWriter
from store.results import TraceSummary
from tests.store.build import SECOND, T0, failing_checkout, row, span
from tests.store.clickhouse_house import new_url, require_engine
from tests.store.questions import questions

NASTY: Final = "a' OR 1=1 -- \\ {p0:String} %s \n\t\0 ß"
MINUTE: Final = 60 * SECOND
SUMMED: Final = (
    "services", "service_map", "operations", "series", "breakdowns by tags", "tags", "find_traces all",
    "find_sessions", "trace_summaries", "spans_of_trace", "coverage",
)  # fmt: skip
"""Questions that what is settled answers."""


@dataclass
class Prepared:
    """A store, and readers of it that use our own tables and that do not."""

    connections: Connections
    reader: ClickHouseReader
    plain: ClickHouseReader
    writer: ClickHouseWriter

    def write(self, spans: Sequence[Span]) -> None:
        self.writer.write(Batch([row(one) for one in spans]))

    def settler(self) -> Settler:
        """A settler that is not behind, and waits for no other."""
        connections = Connections(self.connections.address)
        return Settler(connections, Lease(connections, settle_s=0), behind_s=0)

    def settle(self) -> int:
        """Settle all there is; returns how many minutes."""
        settler, settled = self.settler(), 0
        while found := settler.step():
            settled += found
        settler.close()
        return settled

    def count(self, table: str) -> int:
        return int(self.connections.rows(f"SELECT count() FROM {self.connections.source(table)}")[0][0])

    def differences(self, *windows: Window, names: Sequence[str] | None = None) -> list[str]:
        """What readers with and without our own tables answer differently, in a snapshot and without one."""
        assert self.reader.is_prepared()
        found = []
        for place, window in enumerate(windows):
            asked, plain = questions(self.reader, window), questions(self.plain, window)
            if not place:
                asked |= _more_questions(self.reader, window)
                plain |= _more_questions(self.plain, window)
            for name in names or asked:
                question = asked[name]
                expected = comparable(plain[name]())
                answers = {"": comparable(question())}
                if not place:
                    with self.reader.snapshot():
                        answers["in a snapshot "] = comparable(question())
                found += [
                    f"{how}{name} of {window}: {answer!r:.400} without: {expected!r:.400}"
                    for how, answer in answers.items()
                    if answer != expected
                ]
        return found

    def close(self) -> None:
        for each in (self.writer, self.reader, self.plain, self.connections):
            each.close()


def _more_questions(reader: ClickHouseReader, window: Window) -> dict[str, Callable[[], object]]:
    """Some that our own tables answer in another way, beside those of the contract."""

    def by(tags: Sequence[str], *where: tuple[str, str], received: bool = False) -> Callable[[], object]:
        return lambda: reader.breakdowns(
            "frontend" if received else None, tags, window, dict(where), 50, None, received=received
        )

    failed = reader.rum_errors(window)[0]
    searches = {
        "slowest": TraceQuery(window, sort="slowest", limit=40),
        "slowest errors": TraceQuery(window, sort="slowest", error="origin", environment="lab"),
        "that last": TraceQuery(window, min_ns=60 * SECOND, max_ns=90 * SECOND),
        "of an attribute that last": TraceQuery(window, min_ns=SECOND, attributes={"odd": NASTY}),
        "of no value": TraceQuery(window, attributes={"odd": "nobody has it"}),
    }
    found = {
        f"find_traces {name}": lambda query=query: reader.find_traces(query)
        for name, query in searches.items()
    }
    return found | {
        "count_traces that last": lambda: reader.count_traces(searches["that last"]),
        "pages of the slowest": lambda: _pages(reader, searches["slowest"]),
        "values_holding a seat": lambda: reader.values_holding("enduser.id", "U"),
        "values_holding a page": lambda: reader.values_holding("page", "/"),
        "services_holding an e": lambda: reader.services_holding("e"),
        "trace_ids_ending": lambda: reader.trace_ids_ending(f"{5:016x}"),
        "trace_ids_with more": lambda: reader.trace_ids_with("0000000"),
        "trace_ids_with other digits": lambda: reader.trace_ids_with("fedcba"),
        "span_ids_beginning whole": lambda: reader.span_ids_beginning(f"{1000:016x}"),
        "browser_of_trace": lambda: [
            reader.browser_of_trace(each.trace_id) for each in reader.find_traces(searches["slowest"]).items
        ],
        "breakdowns of calls": by(["odd", "version"], received=True),
        "breakdowns among some": by(["odd", "version", "orderId"], ("odd", NASTY), ("version", "v1")),
        "breakdowns without": by(["odd"], ("odd", "")),
        "rum_measures of some": lambda: reader.rum_measures(window, {"page": "/a"}),
        "rum_series of errors": lambda: reader.rum_series("js_errors", window, 7, {"app": NASTY}),
        "rum_breakdowns of errors": lambda: reader.rum_breakdowns("js_errors", ["page", "odd"], window),
        "rum_errors of some": lambda: reader.rum_errors(window, {"page": "/b"}),
        "errors_seen there": lambda: reader.errors_seen([each.error_id for each in failed]),
        "affected by some": lambda: reader.affected(
            "frontend", window, {"version": "v1"}, "x", "origin", amounts=True
        ),
    }


def _pages(reader: ClickHouseReader, query: TraceQuery) -> list[TraceSummary]:
    found: list[TraceSummary] = []
    while True:
        page = reader.find_traces(query)
        found += page.items
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


def comparable(answer: object) -> object:
    """An answer without what is told of the tables themselves."""
    if isinstance(answer, StoreStatus):
        return replace(answer, prepared=None, settled_unix_nano=None, bytes=0)
    return answer


def prepared(*, before: Sequence[Span] = ()) -> Prepared:
    """A new store that was prepared when these spans were there."""
    require_engine()
    connections = Connections(read_address(new_url()))
    with_spans(connections)
    writer = ClickHouseWriter(Connections(connections.address), linger_s=0)
    if before:
        writer.write(Batch([row(one) for one in before]))
    execute(connections, plan(connections), lambda _: None)
    plain = ClickHouseReader(Connections(connections.address))
    # It never looks for them.
    plain._asked_s = math.inf
    return Prepared(connections, ClickHouseReader(Connections(connections.address)), plain, writer)


def hostile(seed: int, traces: int, minutes: int) -> list[Span]:
    """Traces over so many minutes after T0: torn ones, strays, odd names, browsers that name answers."""
    rng = random.Random(seed)
    spans: list[Span] = []
    for number in range(traces):
        trace_id = TraceId(f"{seed:04x}{number:028x}")
        at = rng.randrange(minutes * 60_000)
        spans += _trace(rng, trace_id, at, 1000 * (number + 1))
        if rng.random() < 0.3:
            session = f"s{rng.randrange(9)}"
            named = {"link.traceId": trace_id.upper() if rng.random() < 0.5 else trace_id, "page": NASTY}
            click = span(7, 0, "page", "click", start_ms=at + rng.randrange(-9_000, 90_000), browser=True,
                         session=session, attributes={"splunk.rumSessionId": session, **named},
                         trace_id=TraceId(f"b{seed:03x}{number:028x}"))  # fmt: skip
            spans.append(click)
            spans += _browser(rng, session, at, f"c{seed:03x}{number:028x}")
    return [*spans, *failing_checkout()]


def _browser(rng: random.Random, session: str, at: int, trace_id: str) -> list[Span]:
    """A page that loads, and an error that is thrown, said on the console, or both, around a minute's end."""
    near = at // 60_000 * 60_000 if rng.random() < 0.5 else at
    failed = {"error": "true", "error.object": "TypeError", "error.message": rng.choice(["x", NASTY])}
    named = {"splunk.rumSessionId": session, "location.href": "http://shop/" + rng.choice("ab"), "app": NASTY}
    events = [("documentLoad", 0, {}), ("onerror", -1, failed), ("console.error", 1, failed)]
    return [
        span(9 + place, 0, "page", name, start_ms=near + shift, ms=rng.randrange(5_000), browser=True,
             session=session, attributes={**named, **more, "component": "error" if more else "document-load"},
             trace_id=TraceId(trace_id))
        for place, (name, shift, more) in enumerate(events)
        if rng.random() < 0.7
    ]  # fmt: skip


def _trace(rng: random.Random, trace_id: TraceId, at: int, first: int) -> list[Span]:
    names = ["frontend", "checkoutservice", NASTY, "", "paymentservice"]
    spans = []
    for place in range(rng.randrange(1, 9)):
        parent = first + rng.randrange(place) if place else 0
        if rng.random() < 0.1:
            # A parent that never comes.
            parent = 999
        attributes: dict[str, str | int] = {"odd": rng.choice(["x", "ß", NASTY])}
        if rng.random() < 0.5:
            attributes |= {"version": rng.choice(["v1", "v2", NASTY]), "http.route": "/cart/checkout"}
        if rng.random() < 0.3:
            attributes |= {"deployment.environment.name": rng.choice(["lab", "prod"]), "enduser.id": "u1"}
        kind = rng.choice(list(SpanKind))
        if kind is SpanKind.CLIENT:
            attributes["peer.service"] = rng.choice([*names, "outside"])
        spans.append(
            span(first + place, parent, rng.choice(names), rng.choice(["x", "y", NASTY]), kind=kind,
                 start_ms=at + rng.choice([0, place, 40_000 * place, -place]),
                 ms=rng.choice([0, 1, 70_000, 9]),
                 error=rng.random() < 0.2, attributes=attributes, trace_id=trace_id)
        )  # fmt: skip
    return spans


def windows(minutes: int) -> list[Window]:
    """All of it, and pieces that begin and end within minutes."""
    return [
        Window(T0 - MINUTE, T0 + (minutes + 5) * MINUTE),
        Window(T0 + 61 * SECOND, T0 + 17 * MINUTE + 13),
        Window(T0 + 90 * SECOND, T0 + 100 * SECOND),
        Window(T0 + 12 * MINUTE, T0 + 13 * MINUTE),
    ]
